// SPDX-License-Identifier: Apache-2.0
// A hash table from pairs of ids to a number, because byte pair encoding spends most of its time looking up pairs: open
// addressing in one array, at most half full. Entries are never removed, and nothing depends on their order.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace raptr {

struct token_pair {
  std::int32_t left = 0, right = 0;
  auto operator<=>(const token_pair&) const = default;
};

class pair_table {
 public:
  /// The number of a pair; -1 if it has none.
  std::int32_t find(token_pair pair) const { return slots_[place(key_of(pair))].value; }
  /// Returns the number of a pair; a new pair gets `value`, which must not be negative.
  std::int32_t insert(token_pair pair, std::int32_t value) {
    if ((used_ + 1) * 2 > slots_.size()) grow();
    auto& at = slots_[place(key_of(pair))];
    if (at.value < 0) at = {key_of(pair), value}, ++used_;
    return at.value;
  }

 private:
  struct slot {
    std::uint64_t key = 0;
    std::int32_t value = -1;
  };
  static std::uint64_t key_of(token_pair pair) {
    return std::uint64_t{static_cast<std::uint32_t>(pair.left)} << 32 | static_cast<std::uint32_t>(pair.right);
  }
  std::size_t place(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    auto at = static_cast<std::size_t>((key * 0x9e3779b97f4a7c15U) >> 32) & mask;
    while (slots_[at].value >= 0 && slots_[at].key != key) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<slot> before(slots_.size() * 2);
    before.swap(slots_);
    for (const auto& one : before)
      if (one.value >= 0) slots_[place(one.key)] = one;
  }

  std::vector<slot> slots_ = std::vector<slot>(16);
  std::size_t used_ = 0;
};

}  // namespace raptr
