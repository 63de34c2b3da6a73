// expect: raptr: an optimizer of trainer, such as raptr::adamw
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/schedule/then.hpp>
#include <raptr/train/trainer.hpp>

using namespace raptr;

struct signs {
  static constexpr int moments = 1;
  static constexpr double flops = 4;
  static constexpr const char* moment_names[] = {"momentum"};
  double lr = 1e-3, weight_decay = 0;
  template <class S> void prepare(unit_scalars<S>&) const {}
#ifdef RIGHT
  template <class S> void update(const unit_scalars<S>& u, S& w, S g, S& m) const { m = g, w -= u.rate * m; }
#else
  template <class S> void update(const unit_scalars<S>& u, S& w, S g) const { w -= u.rate * g; }  // no place for its moment
#endif
};

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using small_model = transformer<gpt2_block, causal_lm, cpu>;
trainer t(small_model({}), paper{}, signs{});
