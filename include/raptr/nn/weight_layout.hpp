// SPDX-License-Identifier: Apache-2.0
// A part declares its weights once; offsets in the arenas, names in files, initial values, optimizer ranges and cost follow from
// that list. A unit of a weight is one contiguous range, so neighbouring kept units merge into longer ranges and a dropped unit
// is a range that is not touched.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <raptr/backend/ops.hpp>
#include <raptr/nn/initializer.hpp>
#include <raptr/subnet/step_plan.hpp>

namespace raptr {

/// Rows of one unit that belong to one tensor of a file.
struct tensor_rows {
  std::string name;
  int rows;
};
struct weight {
  std::string name;
  bool per_unit;                     // false: one unit of its own, trained whenever the part is
  std::vector<tensor_rows> tensors;  // in the order of the rows of a unit
  int width;                         // 1: a vector
  initializer init;
  bool decays;

  int rows() const {
    int n = 0;
    for (const tensor_rows& t : tensors) n += t.rows;
    return n;
  }
};

/// w[k]: the k-th declared weight of a part, the rows of its kept units only.
template <class T> using params = const matrix<T>*;
/// The elements of weight k, or null for a weight that the model does not have.
template <class T> T* data_if(bool there, params<T> w, int k) { return there ? w[k].data : nullptr; }

/// A weight and its position. block -1: the model's own.
struct placed_weight {
  weight what;
  std::string part_name;
  int block, part, units, unit;  // unit: its first id in the table of step counts
  std::int64_t first, per_unit;  // elements, in the full arenas
  bool counts;                   // the weights of a part share unit ids: the first of each kind counts their steps

  std::int64_t size() const { return per_unit * units; }
  /// For messages: "block 3 mlp up".
  std::string full_name() const { return block < 0 ? what.name : "block " + std::to_string(block) + " " + part_name + " " + what.name; }
};

struct part_weights {
  std::string name;
  int units;
  std::vector<weight> list;
};

/// One layout for weights, gradients and moments: the model's own weights, then block by block, part by part.
class weight_layout {
 public:
  weight_layout(int blocks, std::vector<weight> model, const std::vector<part_weights>& parts) : parts_(static_cast<int>(parts.size())) {
    add(-1, 0, {"", 1, std::move(model)});
    blocks_ = {size_, 0, ids_, 0, blocks};
    for (int b = 0; b < blocks; ++b)
      for (int p = 0; p < parts_; ++p) add(b, p, parts[static_cast<std::size_t>(p)]);
    starts_.push_back(all_.size());
    blocks_.size = (size_ - blocks_.first) / blocks, blocks_.units = (ids_ - blocks_.unit) / blocks;
  }

  /// Elements of a full arena; tensors begin at multiples of 16.
  std::int64_t size() const { return size_; }
  /// Elements of the tensors themselves.
  std::int64_t parameters() const {
    std::int64_t n = 0;
    for (const placed_weight& w : all_) n += w.size();
    return n;
  }
  int unit_ids() const { return ids_; }
  /// Blocks are alike and follow each other: block b has `size` elements of an arena from first + b size, and `units` step
  /// counts from unit + b units.
  struct block_places {
    std::int64_t first, size;
    int unit, units, count;
  };
  const block_places& blocks() const { return blocks_; }
  const std::vector<placed_weight>& all() const& { return all_; }
  std::vector<placed_weight> all() && { return std::move(all_); }  // so that a range-for over it has them
  /// Index in all() of the first weight of a part; block -1: the model's own. The part after the last one is allowed.
  std::size_t of(int block, int part) const { return starts_[block < 0 ? 0 : static_cast<std::size_t>(1 + block * parts_ + part)]; }

  /// Calls f(weight, first unit, units, active) for every maximal run of units that train, or do not train, in this step.
  template <class F> void each_run(const step_plan& plan, F f) const {
    for (const placed_weight& w : all_) {
      const part_plan* part = w.block < 0 || !plan.has(w.block) ? nullptr : &plan.block(w.block).parts()[static_cast<std::size_t>(w.part)];
      const bool active = w.block < 0 || (part && !part->units.empty());
      if (!w.what.per_unit || !active) {
        f(w, 0, w.units, active);
        continue;
      }
      int next = 0;
      for (const unit_range& kept : part->units) {
        if (kept.first > next) f(w, next, kept.first - next, false);
        f(w, kept.first, kept.count, true);
        next = kept.first + kept.count;
      }
      if (next < w.units) f(w, next, w.units - next, false);
    }
  }

 private:
  void add(int block, int part, const part_weights& from) {
    starts_.push_back(all_.size());
    bool counted[2] = {};
    for (const weight& w : from.list) {
      const int units = w.per_unit ? from.units : 1;
      const std::int64_t per_unit = std::int64_t{w.rows()} * w.width;
      const bool counts = !std::exchange(counted[w.per_unit], true);
      all_.push_back({w, from.name, block, part, units, w.per_unit ? ids_ : ids_ + from.units, size_, per_unit, counts});
      size_ += (per_unit * units + 15) / 16 * 16;
    }
    ids_ += from.units + 1;  // the last id counts for the weights that are not per unit
  }

  std::vector<placed_weight> all_;
  std::vector<std::size_t> starts_;
  std::int64_t size_ = 0;
  int ids_ = 0, parts_;
  block_places blocks_{};
};

}  // namespace raptr
