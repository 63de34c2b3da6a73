// SPDX-License-Identifier: Apache-2.0
// Learning rates and masks against what make_models.py stored of transformers.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <raptr/io/json.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/optim/learning_rate.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

using namespace raptr;

namespace {

json stored() { return read_json(std::filesystem::path(RAPTR_TESTS_DIR) / "oracle" / "fixtures" / "rules.json"); }

/// In the warm-up ours is one step ahead, (s + 1) / W, so that no step has a rate of 0; afterwards the two are the same.
template <class Rate> int check_rate(const Rate& rate, const json& theirs, std::int64_t steps, std::int64_t warmup) {
  run_position now{};
  now.total = steps, now.stages = 1, now.last = steps - 1;
  int checked = 0;
  for (now.step = 0; now.step < steps; ++now.step, ++checked) {
    const auto at = static_cast<std::size_t>(now.step < warmup ? now.step + 1 : now.step);
    CAPTURE(now.step);
    CHECK(rate(now) == doctest::Approx(theirs.at(at).template get<double>()).epsilon(1e-12));
  }
  return checked;
}

/// How many tokens of windows without special tokens are chosen, and what they become.
struct counts {
  std::vector<int> chosen;  // of each window
  int hidden = 0, kept = 0, random = 0;
};
counts count(const masked_lm& objective, int windows, int length, std::int32_t vocab) {
  const vocabulary ids{.size = vocab, .end_of_text = 0, .mask = 4, .pad = 2};
  counts c;
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(length));
  for (int w = 0; w < windows; ++w) {
    for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = 5 + static_cast<std::int32_t>(i * 7 + static_cast<std::size_t>(w)) % (vocab - 5);
    batch b;
    objective.add(b, tokens, ids, 3, w);
    c.chosen.push_back(static_cast<int>(b.targets.size()));
    for (const target& t : b.targets) {
      const int shown = b.ids[static_cast<std::size_t>(t.row)];
      ++(shown == ids.mask ? c.hidden : shown == t.id ? c.kept : c.random);
    }
  }
  return c;
}

}  // namespace

TEST_CASE("learning rates are those of transformers' schedules") {
  int checked = 0, rows = 0;
  const json all = stored();
  for (const json& row : all.at("rates")) {
    ++rows;
    const auto steps = row.at("steps").get<std::int64_t>(), warmup = row.at("warmup").get<std::int64_t>();
    CAPTURE(steps);
    CAPTURE(warmup);
    checked += check_rate(constant_rate{warmup}, row.at("constant"), steps, warmup);
    checked += check_rate(warmup_linear{warmup}, row.at("linear"), steps, warmup);
    checked += check_rate(warmup_cosine{warmup, 0}, row.at("cosine"), steps, warmup);
    checked += check_rate(warmup_cosine{warmup, 0.1}, row.at("cosine, least 0.1"), steps, warmup);
    if (row.contains("wsd")) checked += check_rate(warmup_stable_decay{warmup, 0.2}, row.at("wsd"), steps, warmup);
  }
  CHECK(rows == 5);
  CHECK(checked == 4 * (100 + 100 + 37 + 20 + 1) + 100 + 100 + 37);
}

TEST_CASE("masking of a window chooses as many tokens as BERT's own script counts") {
  const json all = stored();
  const auto expected = all.at("masks").at("bert").get<std::vector<int>>();
  REQUIRE(expected.size() == 2048);
  for (std::size_t n = 1; n <= expected.size(); ++n) {
    CAPTURE(n);
    REQUIRE(count({}, 1, static_cast<int>(n), 1000).chosen[0] == expected[n - 1]);
  }
}

TEST_CASE("independent masking chooses and replaces as often as Hugging Face's collator") {
  const json all = stored(), theirs = all.at("masks").at("independent");
  const auto number = [&](const char* name) { return theirs.at(name).get<double>(); };
  const int windows = theirs.at("windows").get<int>(), length = theirs.at("window").get<int>();
  const counts ours = count({.masking = masking::independent}, windows, length, theirs.at("vocab").get<int>());
  double chosen = 0, squares = 0;
  for (const int n : ours.chosen) chosen += n, squares += double(n) * n;
  const double tokens = double(windows) * length, share = 0.15;
  // Two draws of one law differ by less than five standard deviations of their difference.
  CHECK(std::abs(chosen - number("chosen")) < 5 * std::sqrt(2 * tokens * share * (1 - share)));
  const auto check_kind = [&](int mine, const char* name, double p) {
    CAPTURE(name);
    CHECK(std::abs(mine - number(name)) < 5 * std::sqrt(2 * tokens * share * p * (1 - share * p)));
  };
  check_kind(ours.hidden, "hidden", 0.8);
  check_kind(ours.kept, "kept", 0.1);
  check_kind(ours.random, "random", 0.1);
  // Of a fixed count the variance between windows would be 0; here it is that of independent coins.
  const double variance = (squares - chosen * chosen / windows) / (windows - 1);
  CHECK(std::abs(variance / number("variance") - 1) < 0.5);
}
