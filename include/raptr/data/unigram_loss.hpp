// SPDX-License-Identifier: Apache-2.0
// The loss of predictors that see no context: what a validation loss has to be compared with, because a model that learned nothing
// but the frequencies of tokens ends there, and often stays there for thousands of steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <vector>

#include <raptr/base/stop.hpp>
#include <raptr/data/token_source.hpp>
#include <raptr/data/windows.hpp>
#include <raptr/nn/batch.hpp>

namespace raptr {

/// How often each token occurs in a text. A token t has the probability (n(t) + 1) / (N + V), of N counted tokens and a tokenizer of
/// V ids, so that one that never occurred has one too.
class unigram_counts {
 public:
  static constexpr std::int64_t most = std::int64_t{1} << 24;
  static constexpr std::int64_t chunk = 4096;

  /// Counts all tokens of a text; of one with more than `most`, that many, in chunks spread evenly over it. One pass, well below a
  /// second; the text alone decides the result. Throws stopped on a request.
  template <token_source Tokens>
  explicit unigram_counts(const Tokens& text, const std::stop_token& stop = {}) : counts_(static_cast<std::size_t>(text.vocabulary().size), 0) {
    const std::int64_t all = text.size(), chunks = (std::min(all, most) + chunk - 1) / chunk;
    std::vector<std::int32_t> ids;
    for (std::int64_t k = 0; k < chunks; ++k) {
      const std::int64_t first = k * (all <= most ? chunk : (all - chunk) / (chunks - 1));
      throw_if_stopped(stop);
      ids.resize(static_cast<std::size_t>(std::min(chunk, all - first)));
      text.read(first, ids);
      for (const std::int32_t id : ids) ++counts_[static_cast<std::size_t>(id)];
      counted_ += std::ssize(ids);
    }
  }
  /// Counts the targets of an objective that adds some to those of the text, such as sentinels: of as many windows as have `most`
  /// tokens, spread evenly over the text.
  template <token_source Tokens, class Objective>
  unigram_counts(const Tokens& text, const Objective& objective, int context, std::uint64_t seed, const std::stop_token& stop = {})
      : counts_(static_cast<std::size_t>(text.vocabulary().size), 0) {
    windows<Tokens, Objective> cut(text, objective, context);
    const std::int64_t chosen = std::min(cut.count(), std::max(std::int64_t{1}, most / context));
    batch data;
    for (std::int64_t k = 0; k < chosen; ++k) {
      throw_if_stopped(stop);
      data.clear();
      cut.add(data, static_cast<std::int64_t>(double(k) * double(cut.count()) / double(chosen)), seed, k);
      for (const target& t : data.targets) ++counts_[static_cast<std::size_t>(t.id)];
      counted_ += std::ssize(data.targets);
    }
  }
  std::int64_t counted() const { return counted_; }
  double probability(int id) const {
    const auto k = static_cast<std::size_t>(id);
    return (k < counts_.size() ? double(counts_[k]) + 1 : 1) / (double(counted_) + double(counts_.size()));
  }

 private:
  std::vector<std::int64_t> counts_;
  std::int64_t counted_ = 0;
};

/// Mean losses over the targets of a validation text. Nats per target, as every loss here.
struct unigram_losses {
  double unigram = 0;                     // of -log p(t): only the frequencies are known
  std::optional<double> visible_token{};  // the best without context that also sees what its own row shows; of masked_lm
};

/// The losses without context on the targets of trainer::evaluate() with the same windows and seed. The visible token is used by
/// Bayes' rule: with P(v | t), the probability that the objective shows v for the target t, and p(t) as above,
/// p(t | v) = p(t) P(v | t) / sum over s of p(s) P(v | s). For masked_lm a mask leaves p(t), and a token that is shown is the likely answer.
///
///   training    its tokens are counted, or its targets if Objective::adds_targets
///   validation  has the targets
///   most        windows from the start of the validation text; 0: all
///
/// Returns nullopt if none of these windows has a target. Throws input_error if the validation text does not fill one window, and stopped on a
/// request.
template <token_source Training, token_source Validation, class Objective>
std::optional<unigram_losses> unigram_losses_of(const Training& training, const Validation& validation, const Objective& objective, int context,
                                                std::int64_t most = 0, std::uint64_t seed = 0, const std::stop_token& stop = {}) {
  constexpr bool shows = requires(const vocabulary& ids) { objective.shown_as(0, 0, ids); };
  const unigram_counts counts = [&] {
    if constexpr (requires { requires Objective::adds_targets; })
      return unigram_counts(training, objective, context, seed, stop);
    else
      return unigram_counts(training, stop);
  }();
  const vocabulary ids = validation.vocabulary();
  windows<Validation, Objective> cut(validation, objective, context);
  const std::int64_t all = most > 0 ? std::min(most, cut.count()) : cut.count();
  double weight = 0, unigram = 0, visible = 0;
  batch data;
  for (std::int64_t k = 0; k < all; ++k) {
    throw_if_stopped(stop);
    data.clear();
    cut.add(data, k, seed, k);
    for (const target& t : data.targets) {
      const double p = counts.probability(t.id);
      weight += double(t.weight);
      unigram -= double(t.weight) * std::log(p);
      if constexpr (shows) {
        const int shown = data.ids[static_cast<std::size_t>(t.row)];
        const double other = objective.shown_as(shown, shown == 0 ? 1 : 0, ids);  // P(v | s) is the same for every s but v
        const double evidence = other + counts.probability(shown) * (objective.shown_as(shown, shown, ids) - other);
        visible -= double(t.weight) * std::log(p * objective.shown_as(shown, t.id, ids) / evidence);
      }
    }
  }
  if (weight == 0) return std::nullopt;
  unigram_losses losses{.unigram = unigram / weight};
  if (shows) losses.visible_token = visible / weight;
  return losses;
}

}  // namespace raptr
