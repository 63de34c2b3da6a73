// expect: raptr: trainer has two policies of one role
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using small_model = transformer<gpt2_block, causal_lm, cpu>;

#ifdef RIGHT
trainer t(small_model({}), paper{}, update_options{}, warmup_linear{.warmup = 8}, adamw{});
#else
trainer t(small_model({}), paper{}, adamw{}, warmup_linear{.warmup = 8}, update_options{}, constant_rate{});
#endif
