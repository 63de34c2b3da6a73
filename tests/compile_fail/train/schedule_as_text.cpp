// expect: raptr: the second argument of trainer is a schedule
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/any_schedule.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using network_of_choice = transformer<gpt2_block, causal_lm, cpu>;

#ifdef RIGHT
trainer t(network_of_choice({}), any_schedule("6-8-10-12"), adamw{});
#else
trainer t(network_of_choice({}), "6-8-10-12", adamw{});
#endif
