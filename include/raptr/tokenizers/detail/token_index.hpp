// SPDX-License-Identifier: Apache-2.0
// Finds tokens by their bytes: a hash table of ids over the list of tokens, which it does not own, so that both can be
// copied. Nothing depends on the order of its entries.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace raptr::detail {

/// `tokens` is the same list in every call.
class token_index {
 public:
  explicit token_index(std::size_t most) : slots_(std::max<std::size_t>(16, std::size_t{1} << (std::bit_width(most) + 1)), -1) {}
  std::int32_t find(std::string_view bytes, const std::vector<std::string>& tokens) const { return slots_[place(bytes, tokens)]; }
  /// Returns the id that already has these bytes; otherwise inserts `id` and returns -1.
  std::int32_t insert(std::int32_t id, const std::vector<std::string>& tokens) {
    auto& slot = slots_[place(tokens[static_cast<std::size_t>(id)], tokens)];
    if (slot >= 0) return slot;
    slot = id;
    return -1;
  }

 private:
  std::size_t place(std::string_view bytes, const std::vector<std::string>& tokens) const {
    const std::size_t mask = slots_.size() - 1;
    auto at = std::hash<std::string_view>{}(bytes)&mask;
    while (slots_[at] >= 0 && tokens[static_cast<std::size_t>(slots_[at])] != bytes) at = (at + 1) & mask;
    return at;
  }
  std::vector<std::int32_t> slots_;
};

}  // namespace raptr::detail
