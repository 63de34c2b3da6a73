// SPDX-License-Identifier: Apache-2.0
// Micro-batches of a step are weighed by the targets of all of them.
#include <doctest/doctest.h>

#include "run_text.hpp"
#include "scratch_folder.hpp"
#include "small_run.hpp"

using namespace raptr;
using namespace raptr::testing;

namespace {}

TEST_CASE_TEMPLATE("A batch of 8 is a batch of 2 accumulated 4 times, within rounding", Device, RAPTR_TEST_DEVICES) {
  using block = block<gpt2_block, fp64>;
  small_run<Device, block> whole, parts;
  std::vector<double> a, b;
  const auto record = [](std::vector<double>& to) {
    return [&to](const step_report& r) { to.insert(to.end(), {r.loss, r.gradient_norm, double(r.tokens)}); };
  };
  whole.trainer.run(text, {.steps = 6, .batch = 8}, record(a)), parts.trainer.run(text, {.steps = 6, .batch = 2, .accumulate = 4}, record(b));
  REQUIRE(a.size() == 18);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(b[i] == doctest::Approx(a[i]).epsilon(1e-11));
  const auto x = whole.state(), y = parts.state();
  double most = 0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(x[i] - y[i]));
  CHECK(most < 1e-9);
}

TEST_CASE("Uneven micro-batches of masked_lm are weighed by their targets too") {
  using block = block<bert_block, fp64>;
  const masked_lm coins{.rate = 0.3, .masking = masking::independent};
  small_run<host_device, block, masked_lm> whole("full", dropped_update::frozen, {.lr = 1e-2}, run_shape, {1}, coins),
      parts("full", dropped_update::frozen, {.lr = 1e-2}, run_shape, {1}, coins);
  std::vector<double> a, b;
  whole.trainer.run(text, {.steps = 5, .batch = 6}, [&](const step_report& r) { a.insert(a.end(), {r.loss, double(r.targets)}); });
  parts.trainer.run(text, {.steps = 5, .batch = 1, .accumulate = 6}, [&](const step_report& r) { b.insert(b.end(), {r.loss, double(r.targets)}); });
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(b[i] == doctest::Approx(a[i]).epsilon(1e-11));
}

TEST_CASE("Sequences that go round a block are those of the step, in whatever micro-batch they are") {
  using block = block<gpt2_block, fp64>;
  small_run<host_device, block> whole("sequences(inverse) 1/2-full"), parts("sequences(inverse) 1/2-full");
  std::vector<double> a, b;
  whole.trainer.run(text, {.steps = 6, .batch = 8}, [&](const step_report& r) { a.insert(a.end(), {r.loss, r.gradient_norm}); });
  parts.trainer.run(text, {.steps = 6, .batch = 2, .accumulate = 4}, [&](const step_report& r) { b.insert(b.end(), {r.loss, r.gradient_norm}); });
  REQUIRE(a.size() == 12);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(b[i] == doctest::Approx(a[i]).epsilon(1e-11));
}
