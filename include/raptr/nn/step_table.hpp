// SPDX-License-Identifier: Apache-2.0
// Lowers batch and plan on the host: every integer that an operation of the pass reads is written into one table and uploaded
// in one copy, so the host never waits for a value from the device. Dropped sequences end here too: below this level a block
// has rows and segments only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include <raptr/nn/batch.hpp>
#include <raptr/subnet/step_plan.hpp>

namespace raptr {

/// The rows that pass through an active block: their number, and where in the table their indices, positions and segments are.
/// The segments are those of the dense rows.
struct block_rows {
  int rows = 0;               // 0: its sequences are all in other micro-batches
  std::int64_t rows_at = -1;  // -1: all rows
  std::int64_t positions_at = 0;
  std::int64_t segments_at = 0;
  int segments = 0;
  std::int64_t units_at = -1;  // the numbers of the kept units of its parts, one part after the other; -1: not wanted
};

/// The integers of a pass in one table, and their positions in it.
class step_table {
 public:
  /// Rows order[starts[u]] .. order[starts[u + 1] - 1] hold values[u].
  struct sorted_rows {
    std::int64_t values = 0, starts = 0, order = 0;
    int count = 0;
  };

  /// What only some models read. groups: of the targets of the objective; below 2 their numbers are not needed. units: the numbers of the
  /// kept units of every block. row_places: of every row its sequence in the step and its number there.
  struct extras {
    std::size_t groups = 0;
    bool units = false, row_places = false;
  };
  void lower(const batch& data, const step_plan& plan, extras also = {0, false, false}) {
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
    target_groups_at = position(), target_groups = also.groups > 1 ? static_cast<int>(also.groups) : 0;
    for (std::size_t k = 0; target_groups > 0 && k < data.targets.size(); ++k) words_.push_back(data.targets[k].group);
    by_id = sorted(data.ids), by_position = sorted(data.positions);
    lower_blocks(data, plan);
    if (also.units) list_units(plan);
    row_places_at = position();
    if (also.row_places) put_row_places(data);
  }
  const std::vector<int>& words() const { return words_; }
  const std::vector<float>& weights() const { return weights_; }
  /// Of every active block, in the order of the plan.
  const std::vector<block_rows>& blocks() const { return blocks_; }

  int rows = 0, targets = 0, segments = 0, target_groups = 0;
  std::int64_t segments_at = 0, ids_at = 0, positions_at = 0, target_rows_at = 0, target_ids_at = 0, target_groups_at = 0, row_places_at = 0;
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
  void put_row_places(const batch& data) {
    int sequence = -1, row = 0;
    for (std::size_t k = 0; k < data.segments.size(); ++k) {
      if (const int of = data.sequence_of(k); of != sequence) sequence = of, row = 0;
      for (int i = 0; i < data.segments[k].length; ++i) words_.insert(words_.end(), {sequence, row++});
    }
  }
  // Blocks with the same sequences share their rows, so a rule drawn once is lowered once.
  void lower_blocks(const batch& data, const step_plan& plan) {
    blocks_.clear();
    for (const block_plan& b : plan.blocks()) {
      const auto same =
          std::find_if(plan.blocks().begin(), plan.blocks().end(), [&](const block_plan& other) { return other.sequences == b.sequences; });
      const std::size_t first = static_cast<std::size_t>(same - plan.blocks().begin());
      blocks_.push_back(first < blocks_.size() ? blocks_[first] : rows_of(data, b.sequences));
    }
  }
  void list_units(const step_plan& plan) {
    for (std::size_t k = 0; k < blocks_.size(); ++k) {
      blocks_[k].units_at = position();
      for (const part_plan& part : plan.blocks()[k].parts())
        for (const unit_range& kept : part.units)
          for (int unit = kept.first; unit < kept.first + kept.count; ++unit) words_.push_back(unit);
    }
  }
  block_rows rows_of(const batch& data, const std::vector<int>& sequences) {
    const auto each = [&](auto f) {  // segments and sequences ascend
      auto s = sequences.begin();
      for (std::size_t k = 0; k < data.segments.size(); ++k) {
        while (s != sequences.end() && *s < data.sequence_of(k)) ++s;
        if (s != sequences.end() && *s == data.sequence_of(k)) f(data.segments[k]);
      }
    };
    block_rows b{0, -1, 0, position(), 0};
    each([&](const segment&) { ++b.segments; });
    if (sequences.empty() || b.segments == segments) return {rows, -1, positions_at, segments_at, segments};
    each([&](const segment& s) { words_.insert(words_.end(), {b.rows, s.length, s.prefix}), b.rows += s.length; });
    b.rows_at = position();
    each([&](const segment& s) {
      for (int i = 0; i < s.length; ++i) words_.push_back(s.first + i);
    });
    b.positions_at = position();
    each([&](const segment& s) {
      for (int i = 0; i < s.length; ++i) words_.push_back(data.positions[static_cast<std::size_t>(s.first + i)]);
    });
    return b;
  }
  std::vector<int> words_, starts_, values_;
  std::vector<float> weights_;
  std::vector<std::uint64_t> keys_;
  std::vector<block_rows> blocks_;
};

/// The table of one pass in device memory.
struct device_batch {
  const step_table& table;
  const int* words;
  const float* weights;
  segment_list segments_of(const block_rows& block) const {
    return {reinterpret_cast<const segment*>(table.words().data() + block.segments_at), reinterpret_cast<const segment*>(words + block.segments_at),
            block.segments};
  }
};

}  // namespace raptr
