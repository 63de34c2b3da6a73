// SPDX-License-Identifier: Apache-2.0
// The gradient of one plan, spread over the units of a larger one: how ranks with different plans add up gradients of equal layout. Both are
// packed, and both lists of ranges ascend, so one pass over the two finds what is copied where.
#pragma once

#include <algorithm>
#include <vector>

#include <raptr/nn/block_copies.hpp>

namespace raptr {

/// Copies each gradient times the factor of its unit.
struct copy_times_factor {
  struct per_unit {
    double factor;
  };
  const double* factors;  // by unit id, in device memory; null: 1
  RAPTR_BOTH per_unit begin(const param_range&, int unit) const { return {factors ? factors[unit] : 1.0}; }
  template <class T> RAPTR_BOTH void operator()(const per_unit& u, const T& from, T& to) const { to = from * T(u.factor); }
};

template <class Ops> class spread_gradients {
  using master = typename Ops::master;

 public:
  explicit spread_gradients(Ops& ops) : ops_(&ops), array_(ops), kept_buffer_(ops), copy_buffer_(ops), factors_(ops) {}

  /// Makes room for the gradient of `all`, all zeros. What only `own` keeps has no place there. factors: on what is copied, for each unit id of
  /// the layout; none: 1. Only enqueues.
  void place(const weight_layout& layout, const active_layout& own, const active_layout& all, const std::vector<double>& factors) {
    by_unit_ = factors.empty() ? nullptr : factors_.put(factors);
    if (static_cast<std::size_t>(all.size) > array_.size()) {
      array_.resize(static_cast<std::size_t>(all.size));
      copied_ranges gaps;  // between tensors: ranks add them up too
      gaps.add(0, 0, all.size), gaps.clear(*ops_, array_.data());
    }
    kept_ = uploaded_ranges(all.kept, kept_buffer_);
    ops_->elementwise(fill_zero{}, kept_, packed_array<master>{array_.data()});
    copies_.resize(static_cast<std::size_t>(layout.blocks().count) + 1);
    for (param_range_list& block : copies_) block.clear();
    const auto end = [](const param_range& r) { return r.first + r.length; };
    std::size_t next = 0;
    for (const param_range& from : own.kept) {
      while (next < all.kept.size() && end(all.kept[next]) <= from.first) ++next;
      for (std::size_t k = next; k < all.kept.size() && all.kept[k].first < end(from); ++k) {
        const param_range& to = all.kept[k];
        const std::int64_t first = std::max(from.first, to.first), length = std::min(end(from), end(to)) - first;
        const int block = layout.all()[static_cast<std::size_t>(from.tensor)].block;
        copies_[static_cast<std::size_t>(block + 1)].push_back({from.packed + first - from.first, to.packed + first - to.first, length, from.per_unit,
                                                                from.unit + static_cast<int>((first - from.first) / from.per_unit), 0, false});
      }
    }
  }
  /// own: the packed gradient of own. block -1: the weights around the blocks. Only enqueues.
  void copy(int block, const master* own) {
    const param_range_list& ranges = copies_[static_cast<std::size_t>(block + 1)];
    if (!ranges.empty())
      ops_->elementwise(copy_times_factor{by_unit_}, uploaded_ranges(ranges, copy_buffer_), own, packed_array<master>{array_.data()});
  }

  master* data() const { return array_.data(); }
  param_ranges kept() const { return kept_; }

 private:
  Ops* ops_;
  buffer<master, Ops> array_;
  param_ranges kept_{};
  std::vector<param_range_list> copies_;  // from packed to packed: of the model's own weights, then of each block
  buffer<param_range, Ops> kept_buffer_, copy_buffer_;
  buffer<double, Ops> factors_;
  const double* by_unit_ = nullptr;  // in factors_
};

}  // namespace raptr
