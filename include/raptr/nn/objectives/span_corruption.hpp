// SPDX-License-Identifier: Apache-2.0
// Span corruption: some spans of a window are hidden behind sentinels, and predicted one after the other [t5]. Which tokens are hidden
// and what stands on the two sides does not depend on where they are read: a decoder reads both in one row of tokens.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <raptr/base/decimal.hpp>
#include <raptr/base/random.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/nn/objectives/decoder_layout.hpp>
#include <raptr/nn/objectives/span_counts.hpp>
#include <raptr/tokenizers/vocabulary.hpp>

namespace raptr {

/// Cuts n tokens into parts of at least one, all ways to do so equally likely: selection sampling of the gaps between them.
class random_parts {
 public:
  random_parts(const random_stream& draw, int n, int parts) : draw_(draw), gaps_(n - 1), cuts_(parts - 1) {}
  /// The length of the next part.
  int next() {
    if (cuts_ == 0) return gaps_ + 1;
    for (int length = 1;; ++length) {
      const auto left = static_cast<std::uint64_t>(gaps_--);
      if (draw_.below(left, left) >= static_cast<std::uint64_t>(cuts_)) continue;
      --cuts_;
      return length;
    }
  }

 private:
  random_stream draw_;
  int gaps_, cuts_;
};

/// A share `density` of the tokens is hidden, in spans of `mean_span` tokens on average. Spans are drawn anew for every sample, never at
/// the start of the window and always at its end, and each side ends with the end of text.
struct span_corruption {
  static constexpr bool looks_back_only = true, adds_targets = true;
  static constexpr std::string_view name = "span_corruption";

  double mean_span = 3, density = 0.15;
  bool mode_token = false;  // before the inputs, [NLG] if is_extreme() and [NLU] otherwise
  int begin_id = -1;        // before everything; -1: none

  /// The X-denoisers of UL2 have long spans or hide much; the others are R [ul2].
  constexpr bool is_extreme() const { return mean_span >= 12 || density >= 0.3; }

  /// The rows that a window takes, and the longest window that fits into some rows, or less than 2.
  int rows_for(int tokens) const { return marks() + counts(tokens).inputs() + counts(tokens).targets() - 1; }
  int longest(int rows) const { return span_counts::filling_decoder(rows - marks(), density, mean_span).tokens; }
  int window(int context, const vocabulary& ids) const {
    const int tokens = longest(context), spans = counts(tokens).spans;
    if (tokens < 2) errors::spans_do_not_fit(context, rows_for(2));
    if (spans > ids.sentinels()) errors::too_few_sentinels(settings(), tokens, spans, ids.sentinels());
    return tokens;
  }
  void check(const vocabulary& ids) const {
    if (!(density > 0 && density < 1)) errors::density_is_out_of_range(density);
    if (!(mean_span >= 1 && mean_span <= 1 << 20)) errors::mean_span_is_out_of_range(mean_span);
    if (ids.sentinels() == 0) errors::tokenizer_has_no_sentinels(ids.size);
    if (ids.end_of_text < 0) errors::tokenizer_has_no_end_of_text(ids.size);
    if (mode_token && mode_of(ids) < 0) errors::tokenizer_has_no_mode_token(is_extreme() ? "[NLG]" : "[NLU]", ids.size);
    if (begin_id >= ids.size) errors::begin_id_is_out_of_range(begin_id, ids.size);
  }
  std::string settings() const { return part_text("spans", {decimal_text(mean_span), decimal_text(density)}, mode_token, begin_id); }
  bool operator==(const span_corruption&) const = default;

  span_counts counts(int tokens) const { return span_counts::of(tokens, density, mean_span); }
  /// Writes both sides of a window: counts(tokens).inputs() and targets() ids.
  void corrupt(std::span<const std::int32_t> tokens, const vocabulary& ids, std::uint64_t seed, std::int64_t sample, std::span<int> inputs,
               std::span<int> targets) const {
    const span_counts c = counts(static_cast<int>(tokens.size()));
    const auto draw = [&](const char* purpose) { return random_key{seed}.stream(purpose, static_cast<std::uint64_t>(sample)); };
    random_parts kept(draw("kept spans"), c.tokens - c.noise, c.spans), hidden(draw("hidden spans"), c.noise, c.spans);
    auto from = tokens.begin();
    auto in = inputs.begin(), out = targets.begin();
    for (int k = 0; k < c.spans; ++k) {
      const int stay = kept.next(), go = hidden.next();
      in = std::copy_n(from, stay, in), from += stay;
      *in++ = *out++ = ids.sentinel(k);
      out = std::copy_n(from, go, out), from += go;
    }
    *in = *out = ids.end_of_text;
  }
  /// tokens: 2 or more.
  void add(batch& to, std::span<const std::int32_t> tokens, const vocabulary& ids, std::uint64_t seed, std::int64_t sample) const {
    const span_counts c = counts(static_cast<int>(tokens.size()));
    add_decoder_segment(to, {begin_id, mode_token ? mode_of(ids) : -1}, c.inputs(), c.targets(),
                        [&](std::span<int> inputs, std::span<int> targets) { corrupt(tokens, ids, seed, sample, inputs, targets); });
  }

 private:
  int marks() const { return mode_token + (begin_id >= 0); }
  int mode_of(const vocabulary& ids) const { return is_extreme() ? ids.nlg : ids.nlu; }
};

}  // namespace raptr
