// SPDX-License-Identifier: Apache-2.0
// Stage lengths by a power of the stage's number.
#include <cmath>

#include "schedule_checks.hpp"

using namespace raptr;

namespace {

std::vector<std::int64_t> lengths(const auto& schedule, std::int64_t total) {
  std::vector<std::int64_t> all;
  for (std::int64_t step = 0; step < total; step += all.back()) all.push_back(stage_end(schedule, step, total) - step);
  return all;
}

}  // namespace

TEST_CASE("power stages: 0 is equal, 1 proportional, 2 the squares") {
  using list = std::vector<std::int64_t>;
  CHECK(lengths(power_stages<layer_drop, 0, 6, 8, 10, 12>{}, 300) == list{75, 75, 75, 75});
  CHECK(lengths(power_stages<layer_drop, 1, 6, 8, 10, 12>{}, 300) == list{30, 60, 90, 120});
  CHECK(lengths(power_stages<layer_drop, 2, 6, 8, 10, 12>{}, 300) == list{10, 40, 90, 160});
  static_assert(std::same_as<power_stages<layer_drop, 1, 6, 8>, proportional_stages<layer_drop, 6, 8>>);
  static_assert(block_flops_ratio<power_stages<layer_drop, 2, 6, 12>, example_block>(bert_base) == 0.9);
}

TEST_CASE("power stages as type, list and text have the same plans") {
  const power_stages<layer_drop, 2, 6, 8, 10, 12> type;
  round_trips(type, "6-8-10-12@1:4:9:16");
  reads_as("6-8-10-12@^2", type);
  reads_as("6-8-10-12@^0", equal_stages<layer_drop, 6, 8, 10, 12>{});
  reads_as("6-8-10-12@^1", proportional_stages<layer_drop, 6, 8, 10, 12>{});
  CHECK(any_schedule("6-8-10-12@^2").text() == "6-8-10-12@^2");
  CHECK(any_schedule(" heads 1/2 - full @ ^ 1.5 ").text() == "heads 1/2-full@^1.5");
  round_trips(any_schedule("6-8-10-12@^1.5"), "6-8-10-12@^1.5");
}

TEST_CASE("power stages: any exponent, to a millionth of the run") {
  const any_schedule text("6-8-10-12@^1.5");
  const double sum = 1 + std::pow(2, 1.5) + std::pow(3, 1.5) + std::pow(4, 1.5);
  const auto parts = lengths(text, 100'000'000);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(static_cast<double>(parts[i]) / 1e8 == doctest::Approx(std::pow(static_cast<double>(i + 1), 1.5) / sum).epsilon(1e-5));
  CHECK_NOTHROW(lengths(text, std::int64_t{1} << 40));
  CHECK_THROWS_WITH_AS(power_list({stage_rule{}}, -1), "raptr: the exponent of the stage lengths is -1: give a number from 0 to 8", input_error);
  CHECK_THROWS_AS(power_list({}, 1), input_error);
}
