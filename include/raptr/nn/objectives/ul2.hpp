// SPDX-License-Identifier: Apache-2.0
// A mixture of denoisers for a decoder: each window is given to one of them, drawn by their rates [ul2]. The default is the mixture
// of causal modelling, prefix and spans that decoders are trained with; ul2_text.hpp reads and writes mixtures as text.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <raptr/base/random.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/nn/objective.hpp>
#include <raptr/nn/objectives/causal_lm.hpp>
#include <raptr/nn/objectives/prefix_lm.hpp>
#include <raptr/nn/objectives/span_corruption.hpp>

namespace raptr {

/// rate: of windows that it is given, relative to the others.
struct denoiser {
  std::variant<causal_lm, prefix_lm, span_corruption> objective;
  double rate = 1;
  bool operator==(const denoiser&) const = default;
};

/// What a target weighs. per_target: each the same, so that denoisers with long targets count more. per_example: those of a window
/// together the same as those of any other.
enum class target_weights { per_target, per_example };

struct ul2 {
  static constexpr bool looks_back_only = true, adds_targets = true;
  static constexpr std::string_view name = "ul2";

  /// Causal .6, prefix .2, spans .1 each: 60/20/20, as RAPTR's runs are said to have been; their spans are a choice of ours.
  static std::vector<denoiser> decoder_mixture(double causal = 0.6, double prefix = 0.2, double spans = 0.2) {
    return {{causal_lm{}, causal}, {prefix_lm{}, prefix}, {span_corruption{3, 0.15}, spans / 2}, {span_corruption{32, 0.5}, spans / 2}};
  }
  /// The seven denoisers of UL2, equally often.
  static std::vector<denoiser> original_mixture() {
    return {{span_corruption{3, 0.15}},  {span_corruption{8, 0.15}}, {prefix_lm{}}, {span_corruption{3, 0.5}}, {span_corruption{8, 0.5}},
            {span_corruption{64, 0.15}}, {span_corruption{64, 0.5}}};
  }
  /// S .5, R .25, X .25.
  static std::vector<denoiser> ul2r_mixture() {
    return {{prefix_lm{}, 0.5}, {span_corruption{3, 0.15}, 0.25}, {span_corruption{32, 0.15}, 0.125}, {span_corruption{3, 0.5}, 0.125}};
  }

  std::vector<denoiser> denoisers = decoder_mixture();
  target_weights weights = target_weights::per_target;

  /// The largest of the denoisers' windows.
  int window(int context, const vocabulary& ids) const {
    int most = 0;
    for_each([&](const auto& objective) { most = std::max(most, window_of(objective, context, ids)); });
    return most;
  }
  void check(const vocabulary& ids) const {
    if (denoisers.empty()) errors::mixture_is_empty();
    const std::vector<std::string> names = groups();
    for (auto at = names.begin(); at != names.end(); ++at) {
      const double rate = denoisers[static_cast<std::size_t>(at - names.begin())].rate;
      if (!(rate > 0 && rate <= std::numeric_limits<float>::max())) errors::rate_of_denoiser_is_out_of_range(*at, rate);
      if (std::find(names.begin(), at, *at) != at) errors::denoiser_is_there_twice(*at);
    }
    for_each([&](const auto& objective) {
      if constexpr (requires { objective.check(ids); }) objective.check(ids);
    });
  }
  /// As ul2_text.hpp reads it.
  std::string settings() const {
    std::string text;
    for (const denoiser& d : denoisers)
      text +=
          (text.empty() ? "" : ", ") + std::visit([](const auto& objective) { return text_of(objective); }, d.objective) + " " + decimal_text(d.rate);
    return text + (weights == target_weights::per_example ? ", per_example" : "");
  }
  bool has_mode_tokens() const {
    bool has = false;
    for_each([&](const auto& objective) {
      if constexpr (requires { objective.mode_token; }) has |= objective.mode_token;
    });
    return has;
  }
  /// A name for each denoiser, by which its loss is reported.
  std::vector<std::string> groups() const {
    std::vector<std::string> names;
    for_each([&](const auto& objective) { names.push_back(group_of(objective)); });
    return names;
  }
  bool operator==(const ul2&) const = default;

  /// Which denoiser a sample is given to.
  int denoiser_of(std::uint64_t seed, std::int64_t sample) const {
    double sum = 0;
    for (const denoiser& d : denoisers) sum += d.rate;
    double left = sum * random_key{seed}.stream("denoiser", static_cast<std::uint64_t>(sample)).uniform(0);
    int k = 0;
    for (const int last = static_cast<int>(denoisers.size()) - 1; k < last; ++k)
      if ((left -= denoisers[static_cast<std::size_t>(k)].rate) < 0) break;
    return k;
  }

  /// tokens: window(context, ids) of them. A denoiser that takes fewer gets one of the pieces that cover the window.
  void add(batch& to, std::span<const std::int32_t> tokens, const vocabulary& ids, std::uint64_t seed, std::int64_t sample) const {
    const int k = denoiser_of(seed, sample), rows = rows_of(static_cast<int>(tokens.size()));
    const std::size_t before = to.targets.size();
    std::visit(
        [&](const auto& objective) { objective.add(to, piece_of(tokens, std::max(2, longest(objective, rows)), seed, sample), ids, seed, sample); },
        denoisers[static_cast<std::size_t>(k)].objective);
    const std::span<target> added = std::span(to.targets).subspan(before);
    for (target& t : added) {
      t.group = k;
      if (weights == target_weights::per_example) t.weight = 1 / static_cast<float>(added.size());
    }
  }

 private:
  void for_each(auto f) const {
    for (const denoiser& d : denoisers) std::visit(f, d.objective);
  }
  static std::string text_of(const causal_lm&) { return "causal"; }
  static std::string text_of(const auto& objective) { return objective.settings(); }
  static std::string group_of(const causal_lm&) { return "causal"; }
  static std::string group_of(const prefix_lm&) { return "prefix"; }
  static std::string group_of(const span_corruption& o) { return "spans_" + decimal_text(o.mean_span) + "_" + decimal_text(o.density); }
  static int rows_for(const causal_lm&, int tokens) { return tokens - 1; }
  static int rows_for(const auto& objective, int tokens) { return objective.rows_for(tokens); }
  static int longest(const causal_lm&, int rows) { return rows + 1; }
  static int longest(const auto& objective, int rows) { return objective.longest(rows); }
  /// The rows of a context whose window has `tokens`, or up to two fewer where no denoiser is causal or a prefix.
  int rows_of(int tokens) const {
    int rows = std::numeric_limits<int>::max();
    for_each([&](const auto& objective) { rows = std::min(rows, rows_for(objective, tokens)); });
    return rows;
  }
  /// Pieces begin at equal distances, the first at the start of the window, and the last ends with it.
  static std::span<const std::int32_t> piece_of(std::span<const std::int32_t> tokens, int length, std::uint64_t seed, std::int64_t sample) {
    const std::size_t n = static_cast<std::size_t>(length), pieces = (tokens.size() + n - 1) / n;
    if (pieces == 1) return tokens;
    const auto piece = random_key{seed}.stream("piece", static_cast<std::uint64_t>(sample)).below(pieces, 0);
    return tokens.subspan(piece * (tokens.size() - n) / (pieces - 1), n);
  }
};

}  // namespace raptr
