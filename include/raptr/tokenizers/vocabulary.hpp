// SPDX-License-Identifier: Apache-2.0
// What a model must know of a tokenizer: how many ids there are and which of them stand for no text.
#pragma once

#include <cstdint>

namespace raptr {

/// Ids are 0 .. size - 1. -1: the tokenizer has no such token.
struct vocabulary {
  int size = 0;
  int end_of_text = -1;  ///< between documents, never inside one
  int mask = -1;         ///< stands in for a token that masked_lm hides
  int pad = -1;          ///< fills up a row; never a target

  constexpr bool is_special(std::int64_t id) const { return id >= 0 && (id == end_of_text || id == mask || id == pad); }
  bool operator==(const vocabulary&) const = default;
};

}  // namespace raptr
