// SPDX-License-Identifier: Apache-2.0
// The losses of predictors without context, against numbers worked out on paper.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <raptr/data/unigram_loss.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/masked_lm.hpp>
#include <raptr/nn/objectives/span_corruption.hpp>

#include "scratch_folder.hpp"

using namespace raptr;

namespace {

struct listed {
  std::vector<std::int32_t> ids;
  raptr::vocabulary of{.size = 4, .mask = 3};
  std::int64_t size() const { return std::ssize(ids); }
  void read(std::int64_t first, std::span<std::int32_t> out) const { std::copy_n(ids.begin() + first, out.size(), out.begin()); }
  raptr::vocabulary vocabulary() const { return of; }
};
/// A text of any length, which is never in memory: token k is k % 3, and what was read is counted.
struct endless {
  std::int64_t tokens;
  mutable std::int64_t read_tokens = 0, last = 0;
  std::int64_t size() const { return tokens; }
  void read(std::int64_t first, std::span<std::int32_t> out) const {
    for (auto& id : out) id = static_cast<std::int32_t>(first++ % 3);
    read_tokens += std::ssize(out), last = first;
  }
  raptr::vocabulary vocabulary() const { return {.size = 4, .mask = 3}; }
};

}  // namespace

TEST_CASE("The unigram loss of a causal text is that of add-one frequencies on the validation targets") {
  const listed training{{0, 0, 0, 1, 1, 2}}, validation{{2, 0, 1, 2, 3}};  // p = 4/10, 3/10, 2/10 and, never seen, 1/10
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(unigram_losses_of(training, validation, causal_lm{}, 4, 0, 0, stop.get_token()), stopped);
  const auto losses = unigram_losses_of(training, validation, causal_lm{}, 4).value();
  CHECK(losses.unigram == doctest::Approx(-(std::log(0.4) + std::log(0.3) + std::log(0.2) + std::log(0.1)) / 4).epsilon(1e-14));
  CHECK_FALSE(losses.visible_token);
  const auto first = unigram_losses_of(training, validation, causal_lm{}, 1, 2).value();  // the first two windows: targets 0 and 1
  CHECK(first.unigram == doctest::Approx(-(std::log(0.4) + std::log(0.3)) / 2).epsilon(1e-14));
}

TEST_CASE("The unigram loss of a masked text counts the targets alone, and the visible token is used by Bayes' rule") {
  listed training{std::vector<std::int32_t>(96, 0)};  // p(0) = 65/100, p(1) = 33/100, p(2) = p(3) = 1/100
  for (std::size_t k = 64; k < 96; ++k) training.ids[k] = 1;
  listed validation;
  for (int k = 0; k < 4000; ++k) validation.ids.push_back(k % 2);
  const masked_lm objective;
  const auto losses = unigram_losses_of(training, validation, objective, 20).value();
  // By hand: a target t is shown as the mask with .8 + .1/4, as itself with .1 + .1/4, as one of the two others with .1/4 each.
  double unigram = 0, visible = 0, count = 0;
  windows<listed, masked_lm> cut(validation, objective, 20);
  const double p[] = {0.65, 0.33, 0.01, 0.01};
  for (std::int64_t k = 0; k < cut.count(); ++k) {
    batch b;
    cut.add(b, k, 0, k);
    for (const target& t : b.targets) {
      const int shown = b.ids[std::size_t(t.row)];
      double joint[4], sum = 0;
      for (int s = 0; s < 4; ++s) sum += joint[s] = p[s] * (0.025 + (shown == 3 ? 0.8 : 0) + (shown == s ? 0.1 : 0));
      ++count, unigram -= std::log(p[t.id]), visible -= std::log(joint[t.id] / sum);
    }
  }
  CHECK(count == 600);
  CHECK(losses.unigram == doctest::Approx(unigram / count).epsilon(1e-13));
  CHECK(losses.visible_token.value() == doctest::Approx(visible / count).epsilon(1e-13));
  CHECK(losses.visible_token.value() < losses.unigram);
  CHECK(unigram_losses_of(training, validation, objective, 20)->visible_token == losses.visible_token);
}

TEST_CASE("The visible token is worth what its probability says: nothing if all is hidden, all if the frequencies are even") {
  // With an even text of V tokens the loss is log V; a token that is shown leaves -log((1 + 1/V) / (1 + 1)) where it is the target.
  const masked_lm objective;
  const vocabulary ids{.size = 50, .mask = 49};
  for (const int id : {0, 7, 48}) {
    CHECK(objective.shown_as(49, id, ids) == doctest::Approx(0.802));
    CHECK(objective.shown_as(id, id, ids) == doctest::Approx(0.102));
    CHECK(objective.shown_as((id + 1) % 49, id, ids) == doctest::Approx(0.002));
    double sum = 0;
    for (int shown = 0; shown < 50; ++shown) sum += objective.shown_as(shown, id, ids);
    CHECK(sum == doctest::Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("A text of any length is counted in one pass over at most 2^24 tokens, spread evenly over it") {
  for (const std::int64_t tokens : {std::int64_t{1}, std::int64_t{4095}, std::int64_t{4096}, std::int64_t{4097}, std::int64_t{100'000}}) {
    const endless text{tokens};
    CHECK(unigram_counts(text).counted() == tokens);
    CHECK(text.read_tokens == tokens);
    CHECK(text.last == tokens);
  }
  const endless text{3'000'000'000'000};
  const unigram_counts counts(text);
  CHECK(text.read_tokens == unigram_counts::most);
  CHECK(text.last > text.tokens - 2 * unigram_counts::chunk);  // from the beginning to the end
  for (const int id : {0, 1, 2}) CHECK(counts.probability(id) == doctest::Approx(1.0 / 3).epsilon(1e-3));
  CHECK(counts.probability(3) == doctest::Approx(1.0 / double(unigram_counts::most + 4)).epsilon(1e-12));
}

TEST_CASE("Where targets are no tokens of the text, such as sentinels, the targets of the training text are counted") {
  listed training{{}, {.size = 12, .end_of_text = 9, .first_sentinel = 11, .last_sentinel = 10}}, validation = training;
  for (int k = 0; k < 300; ++k) training.ids.push_back(k % 4), validation.ids.push_back(k * k % 5);
  const span_corruption objective{2, 0.3};
  std::vector<double> count(12, 1);
  windows<listed, span_corruption> of_training(training, objective, 16), of_validation(validation, objective, 16);
  double all = 12, sum = 0, targets = 0;
  batch data;
  for (std::int64_t k = 0; k < of_training.count(); ++k) of_training.add(data, k, 7, k);
  for (const target& t : data.targets) ++count[std::size_t(t.id)], ++all;
  data.clear();
  for (std::int64_t k = 0; k < of_validation.count(); ++k) of_validation.add(data, k, 7, k);
  for (const target& t : data.targets) sum -= std::log(count[std::size_t(t.id)] / all), ++targets;
  CHECK(count[11] > 20);
  CHECK(unigram_losses_of(training, validation, objective, 16, 0, 7)->unigram == doctest::Approx(sum / targets).epsilon(1e-12));
}

TEST_CASE("A validation text shorter than a window is refused, and windows without a target have no loss") {
  const listed training{{0, 1, 2}}, empty{{0, 1}};
  CHECK(has(sentence_of<input_error>([&] { unigram_losses_of(training, empty, causal_lm{}, 2); }), "has 2 tokens"));
  const listed special{std::vector<std::int32_t>(8, 3)};
  CHECK_FALSE(unigram_losses_of(training, special, masked_lm{}, 4).has_value());
}
