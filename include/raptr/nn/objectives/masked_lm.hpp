// SPDX-License-Identifier: Apache-2.0
// Masked language modelling: some tokens are hidden and predicted from both sides.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include <raptr/base/random.hpp>
#include <raptr/nn/batch.hpp>
#include <raptr/nn/error.hpp>

namespace raptr {

/// How masked positions are chosen. bert: exactly max(1, rint(rate n)) of every window of n tokens [bert].
/// independent: each token with probability `rate`, so that a window may have none [hf].
enum class masking { bert, independent };

/// Some tokens are hidden and predicted from both sides: of those chosen, 80% become the mask, 10% a random token of the
/// tokenizer, 10% stay. Special tokens are never chosen. Masks are redrawn for every sample.
struct masked_lm {
  static constexpr bool looks_back_only = false;
  static constexpr std::string_view name = "masked_lm";

  double rate = 0.15;
  raptr::masking masking = raptr::masking::bert;

  static constexpr int window(int context) { return context; }
  /// Throws input_error if the rate is out of range or the tokenizer has no mask.
  template <class Vocabulary> void check(const Vocabulary& tokens) const {
    if (!(rate > 0 && rate <= 1)) errors::mask_rate_is_out_of_range(rate);
    if (tokens.mask < 0) errors::tokenizer_has_no_mask(tokens.size);
  }

  template <class Vocabulary>
  void add(batch& to, std::span<const std::int32_t> tokens, const Vocabulary& vocabulary, std::uint64_t seed, std::int64_t sample) const {
    const int first = static_cast<int>(to.ids.size()), length = static_cast<int>(tokens.size());
    const random_stream choose = random_key{seed}.stream("masking", static_cast<std::uint64_t>(sample));
    const random_stream replace = random_key{seed}.stream("replacing", static_cast<std::uint64_t>(sample));
    to.add_segment(length, length);
    to.ids.insert(to.ids.end(), tokens.begin(), tokens.end());

    int left = 0;  // tokens that may still be chosen
    for (std::int32_t id : tokens) left += !vocabulary.is_special(id);
    int wanted = std::min(left, std::max(1, static_cast<int>(std::nearbyint(rate * length))));
    for (int i = 0; i < length; ++i) {
      const std::int32_t id = tokens[static_cast<std::size_t>(i)];
      if (vocabulary.is_special(id)) continue;
      const double u = choose.uniform(static_cast<std::uint64_t>(i));
      if (masking == raptr::masking::bert ? u * left-- >= wanted : u >= rate) continue;
      --wanted;
      to.targets.push_back({first + i, id, 1.0f});
      const double what = replace.uniform(static_cast<std::uint64_t>(2 * i));
      int& shown = to.ids[static_cast<std::size_t>(first + i)];
      if (what < 0.8)
        shown = vocabulary.mask;
      else if (what < 0.9)
        shown = static_cast<int>(replace.below(static_cast<std::uint64_t>(vocabulary.size), static_cast<std::uint64_t>(2 * i + 1)));
    }
  }
};

}  // namespace raptr
