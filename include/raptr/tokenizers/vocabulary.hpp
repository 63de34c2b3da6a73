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

  constexpr bool has_frame() const { return cls >= 0 && sep >= 0; }
  constexpr bool is_special(std::int64_t id) const { return id >= 0 && (id == end_of_text || id == mask || id == pad || id == cls || id == sep); }
  bool operator==(const vocabulary&) const = default;
};

}  // namespace raptr
