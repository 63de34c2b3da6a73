// SPDX-License-Identifier: Apache-2.0
// Everything that a training run on a GPU instantiates, for GPT-2 and BERT blocks in fp32 and bf16 with every axis and every
// rule for dropped parts. It is compiled where nvcc is and never run: that all of it compiles, and with which registers, is
// the question. The other side, cpu.hpp, is here too, because one file may hold both devices.
#include <raptr/backend/cpu.hpp>
#include <raptr/backend/cuda.cuh>
#include <raptr/raptr.hpp>

namespace raptr {

using gpt_bf16 = block<gpt2_block, bf16>;
using bert_bf16 = block<bert_block, bf16>;
template <class Block, class Objective, class Device> using trainer_of =
    trainer<transformer<Block, Objective, Device>, any_schedule, adamw, warmup_cosine>;

template class trainer<transformer<gpt2_block, causal_lm, cuda>, any_schedule, adamw, warmup_cosine>;

}  // namespace raptr
