// SPDX-License-Identifier: Apache-2.0
// What the objectives choose, hide and show, against the numbers of the published schemes.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

using namespace raptr;

namespace {
constexpr vocabulary words{.size = 100, .end_of_text = 97, .mask = 98, .pad = 99};
std::vector<std::int32_t> text_of(int n) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < n; ++i) ids.push_back((i * 7 + 3) % 97);
  return ids;
}
batch masked(const masked_lm& objective, const std::vector<std::int32_t>& ids, std::int64_t sample, std::uint64_t seed = 1) {
  batch b;
  objective.add(b, ids, words, seed, sample);
  return b;
}
}  // namespace

TEST_CASE("Masking in the manner of BERT chooses rint(0.15 n) tokens, and at least one") {
  for (const auto& [n, expected] : {std::pair{1, 1}, {2, 1}, {3, 1}, {12, 2}, {30, 4}, {128, 19}, {512, 77}})
    for (std::int64_t sample = 0; sample < 20; ++sample) CHECK(masked({}, text_of(n), sample).targets.size() == std::size_t(expected));
}

TEST_CASE("Special tokens are never chosen, and count for the length all the same") {
  std::vector<std::int32_t> ids = text_of(30);
  for (const std::size_t k : {0u, 3u, 7u, 29u}) ids[k] = k == 3 ? 99 : k == 7 ? 98 : 97;
  for (std::int64_t sample = 0; sample < 200; ++sample) {
    const batch b = masked({}, ids, sample);
    CHECK(b.targets.size() == 4);
    for (const target& t : b.targets) CHECK_FALSE(words.is_special(t.id));
    for (const std::size_t k : {0u, 3u, 7u, 29u}) CHECK(b.ids[k] == ids[k]);
  }
  const std::vector<std::int32_t> only(20, 97), nearly{97, 97, 5, 97};
  CHECK(masked({}, only, 0).targets.empty());
  CHECK(masked({}, nearly, 0).targets.size() == 1);
}

TEST_CASE("Targets are the hidden tokens in ascending order, and everything that is no target is shown as it is") {
  const auto ids = text_of(128);
  for (std::int64_t sample = 0; sample < 50; ++sample) {
    batch b;
    b.ids.assign(5, 0), b.add_segment(5, 0);
    masked_lm{}.add(b, ids, words, 1, sample);
    REQUIRE(b.ids.size() == 133);
    CHECK(b.segments[1].first == 5);
    CHECK(b.segments[1].prefix == 128);
    CHECK(b.positions[5] == 0);
    std::set<int> rows;
    int last = 4;
    for (const target& t : b.targets) {
      CHECK(t.row > last);
      CHECK(t.id == ids[std::size_t(t.row - 5)]);
      CHECK(t.weight == 1.0f);
      rows.insert(last = t.row);
    }
    for (int r = 5; r < 133; ++r)
      if (!rows.contains(r) && b.ids[std::size_t(r)] != ids[std::size_t(r - 5)]) FAIL_CHECK("row " << r);
  }
}

TEST_CASE("Of the chosen tokens 80% are hidden, 10% replaced by an id of the tokenizer and 10% kept, each within 4 deviations") {
  const auto ids = text_of(512);
  double chosen = 0, hidden = 0, kept = 0, replaced = 0;
  std::vector<double> shown(100, 0), by_position(512, 0);
  for (std::int64_t sample = 0; sample < 1000; ++sample) {
    const batch b = masked({}, ids, sample);
    for (const target& t : b.targets) {
      const int now = b.ids[std::size_t(t.row)];
      REQUIRE(now >= 0);
      REQUIRE(now < words.size);
      ++chosen, ++by_position[std::size_t(t.row)];
      if (now == words.mask)
        ++hidden;
      else if (now == t.id)
        ++kept;
      else
        ++replaced;
      if (now != words.mask && now != t.id) ++shown[std::size_t(now)];
    }
  }
  const auto within = [&](double count, double p) { return std::abs(count - p * chosen) < 4 * std::sqrt(chosen * p * (1 - p)); };
  CHECK(chosen == 77'000);
  CHECK(within(hidden, 0.8 + 0.1 / 100));
  CHECK(within(kept, 0.1 + 0.1 / 100));
  CHECK(within(replaced, 0.1 * 98 / 100));
  double squares = 0;
  for (int id = 0; id < 100; ++id)
    if (id != words.mask) squares += std::pow(shown[std::size_t(id)] - replaced / 99, 2) / (replaced / 99);
  CHECK(squares < 98 + 5 * std::sqrt(2 * 98.0));
  squares = 0;
  for (const double n : by_position) squares += std::pow(n - chosen / 512, 2) / (chosen / 512 * (1 - 77.0 / 512));
  CHECK(squares < 511 + 5 * std::sqrt(2 * 511.0));
  CHECK(squares > 511 - 5 * std::sqrt(2 * 511.0));
}

TEST_CASE("Independent masking has the mean and the variance of coins, and leaves 27% of 8-token windows empty") {
  const auto ids = text_of(8);
  double sum = 0, squares = 0, empty = 0;
  constexpr int samples = 20'000;
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    const auto n = double(masked({.masking = masking::independent}, ids, sample).targets.size());
    sum += n, squares += n * n, empty += n == 0;
  }
  const double mean = sum / samples, variance = squares / samples - mean * mean;
  CHECK(std::abs(mean - 1.2) < 4 * std::sqrt(1.02 / samples));
  CHECK(variance == doctest::Approx(8 * 0.15 * 0.85).epsilon(0.05));
  CHECK(empty / samples == doctest::Approx(std::pow(0.85, 8)).epsilon(0.05));
}

TEST_CASE("A draw depends on the seed and the sample, and not on the place in the batch") {
  const auto ids = text_of(64);
  const masked_lm objective;
  batch alone = masked(objective, ids, 7), b;
  objective.add(b, ids, words, 1, 6), objective.add(b, ids, words, 1, 7);
  CHECK(std::vector<int>(b.ids.begin() + 64, b.ids.end()) == alone.ids);
  CHECK(std::vector<int>(b.ids.begin(), b.ids.begin() + 64) != alone.ids);
  CHECK(masked(objective, ids, 7, 2).ids != alone.ids);
  CHECK(masked(objective, ids, 7).ids == alone.ids);
  std::set<std::vector<int>> different;
  for (std::int64_t sample = 0; sample < 100; ++sample) different.insert(masked(objective, ids, sample).ids);
  CHECK(different.size() == 100);
}

TEST_CASE("In causal modelling every token predicts the next one, the last one is a target only, and nothing is drawn") {
  batch b;
  const std::vector<std::int32_t> ids{5, 97, 3, 8};
  causal_lm{}.add(b, ids, words, 1, 0), causal_lm{}.add(b, ids, words, 2, 9);
  CHECK(b.ids == std::vector<int>{5, 97, 3, 5, 97, 3});
  CHECK(b.positions == std::vector<int>{0, 1, 2, 0, 1, 2});
  REQUIRE(b.targets.size() == 6);
  for (int r = 0; r < 6; ++r) {
    CHECK(b.targets[std::size_t(r)].row == r);
    CHECK(b.targets[std::size_t(r)].id == ids[std::size_t(r % 3 + 1)]);
  }
  CHECK(b.segments[1].first == 3);
  CHECK(b.segments[1].prefix == 0);
  CHECK(b.target_weight() == 6);
  CHECK(causal_lm::window(32) == 33);
  CHECK(masked_lm::window(32) == 32);
}
