// expect: raptr: this schedule scales whole blocks (raptr::inverse)
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/bert.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using network_of_choice = transformer<gpt2_block, causal_lm, cpu>;

#ifdef RIGHT
using scaled = constant<layer_drop<keep<9>, inverse_per_branch>>;
#else
using scaled = constant<layer_drop<keep<9>, inverse>>;
#endif
trainer t(transformer<bert_block, masked_lm, cpu>({}), scaled{}, adamw{});
