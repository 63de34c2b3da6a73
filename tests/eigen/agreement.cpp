// SPDX-License-Identifier: Apache-2.0
// raptr::eigen trains what raptr::cpu trains: the same plans, batches and random numbers, losses within rounding on every axis, for
// both families; and each resumes from the other's checkpoint.
#include <raptr/backend/cpu.hpp>
#include <raptr/backend/eigen.hpp>

#include "agreement.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

template <class Block, class Objective> void compare_losses(double bound) {
  int row = 0;
  for (const char* schedule : every_axis) {
    CAPTURE(std::string(schedule));
    const auto dropped = dropped_update(row++ % 3);
    const auto want = losses_of(made<Block, Objective, cpu>(schedule, dropped), 20);
    const auto got = losses_of(made<Block, Objective, eigen>(schedule, dropped), 20);
    CHECK(want.size() == 20);
    CHECK(want.front() - want.back() > 0.01);  // it learns, so it is worth comparing
    CHECK(distance(got, want) < bound);
  }
}
TEST_CASE("The losses of 20 steps of a GPT on every axis are those of raptr::cpu, to 1e-10 in double") { compare_losses<gpt64, causal_lm>(1e-10); }
TEST_CASE("The losses of 20 steps of a BERT on every axis are those of raptr::cpu, to 1e-10 in double") { compare_losses<bert64, masked_lm>(1e-10); }
TEST_CASE("The losses of 20 steps of a GPT on every axis are those of raptr::cpu, to 1e-4 in float") { compare_losses<gpt2_block, causal_lm>(1e-4); }

template <class Block, class Objective> void resumes_across() {
  for (const char* schedule : every_axis) {
    CAPTURE(std::string(schedule));
    const auto want = losses_of(made<Block, Objective, cpu>(schedule), 9);
    const std::vector<double> rest(want.begin() + 5, want.end());
    CHECK(distance(losses_across_a_resume(made<Block, Objective, cpu>(schedule), made<Block, Objective, eigen>(schedule)), rest) < 1e-11);
    CHECK(distance(losses_across_a_resume(made<Block, Objective, eigen>(schedule), made<Block, Objective, cpu>(schedule)), rest) < 1e-11);
  }
}
TEST_CASE("A run of a GPT on every axis goes on with the checkpoint of the other device") { resumes_across<gpt64, causal_lm>(); }
TEST_CASE("A run of a BERT on every axis goes on with the checkpoint of the other device") { resumes_across<bert64, masked_lm>(); }

}  // namespace
