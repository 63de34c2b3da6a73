// SPDX-License-Identifier: Apache-2.0
// Where attention finds its rows and which rows see each other: the index arithmetic of all backends, written once.
#pragma once

#include <cmath>
#include <cstdint>

#include <raptr/base/config.hpp>

namespace raptr {

/// Rows first .. first + length - 1 of a batch. Row q sees row k if k <= q or both lie in the first `prefix` rows.
/// prefix 0: causal; prefix = length: bidirectional.
struct segment {
  int first, length, prefix;
};
/// The same segments in host and in device memory.
struct segment_list {
  const segment *host, *device;
  int count;
};
/// Key-value groups, query heads of each group, D. scale: of the scores, query times key; 0: 1 / sqrt(D).
struct head_shape {
  int groups, queries, width;
  double scale = 0;

  template <class T> RAPTR_BOTH T score_scale() const { return scale > 0 ? T(scale) : T(1) / std::sqrt(T(width)); }

  /// The queries and keys of a row of qkv without the values, for what treats both alike: how many, and where number `head` begins.
  RAPTR_BOTH int scored() const { return groups * (queries + 1); }
  RAPTR_BOTH bool is_key(int head) const { return head % (queries + 1) == queries; }
  RAPTR_BOTH std::int64_t scored_at(std::int64_t row, int head) const { return (row * groups * (queries + 2) + head + head / (queries + 1)) * width; }
};

/// One key-value group of one segment. Offsets are elements from the start of an array:
///
///   qkv        (B*T, groups, queries + 2, D)   the queries of a group, its key, its value
///   out        (B*T, groups, queries, D)
///   logsumexp  (B*T, groups, queries)
struct group_rows {
  segment rows;
  head_shape heads;
  int group;

  RAPTR_BOTH std::int64_t qkv_stride() const { return std::int64_t(heads.groups) * (heads.queries + 2) * heads.width; }
  RAPTR_BOTH std::int64_t logsumexp_stride() const { return std::int64_t(heads.groups) * heads.queries; }
  RAPTR_BOTH std::int64_t out_stride() const { return logsumexp_stride() * heads.width; }

  RAPTR_BOTH std::int64_t query(int head, std::int64_t row = 0) const { return qkv(head, row); }
  RAPTR_BOTH std::int64_t key(std::int64_t row = 0) const { return qkv(heads.queries, row); }
  RAPTR_BOTH std::int64_t value(std::int64_t row = 0) const { return qkv(heads.queries + 1, row); }
  RAPTR_BOTH std::int64_t logsumexp(int head, std::int64_t row = 0) const {
    return (rows.first + row) * logsumexp_stride() + std::int64_t(group) * heads.queries + head;
  }
  RAPTR_BOTH std::int64_t out(int head, std::int64_t row = 0) const { return logsumexp(head, row) * heads.width; }

  /// How many keys a row sees, always the first ones.
  RAPTR_BOTH int seen(int row) const { return row < rows.prefix && rows.prefix > row + 1 ? rows.prefix : row + 1; }
  /// How many keys the rows first .. end - 1 see at most.
  RAPTR_BOTH int seen_by_tile(int first, int end) const { return first < rows.prefix && rows.prefix > end ? rows.prefix : end; }
  /// The first row that sees key `key`.
  RAPTR_BOTH int first_that_sees(int key) const { return key < rows.prefix ? 0 : key; }

 private:
  RAPTR_BOTH std::int64_t qkv(int slot, std::int64_t row) const {
    return (rows.first + row) * qkv_stride() + (std::int64_t(group) * (heads.queries + 2) + slot) * heads.width;
  }
};

}  // namespace raptr
