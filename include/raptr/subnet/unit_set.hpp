// SPDX-License-Identifier: Apache-2.0
// A set of units as a bit set of fixed capacity: it allocates nothing, is always ordered and has no duplicates.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>

#include <raptr/subnet/error.hpp>

namespace raptr {

class unit_set {
 public:
  static constexpr int capacity = 4096;

  constexpr unit_set() = default;
  constexpr unit_set(std::initializer_list<int> units) {
    for (const int unit : units) add(unit);
  }
  /// Units 0 .. count - 1.
  static constexpr unit_set first(int count) {
    if (count < 0 || count > capacity) errors::unit_is_out_of_reach(count - 1, capacity);
    unit_set set;
    for (int from = 0; from < count; from += 64)
      set.words_[static_cast<std::size_t>(from / 64)] = count - from >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (count - from)) - 1;
    return set;
  }
  /// Throws input_error if the unit is not in 0 .. capacity - 1.
  constexpr void add(int unit) {
    if (unit < 0 || unit >= capacity) errors::unit_is_out_of_reach(unit, capacity);
    words_[static_cast<std::size_t>(unit / 64)] |= std::uint64_t{1} << (unit % 64);
  }
  constexpr bool has(int unit) const { return unit >= 0 && unit < capacity && (words_[static_cast<std::size_t>(unit / 64)] >> (unit % 64) & 1) != 0; }
  constexpr int size() const {
    int n = 0;
    for (const std::uint64_t word : words_) n += std::popcount(word);
    return n;
  }
  constexpr bool empty() const { return next(0) == capacity; }
  /// The first member at or after `unit`, or capacity.
  constexpr int next(int unit) const {
    if (unit >= capacity) return capacity;
    std::uint64_t word = words_[static_cast<std::size_t>(unit / 64)] >> (unit % 64);
    if (word) return unit + std::countr_zero(word);
    for (int i = unit / 64 + 1; i < capacity / 64; ++i)
      if ((word = words_[static_cast<std::size_t>(i)])) return 64 * i + std::countr_zero(word);
    return capacity;
  }

  struct iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = const int*;
    using reference = int;
    const unit_set* set;
    int unit;
    constexpr int operator*() const { return unit; }
    constexpr iterator& operator++() {
      unit = set->next(unit + 1);
      return *this;
    }
    constexpr iterator operator++(int) {
      const iterator before = *this;
      ++*this;
      return before;
    }
    constexpr bool operator==(const iterator& other) const { return unit == other.unit; }
  };
  constexpr iterator begin() const { return {this, next(0)}; }
  constexpr iterator end() const { return {this, capacity}; }

  bool operator==(const unit_set&) const = default;

 private:
  std::array<std::uint64_t, capacity / 64> words_{};
};

}  // namespace raptr
