// SPDX-License-Identifier: Apache-2.0
// A block that trains for the first time after a resume: its own step count went through the checkpoint.
#include <doctest/doctest.h>

#include <cmath>

#include <raptr/checkpoint/checkpoint.hpp>
#include <raptr/optim/adamw.hpp>

#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {

constexpr adamw plain{.lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0};

struct by_hand : small_run<host_device> {
  explicit by_hand(dropped_update dropped) : small_run("full", dropped, plain) {}
  /// A step of these blocks with the same gradient everywhere.
  void step(const unit_set& blocks, float g) {
    auto& model = trainer.model();
    model.begin(step_plan::of_blocks(model.plan_layout(), blocks));
    const std::vector<float> all(static_cast<std::size_t>(model.active().size), g);
    model.ops().upload(model.gradients(), all.data(), all.size());
    trainer.optimizer().step(model, plain.lr, 0);
  }
  double weight_of(int block) {
    const auto& layout = trainer.model().layout();
    return trainer.model().get_weights()[static_cast<std::size_t>(layout.all()[layout.of(block, 1) + 2].first)];
  }
};

}  // namespace

TEST_CASE("a parameter that starts at step 2, after a resume, goes to .99 when frozen and to .99255863 under zero_gradient") {
  for (const auto dropped : {dropped_update::frozen, dropped_update::zero_gradient}) {
    by_hand before(dropped), after(dropped);
    before.trainer.model().set_weights(std::vector<float>(static_cast<std::size_t>(before.trainer.model().layout().size()), 1.0f));
    before.step({0}, 0.5f);
    CHECK(before.weight_of(1) == 1.0);
    const scratch_folder in;
    save_checkpoint(in / "one", before.trainer, token_list(200).vocabulary());
    load_checkpoint(in / "one", after.trainer);
    CHECK(std::abs(after.weight_of(0) - 0.99) < 1e-7);
    after.step({0, 1}, 0.5f);
    CHECK(std::abs(after.weight_of(1) - (dropped == dropped_update::frozen ? 0.99 : 0.99255863)) < 1e-7);
    CHECK(std::abs(after.weight_of(0) - 0.98) < 1e-7);
  }
}
