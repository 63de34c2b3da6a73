// expect: raptr: trainer needs an optimizer
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using network_of_choice = transformer<gpt2_block, causal_lm, cpu>;

#ifdef RIGHT
trainer t(network_of_choice({}), paper{}, constant_rate{}, adamw{});
#else
trainer t(network_of_choice({}), paper{}, constant_rate{});
#endif
