// expect: raptr: a learning-rate rule has no block_rate()
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/optim/adamw.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;

struct faster_blocks {
#ifdef RIGHT
  double operator()(const run_position& now) const { return now.depth_share > 0 ? 2 : 1; }
#else
  double operator()(const run_position&) const { return 1; }
  double block_rate(double) const { return 2; }
#endif
};
using trained = trainer<transformer<gpt2_block, causal_lm, cpu>, paper, adamw, faster_blocks>;
void look(trained& t) { t.done(); }
