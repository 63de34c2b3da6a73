// SPDX-License-Identifier: Apache-2.0
// What the objectives choose, hide and show, against the numbers of the published schemes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>
#include <vector>

#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

#include "scratch_folder.hpp"

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

namespace {
// [PAD] [UNK] [CLS] [SEP] [MASK] un ##believ ##able cat dog ##s
constexpr vocabulary pieces{.size = 11, .end_of_text = 3, .mask = 4, .pad = 0, .cls = 2, .sep = 3};
const std::vector<bool> goes_on{false, false, false, false, false, false, true, true, false, false, true};
const masked_lm whole{.masking = masking::whole_words, .inside_word = goes_on};
batch framed(const masked_lm& objective, const std::vector<std::int32_t>& ids, std::int64_t sample) {
  batch b;
  objective.add(b, ids, pieces, 1, sample);
  return b;
}
std::vector<int> rows_of(const batch& b) {
  std::vector<int> rows;
  for (const target& t : b.targets) rows.push_back(t.row);
  return rows;
}
}  // namespace

TEST_CASE("A window is framed as [CLS] A [SEP] where the tokenizer has both, counts them, and never hides them") {
  CHECK(masked_lm{}.window(12, pieces) == 10);
  CHECK(masked_lm{}.window(12, words) == 12);
  CHECK(masked_lm{.frame = framing::none}.window(12, pieces) == 12);
  CHECK(masked_lm{.frame = framing::cls_sep}.window(12, pieces) == 10);
  for (const auto& [n, expected] : {std::pair{3, 1}, {12, 2}, {30, 4}, {128, 19}, {512, 77}}) {
    const std::vector<std::int32_t> ids(std::size_t(n - 2), 8);
    for (std::int64_t sample = 0; sample < 20; ++sample) {
      const batch b = framed({}, ids, sample);
      REQUIRE(b.ids.size() == std::size_t(n));
      CHECK(b.targets.size() == std::size_t(expected));
      CHECK(b.ids.front() == pieces.cls);
      CHECK(b.ids.back() == pieces.sep);
      CHECK(b.segments[0].length == n);
      CHECK(b.segments[0].prefix == n);
      CHECK(b.positions.back() == n - 1);
      for (const target& t : b.targets) CHECK(t.id == 8);
    }
  }
  const batch bare = framed({.frame = framing::none}, std::vector<std::int32_t>(30, 8), 0);
  CHECK(bare.ids.size() == 30);
  CHECK(bare.targets.size() == 4);
  // Of 12 rows 2 are chosen, also where the 10 tokens alone would give rint(1.5) = 2 and a single one of 4 would give 1.
  CHECK(framed({.rate = 0.5}, std::vector<std::int32_t>(3, 8), 0).targets.size() == 2);
  CHECK(framed({.rate = 0.9}, std::vector<std::int32_t>(3, 8), 0).targets.size() == 3);
}

TEST_CASE("max_predictions bounds the targets of a sequence, as 20 of 128 and of 512 do in BERT") {
  for (const auto& [n, most, expected] :
       {std::tuple{128, 20, 19}, {512, 20, 20}, {512, 77, 77}, {512, 80, 77}, {128, 5, 5}, {128, 1, 1}, {12, 0, 2}}) {
    CHECK(masked({.max_predictions = most}, text_of(n), 3).targets.size() == std::size_t(expected));
    const std::vector<std::int32_t> ids(std::size_t(n - 2), 8);
    CHECK(framed({.masking = masking::whole_words, .max_predictions = most, .inside_word = goes_on}, ids, 3).targets.size() == std::size_t(expected));
  }
}

TEST_CASE("With whole words only cat of [CLS] un ##believ ##able cat [SEP] can be chosen") {
  int hidden_with_bert = 0;
  for (std::int64_t sample = 0; sample < 100; ++sample) {
    CHECK(rows_of(framed(whole, {5, 6, 7, 8}, sample)) == std::vector<int>{4});
    hidden_with_bert += rows_of(framed({}, {5, 6, 7, 8}, sample)) != std::vector<int>{4};
  }
  CHECK(hidden_with_bert > 50);
}

TEST_CASE("Words are hidden whole or not at all, a word beyond k is skipped and the next one tried, and words are drawn alike") {
  // cat s | un believ able | dog | dog s | cat: 9 tokens of 11 rows, k = 2 of rate .15, 4 of .4
  const std::vector<std::int32_t> ids{8, 10, 5, 6, 7, 9, 9, 10, 8};
  const std::vector<std::vector<int>> of_words{{1, 2}, {3, 4, 5}, {6}, {7, 8}, {9}};
  std::vector<double> chosen(5, 0);
  int tokens[6] = {};
  for (std::int64_t sample = 0; sample < 6000; ++sample) {
    const auto rows = rows_of(framed(whole, ids, sample));
    CHECK(std::is_sorted(rows.begin(), rows.end()));
    std::size_t whole_rows = 0;
    for (std::size_t w = 0; w < 5; ++w) {
      std::size_t in = 0;
      for (const int row : of_words[w]) in += std::size_t(std::count(rows.begin(), rows.end(), row));
      if (in != 0 && in != of_words[w].size()) FAIL_CHECK("word " << w << " is hidden in part");
      whole_rows += in, chosen[w] += in > 0;
    }
    CHECK(whole_rows == rows.size());
    ++tokens[rows.size()];
  }
  // Of the 5! orders of the words, those of 3 pieces aside: a word of two comes first, or one of one and then the other one of one;
  // a word of two after a single one is skipped.
  CHECK(tokens[2] == 6000);
  CHECK(chosen[1] == 0);
  for (const std::size_t w : {0u, 3u}) CHECK(chosen[w] / 6000 == doctest::Approx(0.25).epsilon(0.08));
  for (const std::size_t w : {2u, 4u}) CHECK(chosen[w] / 6000 == doctest::Approx(0.5).epsilon(0.05));
  for (std::int64_t sample = 0; sample < 300; ++sample)
    CHECK(framed({.rate = 0.4, .masking = masking::whole_words, .inside_word = goes_on}, ids, sample).targets.size() <= 4);
}

TEST_CASE("Each piece of a hidden word has a draw of its own: hidden, kept or random in 80, 10 and 10 of 100") {
  int all_hidden = 0, mixed = 0, words_hidden = 0;
  double hidden = 0, count = 0;
  const masked_lm three{.rate = 0.6, .masking = masking::whole_words, .inside_word = goes_on};
  for (std::int64_t sample = 0; sample < 4000; ++sample) {
    const batch b = framed(three, {5, 6, 7}, sample);
    REQUIRE(b.targets.size() == 3);
    int masks = 0;
    for (const target& t : b.targets) masks += b.ids[std::size_t(t.row)] == pieces.mask;
    ++words_hidden, all_hidden += masks == 3, mixed += masks > 0 && masks < 3, hidden += masks, count += 3;
  }
  const double p = masked_lm::hidden + masked_lm::replaced / pieces.size;
  CHECK(std::abs(hidden - p * count) < 4 * std::sqrt(count * p * (1 - p)));
  CHECK(all_hidden == doctest::Approx(words_hidden * p * p * p).epsilon(0.06));
  CHECK(mixed > words_hidden / 3);
}

TEST_CASE("A word ends at a special token, and a window that begins inside a word has a word of the rest of it") {
  const masked_lm one{.rate = 0.01, .masking = masking::whole_words, .inside_word = goes_on};
  std::set<std::vector<int>> seen;
  for (std::int64_t sample = 0; sample < 200; ++sample) seen.insert(rows_of(framed(one, {7, 3, 10}, sample)));
  CHECK(seen == std::set<std::vector<int>>{{1}, {3}});  // ##able, then ##s after the end of a text: words of one piece
  seen.clear();
  const masked_lm two{.rate = 0.4, .masking = masking::whole_words, .inside_word = goes_on};
  for (std::int64_t sample = 0; sample < 200; ++sample) seen.insert(rows_of(framed(two, {6, 7, 8}, sample)));
  CHECK(seen == std::set<std::vector<int>>{{1, 2}, {3}});
}

TEST_CASE("Options of masked_lm that do not fit each other or the tokenizer are refused with the numbers") {
  CHECK(has(sentence_of<input_error>([] { masked_lm{.masking = masking::whole_words}.check(pieces); }),
            "inside_word has 0 entries for a tokenizer of 11 ids"));
  CHECK(has(sentence_of<input_error>([] {
              masked_lm{.masking = masking::whole_words, .inside_word = {true, false}}.check(pieces);
            }),
            "has 2 entries"));
  CHECK(
      has(sentence_of<input_error>([] { masked_lm{.frame = framing::cls_sep}.check(words); }), "this tokenizer of 100 ids has no [CLS] or no [SEP]"));
  CHECK(has(sentence_of<input_error>([] { masked_lm{.max_predictions = -1}.check(pieces); }), "max_predictions is -1"));
  CHECK(has(sentence_of<input_error>([] { masked_lm{.masking = masking::independent, .max_predictions = 3}.check(pieces); }),
            "independent masking draws"));
  CHECK(sentence_of<input_error>([] { whole.check(pieces); }) == "nothing was thrown");
  CHECK(masked_lm{}.settings() == "rate 0.15, masking bert, max_predictions 0, frame automatic");
  CHECK(masked_lm{.masking = masking::whole_words, .max_predictions = 20, .frame = framing::none}.settings() ==
        "rate 0.15, masking whole_words, max_predictions 20, frame none");
  CHECK(sentence_of<input_error>([] { masked_lm{.frame = framing::none}.check(words); }) == "nothing was thrown");
}
