// SPDX-License-Identifier: Apache-2.0
// Copies of blocks over blocks, as ranges: one list for weights, moments and step counts, so that they agree. All reads come
// before all writes, through a temporary buffer, so {1 -> 2, 2 -> 3} shifts two blocks.
#pragma once

#include <cstdint>
#include <vector>

#include <raptr/nn/active_layout.hpp>
#include <raptr/nn/error.hpp>

namespace raptr {

/// Ranges of one array that are copied to others. Only enqueues.
class copied_ranges {
 public:
  void add(std::int64_t from, std::int64_t to, std::int64_t length) {
    from_.push_back({from, size_, length, length, 0, 0, false}), to_.push_back({to, size_, length, length, 0, 0, false});
    size_ += length;
  }
  template <class Ops, class T> void copy(Ops& ops, T* array) const {
    if (size_ == 0) return;
    buffer<T, Ops> between(ops, static_cast<std::size_t>(size_));
    buffer<param_range, Ops> reads(ops), writes(ops);
    ops.elementwise(convert{}, uploaded_ranges(from_, reads), static_cast<const T*>(array), packed_array<T>{between.data()});
    ops.elementwise(convert{}, uploaded_ranges(to_, writes), packed_array<const T>{between.data()}, array);
  }
  /// Zeros where copy() would write.
  template <class Ops, class T> void clear(Ops& ops, T* array) const {
    if (size_ == 0) return;
    buffer<param_range, Ops> writes(ops);
    ops.elementwise(fill_zero{}, uploaded_ranges(to_, writes), array);
  }

 private:
  param_range_list from_, to_;
  std::int64_t size_ = 0;
};

/// elements: of arenas like the weights; counts: of the table of step counts.
struct block_copies {
  copied_ranges elements, counts;

  /// copies: a range of objects with int members from and to. Throws input_error if a block does not exist or would be
  /// written twice.
  template <class Copies> block_copies(const weight_layout& layout, const Copies& copies) : block_copies(layout.blocks(), copies) {}
  /// The same, with the places of blocks in arenas of another layout.
  template <class Copies> block_copies(const weight_layout::block_places& blocks, const Copies& copies) {
    std::vector<int> source(static_cast<std::size_t>(blocks.count), -1);
    for (const auto& c : copies) {
      if (c.from < 0 || c.from >= blocks.count || c.to < 0 || c.to >= blocks.count) errors::copied_block_is_out_of_range(c.from, c.to, blocks.count);
      int& earlier = source[static_cast<std::size_t>(c.to)];
      if (earlier >= 0) errors::block_is_written_twice(c.to, earlier, c.from);
      earlier = c.from;
      elements.add(blocks.first + c.from * blocks.size, blocks.first + c.to * blocks.size, blocks.size);
      counts.add(blocks.unit + c.from * blocks.units, blocks.unit + c.to * blocks.units, blocks.units);
    }
  }
};

}  // namespace raptr
