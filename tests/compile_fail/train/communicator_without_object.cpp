// expect: raptr: a trainer with a communicator in its type needs that object
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/comm/thread_ranks.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using small_model = transformer<gpt2_block, causal_lm, cpu>;
void train(thread_rank& comm) {
#ifdef RIGHT
  trainer<small_model, paper, adamw, thread_rank> t(small_model({}), paper{}, adamw{}, comm);
#else
  trainer<small_model, paper, adamw, thread_rank> t(small_model({}), paper{}, adamw{});
#endif
}
