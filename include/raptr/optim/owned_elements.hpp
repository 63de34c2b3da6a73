// SPDX-License-Identifier: Apache-2.0
// Which elements a rank owns where ranks divide the state of the optimizer, as ZeRO stage 1 does [zero]: the same slice of every unit of
// every tensor. So the active elements of any plan are divided evenly, a run of kept units stays one range, and a block that is copied
// has its slices where its source has them.
#pragma once

#include <cstdint>
#include <vector>

#include <raptr/base/share.hpp>
#include <raptr/nn/active_layout.hpp>
#include <raptr/nn/weight_layout.hpp>

namespace raptr {

/// A rank, and how many there are. One rank owns everything.
struct element_owner {
  int rank = 0, ranks = 1;
};

/// The slices of a rank in a range of the full arenas.
inline param_range owned_part(param_range range, const element_owner& owner) {
  const std::int64_t units = range.length / range.per_unit;
  const index_range slice = share_of(range.per_unit, owner.rank, owner.ranks);
  range.gap = range.per_unit - slice.size();
  range.first += slice.first, range.per_unit = slice.size(), range.length = units * slice.size();
  return range;
}

/// Arrays of the elements that a rank owns, in the order of the weights: tensors begin at multiples of 16.
class owned_layout {
 public:
  owned_layout(const weight_layout& layout, const element_owner& owner) : owner_(owner), blocks_(layout.blocks()) {
    for (const placed_weight& w : layout.all()) {
      if (w.block == 0 && first_of_blocks_ < 0) first_of_blocks_ = size_;
      full_.push_back({w.first, w.per_unit, w.units}), starts_.push_back(size_);
      size_ += (w.units * share_of(w.per_unit, owner.rank, owner.ranks).size() + 15) / 16 * 16;
    }
    blocks_.first = first_of_blocks_, blocks_.size = (size_ - blocks_.first) / blocks_.count;
  }
  std::int64_t size() const { return size_; }
  /// As weight_layout::blocks(), of these arrays.
  const weight_layout::block_places& blocks() const { return blocks_; }

  /// The rank's part of a range of tensor range.tensor, with its place in these arrays.
  param_range part_of(const param_range& range) const {
    param_range part = owned_part(range, owner_);
    const auto k = static_cast<std::size_t>(range.tensor);
    part.owned = starts_[k] + (range.first - full_[k].first) / range.per_unit * part.per_unit - part.first;
    return part;
  }
  /// Calls f(place in the full arenas, place here, elements) for the slice of every unit.
  template <class F> void each_slice(F f) const {
    for (std::size_t k = 0; k < full_.size(); ++k) {
      const index_range slice = share_of(full_[k].per_unit, owner_.rank, owner_.ranks);
      for (std::int64_t unit = 0; unit < full_[k].units; ++unit)
        f(full_[k].first + unit * full_[k].per_unit + slice.first, starts_[k] + unit * slice.size(), slice.size());
    }
  }

 private:
  struct tensor {
    std::int64_t first, per_unit;
    int units;
  };
  element_owner owner_;
  std::vector<tensor> full_;
  std::vector<std::int64_t> starts_;  // here
  std::int64_t size_ = 0, first_of_blocks_ = -1;
  weight_layout::block_places blocks_;
};

/// Elements that are sent to their owners, or from them, at once: those of rank r are bounds[r] to bounds[r + 1] - 1 from `first` on.
struct owned_section {
  int block;  // -1: of the model
  std::int64_t first;
  std::vector<std::int64_t> bounds{0};
  param_range_list slices{};  // T*: where they are in a packed gradient; packed_array: in the order of owners. None: the same order

  std::int64_t size() const { return bounds.back(); }
};

/// The ranges of a step, divided among the ranks. The gradient of a block is one section; a tensor of the model around the blocks, which is
/// one unit and often large, is a section of its own, since its slices are in the order of owners already.
class owned_ranges {
 public:
  void lower(const active_layout& active, const owned_layout& layout, const element_owner& owner) {
    sections.clear(), kept = {}, largest = 0;
    std::size_t next = 0;
    for (const packed_piece& piece : active.pieces)
      for (std::size_t end = next; next < active.kept.size() && active.kept[next].packed < piece.last; next = end) {
        end = next + 1;
        while (piece.block >= 0 && end < active.kept.size() && active.kept[end].packed < piece.last) ++end;
        sections.push_back({piece.block, active.kept[next].packed});
        divide(active.kept, next, end, layout, owner, sections.back(), kept);
        if (piece.block < 0)
          sections.back().slices.clear();
        else
          largest = std::max(largest, sections.back().size());
      }
  }
  /// Of a list whose elements have no place in the gradient, such as active_layout::dropped: a section from 0 on.
  struct parts {
    param_range_list own{}, others{};  // packed: in the section
  };
  static owned_section section_of(const param_range_list& list, const owned_layout& layout, const element_owner& owner, parts& to) {
    owned_section section{-1, 0};
    to = {};
    divide(list, 0, list.size(), layout, owner, section, to);
    return section;
  }

  std::vector<owned_section> sections;  // in the order of the packed gradient
  parts kept;                           // packed: in the gradient, when it is in the order of owners
  std::int64_t largest = 0;             // elements of a section that is not in that order yet

 private:
  static void divide(const param_range_list& list, std::size_t first, std::size_t last, const owned_layout& layout, const element_owner& owner,
                     owned_section& section, parts& to) {
    for (int rank = 0; rank < owner.ranks; ++rank) {
      std::int64_t place = section.bounds.back();
      for (std::size_t k = first; k < last; ++k) {
        const bool own = rank == owner.rank;
        param_range part = own ? layout.part_of(list[k]) : owned_part(list[k], {rank, owner.ranks});
        if (part.length == 0) continue;
        param_range slice = part;
        slice.first += list[k].packed - list[k].first, slice.packed = place;
        section.slices.push_back(slice);
        part.packed = section.first + place, place += part.length;
        (own ? to.own : to.others).push_back(part);
      }
      section.bounds.push_back(place);
    }
  }
};

}  // namespace raptr
