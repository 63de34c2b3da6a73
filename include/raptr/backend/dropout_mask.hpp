// SPDX-License-Identifier: Apache-2.0
// What a training pass drops, drawn by counter: whether a number is dropped is a function of the step and of the number's place, so it is
// the same on every device and for any threads, micro-batches and plans, and a backward pass draws it again instead of storing it.
#pragma once

#include <cstdint>

#include <raptr/backend/attention_rows.hpp>
#include <raptr/base/random.hpp>

namespace raptr {

/// What is dropped at one place of the network: nn/layers/dropout.hpp, and below for attention.
struct dropout_mask {
  double rate = 0;                  // 0: nothing
  std::uint32_t key[2] = {};        // of seed and step
  std::uint32_t place = 0;          // 0: the embedding; then the parts of all blocks; below 2^31
  const int* row_places = nullptr;  // (rows of the pass, 2), in device memory: sequence in the step, row in the sequence
  const int* rows = nullptr;        // of the pass, one for each row of this call; null: row r is r

  /// Words of a draw below this drop.
  RAPTR_BOTH std::uint32_t limit() const { return std::uint32_t(rate * 0x1p32); }
  /// The factor on what is kept.
  template <class T> RAPTR_BOTH T scale() const { return T(1 / (1 - rate)); }
  /// Sequence and number of a row of this call.
  RAPTR_BOTH const int* place_of(std::int64_t row) const { return row_places + 2 * (rows ? rows[row] : row); }
};

/// The mask of the probabilities of one part of attention.
struct probability_dropout : dropout_mask {
  const int* groups = nullptr;  // in the full network, of the kept key-value groups, in device memory
};

/// The draws of one query head in one segment. A head has a key of its own, drawn from its number in the full network and its place under
/// a last word that no draw of rows has; so the four words of a counter are free for key, row and sequence and never coincide.
///
///   draw (of a key), row in the sequence, sequence, 0
///
/// The four words of a draw are for four keys of the segment, each 16 after the one before it: keys k, k + 16, k + 32, k + 48 of 64 share
/// one. So the vectors of a CPU and the columns of a thread of a GPU take what they draw without rearranging it.
struct head_draws {
  std::uint32_t key[2] = {}, first = 0, sequence = 0, limit;  // limit 0: nothing is dropped, and nothing else is set

  struct words {
    std::uint32_t at[4];
  };

  RAPTR_BOTH head_draws(const probability_dropout& mask, const group_rows& at, int query) : limit(mask.limit()) {
    if (limit == 0 || at.rows.length == 0) return;
    const int* const place = mask.place_of(at.rows.first);
    std::uint32_t own[4] = {std::uint32_t(mask.groups[at.group]) * std::uint32_t(at.heads.queries) + std::uint32_t(query), mask.place, 0, 1u << 31};
    philox_rounds(own, mask.key[0], mask.key[1]);
    key[0] = own[0], key[1] = own[1], first = std::uint32_t(place[1]), sequence = std::uint32_t(place[0]);
  }

  /// The words that a query row of the segment draws for a key and those that share its draw.
  RAPTR_BOTH words of(int row, int k) const {
    const std::uint32_t number = std::uint32_t(k);
    words w{{number / 64 * 16 + number % 16, first + std::uint32_t(row), sequence, 0}};
    philox_rounds(w.at, key[0], key[1]);
    return w;
  }
  /// Whether key k is kept, by its draw. No index: an array that is indexed by a variable would leave the registers of a GPU.
  RAPTR_BOTH bool keeps(const words& w, int k) const {
    const bool odd = (k & 16) != 0;
    return ((k & 32) != 0 ? (odd ? w.at[3] : w.at[2]) : (odd ? w.at[1] : w.at[0])) >= limit;
  }
};

}  // namespace raptr
