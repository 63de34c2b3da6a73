// SPDX-License-Identifier: Apache-2.0
// The order of samples and the windows of a text: everything once an epoch, nothing outside.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <raptr/data/sample_order.hpp>
#include <raptr/data/windows.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>

#include "scratch_folder.hpp"
#include "token_list.hpp"

using namespace raptr;
using raptr::testing::token_list;

TEST_CASE("Every epoch visits every window exactly once, in an order of its own") {
  for (const std::int64_t windows : {1, 2, 7, 40, 1000}) {
    sample_order order(windows, 3);
    std::vector<std::vector<std::int64_t>> epochs;
    for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
      std::vector<int> seen(std::size_t(windows), 0);
      epochs.emplace_back();
      for (std::int64_t k = 0; k < windows; ++k) {
        CHECK(order.epoch(epoch * windows + k) == epoch);
        epochs.back().push_back(order[epoch * windows + k]);
        ++seen.at(std::size_t(epochs.back().back()));
      }
      CHECK(seen == std::vector<int>(std::size_t(windows), 1));
    }
    if (windows < 7) continue;
    CHECK(epochs[0] != epochs[1]);
    CHECK(epochs[1] != epochs[2]);
    sample_order other(windows, 4);
    std::vector<std::int64_t> first;
    for (std::int64_t k = 0; k < windows; ++k) first.push_back(other[k]);
    CHECK(first != epochs[0]);
  }
}

TEST_CASE("The window of a sample does not depend on what was asked before") {
  sample_order forward(40, 9), jumping(40, 9);
  std::vector<std::int64_t> all;
  for (std::int64_t s = 0; s < 120; ++s) all.push_back(forward[s]);
  for (const std::int64_t s : {119, 3, 41, 40, 39, 80, 0, 79}) CHECK(jumping[s] == all[std::size_t(s)]);
}

TEST_CASE("Every window comes first equally often: chi-square over 4,000 seeds") {
  constexpr int windows = 20, seeds = 4000;
  std::vector<double> first(windows, 0), last(windows, 0);
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    sample_order order(windows, seed);
    ++first[std::size_t(order[0])], ++last[std::size_t(order[windows - 1])];
  }
  for (const auto& counts : {first, last}) {
    double sum = 0;
    for (const double n : counts) sum += std::pow(n - seeds / windows, 2) / (seeds / windows);
    CHECK(sum < 19 + 5 * std::sqrt(2 * 19.0));
  }
}

TEST_CASE("A text shorter than one sequence is refused with both numbers, and from there on every size works") {
  for (const std::int64_t size : {0, 1, 31, 32, 33, 34, 64, 65}) {
    const token_list text(size);
    const auto causal = [&] { return windows<token_list, causal_lm>(text, causal_lm{}, 32).count(); };
    const auto masked = [&] { return windows<token_list, masked_lm>(text, masked_lm{}, 32).count(); };
    CAPTURE(size);
    if (size < 33) {
      const std::string sentence = sentence_of<input_error>(causal);
      CHECK(has(sentence, "has " + std::to_string(size) + " tokens"));
      CHECK(has(sentence, "needs 33"));
    } else {
      CHECK(causal() == (size - 1) / 32);
    }
    if (size < 32)
      CHECK(has(sentence_of<input_error>(masked), "needs 32"));
    else
      CHECK(masked() == size / 32);
  }
}

TEST_CASE("The windows of a text lie side by side: every token but the first is a target once") {
  const token_list text(32 * 5 + 1);
  windows<token_list, causal_lm> cut(text, causal_lm{}, 32);
  std::vector<int> predicted;
  for (std::int64_t k = 0; k < cut.count(); ++k) {
    batch b;
    cut.add(b, k, 1, k);
    for (const target& t : b.targets) predicted.push_back(t.id);
    CHECK(b.ids[0] == text.id(32 * k));
  }
  REQUIRE(predicted.size() == 160);
  for (std::int64_t i = 0; i < 160; ++i) CHECK(predicted[std::size_t(i)] == text.id(i + 1));
}

TEST_CASE("Framed windows lie side by side: two rows of the context are [CLS] and [SEP], and every token is in one window") {
  const vocabulary with_frame{.size = 40, .end_of_text = 37, .mask = 38, .pad = 39, .cls = 36, .sep = 37};
  for (const std::int64_t size : {29, 30, 31, 59, 60, 61, 300}) {
    CAPTURE(size);
    const token_list text(size, with_frame);
    const auto count = [&](const masked_lm& objective) { return windows<token_list, masked_lm>(text, objective, 32).count(); };
    if (size < 30) {
      CHECK(has(sentence_of<input_error>([&] { count({}); }), "needs 30"));
      continue;
    }
    CHECK(count({}) == size / 30);
    if (size >= 32) CHECK(count({.frame = framing::none}) == size / 32);
    windows<token_list, masked_lm> cut(text, masked_lm{.rate = 1e-9}, 32);
    for (std::int64_t k = 0; k < cut.count(); ++k) {
      batch b;
      cut.add(b, k, 1, k);
      REQUIRE(b.ids.size() == 32);
      CHECK(b.ids.front() == 36);
      CHECK(b.ids.back() == 37);
      for (const target& t : b.targets) b.ids[std::size_t(t.row)] = t.id;
      for (std::int64_t i = 0; i < 30; ++i) CHECK(b.ids[std::size_t(i + 1)] == text.id(30 * k + i));
    }
  }
  const token_list text(100, with_frame);
  for (const int context : {1, 2})
    CHECK(has(sentence_of<input_error>([&] { windows<token_list, masked_lm>(text, masked_lm{}, context); }),
              "a context of " + std::to_string(context) + " has no room for a token between [CLS] and [SEP]"));
  CHECK(windows<token_list, masked_lm>(text, masked_lm{}, 3).count() == 100);
  CHECK(windows<token_list, masked_lm>(text, masked_lm{.frame = framing::none}, 2).count() == 50);
}
