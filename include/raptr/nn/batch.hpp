// SPDX-License-Identifier: Apache-2.0
// What a network is given: tokens, what sees what, what is to be predicted. An objective is a way to fill a batch; the
// network never sees it. batch_table is the same as integers in device memory, uploaded in one copy, so that nothing
// later depends on a value that the device computed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include <raptr/backend/ops.hpp>

namespace raptr {

struct target {
  int row, id;
  float weight;
};

/// No padding: rows are the tokens of all segments, one after the other.
struct batch {
  std::vector<int> ids, positions;  // per row
  std::vector<segment> segments;    // ascending, covering all rows
  std::vector<target> targets;      // rows ascending, each at most once
  double normaliser = 1;            // the loss is divided by it: sum of the target weights of the GLOBAL batch

  void clear() { ids.clear(), positions.clear(), segments.clear(), targets.clear(), normaliser = 1; }
  double target_weight() const {
    double sum = 0;
    for (const target& t : targets) sum += double(t.weight);
    return sum;
  }
  /// Appends a segment of `length` rows at positions 0, 1, ...; its ids are to be appended by the caller.
  void add_segment(int length, int prefix) {
    segments.push_back({static_cast<int>(positions.size()), length, prefix});
    for (int i = 0; i < length; ++i) positions.push_back(i);
  }
};

/// Where the integers of a batch lie in one table.
class batch_table {
 public:
  /// Rows order[starts[u]] .. order[starts[u + 1] - 1] hold values[u].
  struct sorted_rows {
    std::int64_t values = 0, starts = 0, order = 0;
    int count = 0;
  };

  void lower(const batch& data) {
    words_.clear(), weights_.clear();
    rows = static_cast<int>(data.ids.size()), targets = static_cast<int>(data.targets.size());
    segments = static_cast<int>(data.segments.size()), normaliser = data.normaliser;
    segments_at = position();
    for (const segment& s : data.segments) words_.insert(words_.end(), {s.first, s.length, s.prefix});
    ids_at = put(data.ids), positions_at = put(data.positions);
    target_rows_at = position();
    for (const target& t : data.targets) words_.push_back(t.row);
    target_ids_at = position();
    for (const target& t : data.targets) words_.push_back(t.id), weights_.push_back(t.weight);
    by_id = sorted(data.ids), by_position = sorted(data.positions);
  }
  const std::vector<int>& words() const { return words_; }
  const std::vector<float>& weights() const { return weights_; }

  int rows = 0, targets = 0, segments = 0;
  std::int64_t segments_at = 0, ids_at = 0, positions_at = 0, target_rows_at = 0, target_ids_at = 0;
  sorted_rows by_id, by_position;
  double normaliser = 1;

 private:
  std::int64_t position() const { return static_cast<std::int64_t>(words_.size()); }
  std::int64_t put(const std::vector<int>& v) {
    const std::int64_t at = position();
    words_.insert(words_.end(), v.begin(), v.end());
    return at;
  }
  sorted_rows sorted(const std::vector<int>& of) {
    keys_.clear(), starts_.clear(), values_.clear();
    for (std::size_t r = 0; r < of.size(); ++r) keys_.push_back(std::uint64_t(std::uint32_t(of[r])) << 32 | r);
    std::sort(keys_.begin(), keys_.end());
    for (std::size_t i = 0; i < keys_.size(); ++i)
      if (const int v = static_cast<int>(keys_[i] >> 32); values_.empty() || values_.back() != v) values_.push_back(v), starts_.push_back(int(i));
    starts_.push_back(static_cast<int>(keys_.size()));
    sorted_rows result{put(values_), put(starts_), position(), static_cast<int>(values_.size())};
    for (std::uint64_t key : keys_) words_.push_back(static_cast<int>(key & 0xffffffffu));
    return result;
  }
  std::vector<int> words_, starts_, values_;
  std::vector<float> weights_;
  std::vector<std::uint64_t> keys_;
};

/// The table of one batch as a backend sees it.
struct device_batch {
  const batch_table& table;
  const int* words;
  const float* weights;
  segment_list segments() const {
    return {reinterpret_cast<const segment*>(table.words().data() + table.segments_at), reinterpret_cast<const segment*>(words + table.segments_at),
            table.segments};
  }
};

}  // namespace raptr
