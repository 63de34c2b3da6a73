// SPDX-License-Identifier: Apache-2.0
// Everything that training on a GPU instantiates, for GPT-2 and BERT blocks in fp32 and bf16. It is compiled and never run, to
// check that all of it compiles and how many registers it takes.
#include <raptr/backend/cuda.cuh>
#include <raptr/raptr.hpp>

namespace raptr {

template <class Block, class Objective> using trained = trainer<transformer<Block, Objective, cuda>, any_schedule, adamw, warmup_cosine>;

template <class Block, class Objective> void instantiate() {
  struct no_tokens {
    std::int64_t size() const { return 0; }
    void read(std::int64_t, std::span<std::int32_t>) const {}
    raptr::vocabulary vocabulary() const { return {}; }
  } tokens;
  trained<Block, Objective> one(transformer<Block, Objective, cuda>({}), any_schedule("full"), adamw{}, warmup_cosine{},
                                raptr::update_options{.dropped = dropped_update::zero_gradient});
  one.run(tokens, {.steps = 1});
}
void all() {
  instantiate<gpt2_block, causal_lm>();
  instantiate<bert_block, masked_lm>();
  instantiate<block<gpt2_block, bf16>, causal_lm>();
  instantiate<block<bert_block, bf16>, masked_lm>();
  instantiate<block<gpt2_block, rms_norm, swiglu_mlp, bf16>, causal_lm>();
}

}  // namespace raptr
