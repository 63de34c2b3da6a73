// SPDX-License-Identifier: Apache-2.0
// What a model needs from a tokenizer: the number of ids and which of them are special.
#pragma once

#include <cstdint>

namespace raptr {

/// Ids are 0 .. size - 1. -1: the tokenizer has no such token.
struct vocabulary {
  int size = 0;
  int end_of_text = -1;  ///< between documents, never inside one
  int mask = -1;         ///< replaces a token that masked_lm hides
  int pad = -1;          ///< padding of a row; never a target
  int cls = -1;          ///< before the tokens of a framed window [bert]
  int sep = -1;          ///< after them; often also the end of a text

  int first_sentinel = -1, last_sentinel = -1;  ///< marks of hidden spans, in either order: [t5] counts down from its last id
  int nlu = -1, nlg = -1, s2s = -1;             ///< mode tokens, before the inputs of the R, X and S denoisers of ul2

  constexpr bool has_frame() const { return cls >= 0 && sep >= 0; }
  constexpr int sentinels() const {
    return first_sentinel < 0 ? 0 : 1 + (step() > 0 ? last_sentinel - first_sentinel : first_sentinel - last_sentinel);
  }
  /// The mark of span k, from 0. k: below sentinels().
  constexpr int sentinel(int k) const { return first_sentinel + k * step(); }
  /// A sentinel or a mode token.
  constexpr bool is_denoiser_token(std::int64_t id) const {
    const bool up = step() > 0;
    return id >= 0 && (id == nlu || id == nlg || id == s2s ||
                       (first_sentinel >= 0 && id >= (up ? first_sentinel : last_sentinel) && id <= (up ? last_sentinel : first_sentinel)));
  }
  constexpr bool is_special(std::int64_t id) const {
    return id >= 0 && (id == end_of_text || id == mask || id == pad || id == cls || id == sep || is_denoiser_token(id));
  }
  bool operator==(const vocabulary&) const = default;

 private:
  constexpr int step() const { return last_sentinel < first_sentinel ? -1 : 1; }
};

}  // namespace raptr
