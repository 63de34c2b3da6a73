// SPDX-License-Identifier: Apache-2.0
// How many tokens and spans of a window span corruption hides, and how long a window fills a given number of rows. All in double and
// with ties to even: T5 mixes float and double, which differ for 39 of the first 4,096 lengths at a density of 0.15 [t5].
#pragma once

#include <algorithm>
#include <cmath>

namespace raptr {

/// Of a window of `tokens`: `noise` of them are hidden, in `spans` spans.
struct span_counts {
  int tokens = 0, noise = 0, spans = 0;

  /// Lengths of the two sides, each with its end of text.
  constexpr int inputs() const { return tokens - noise + spans + 1; }
  constexpr int targets() const { return noise + spans + 1; }

  /// A window of fewer than 2 tokens counts as 2 [t5]. There are at most as many spans as tokens that stay; T5 has no such bound.
  static span_counts of(int tokens, double density, double mean_span) {
    const int n = std::max(tokens, 2), noise = std::clamp(static_cast<int>(std::nearbyint(n * density)), 1, n - 1);
    return {n, noise, std::clamp(static_cast<int>(std::nearbyint(noise / mean_span)), 1, std::min(noise, n - noise))};
  }
  /// The longest window whose inputs fit into the rows of an encoder; at a density of 1/2 it loses a token if its targets would be
  /// longer than its inputs [t5]. Its tokens are 0 if none fits.
  static span_counts filling_encoder(int rows, double density, double mean_span) {
    const span_counts all = longest(64 * rows, density, mean_span, [&](const span_counts& c) { return c.inputs() <= rows; });
    return density == 0.5 && all.targets() > all.inputs() ? of(all.tokens - 1, density, mean_span) : all;
  }
  /// The longest window whose inputs and targets fit into the rows of a decoder, which does not read the last token.
  static span_counts filling_decoder(int rows, double density, double mean_span) {
    return longest(rows, density, mean_span, [&](const span_counts& c) { return c.inputs() + c.targets() - 1 <= rows; });
  }

 private:
  /// fits(counts) holds up to some length of at most `most` tokens.
  template <class Fits> static span_counts longest(int most, double density, double mean_span, const Fits& fits) {
    int low = 1, high = std::max(most, 1);  // a window of `low` tokens fits, or low is 1
    while (low < high) {
      const int middle = high - (high - low) / 2;
      if (fits(of(middle, density, mean_span)))
        low = middle;
      else
        high = middle - 1;
    }
    return low > 1 ? of(low, density, mean_span) : span_counts{};
  }
};

}  // namespace raptr
