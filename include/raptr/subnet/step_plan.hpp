// SPDX-License-Identifier: Apache-2.0
// The plan of one step, as a tree: the active blocks in order, their parts, and the active units of each part. It is the only
// interface between the method and the network. Storage is allocated once, on construction, so that writing a plan at every
// step allocates nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include <raptr/base/random.hpp>
#include <raptr/subnet/layout.hpp>
#include <raptr/subnet/unit_set.hpp>

namespace raptr {

/// Units first .. first + count - 1.
struct unit_range {
  int first, count;
  bool operator==(const unit_range&) const = default;
};

/// What one part of a block trains. A part without units is dropped: it is neither run, stored nor updated.
struct part_plan {
  std::vector<unit_range> units;  // ascending, disjoint, not adjacent
  double factor = 1;              // applied to what this part adds to the residual
  double unit_factor = 1;         // applied to the output of its units as well, but not to its output bias

  int size() const {
    int n = 0;
    for (const unit_range& r : units) n += r.count;
    return n;
  }
  /// Allocates nothing in a plan of a layout that has these units.
  void keep(const unit_set& chosen) {
    units.clear();
    for (int first = chosen.next(0); first < unit_set::capacity;) {
      int end = first;
      while (chosen.has(end)) ++end;
      units.push_back({first, end - first});
      first = chosen.next(end);
    }
  }
  bool operator==(const part_plan&) const = default;
};

/// An active block. Its parts are in the order of the block's part_list, dropped ones included.
class block_plan {
 public:
  explicit block_plan(const network_layout& layout) : parts_(layout.parts().size()) {
    for (std::size_t p = 0; p < parts_.size(); ++p) parts_[p].units.reserve(static_cast<std::size_t>(layout.parts()[p].units + 1) / 2);
    sequences.reserve(static_cast<std::size_t>(layout.sequences));
  }
  int block = 0;
  double factor = 1;           // applied to what the whole block adds
  std::vector<int> sequences;  // that pass through this block, ascending; empty: all. The others skip it
  std::span<const part_plan> parts() const { return parts_; }
  std::span<part_plan> parts() { return parts_; }
  bool operator==(const block_plan&) const = default;

 private:
  std::vector<part_plan> parts_;
};

/// Written by raptr::plan_into, or by hand:
///
///   step_plan plan(layout);
///   plan.add(0);                                     // all of block 0
///   block_plan& b = plan.add(5);                     // of block 5 ...
///   b.factor = 0.5;                                  // ... half of what it adds,
///   b.parts()[0].units = {{0, 1}, {2, 1}};           // units 0 and 2 of its first part,
///   b.parts()[1].units.clear();                      // and nothing of its second one,
///   b.sequences = {1, 2, 5};                         // for three sequences of the step
///   plan.check();
class step_plan {
 public:
  /// An empty plan: no block is active.
  explicit step_plan(const network_layout& layout) : layout_(layout), place_(static_cast<std::size_t>(layout.shape.layers), -1) {
    blocks_.reserve(place_.size());
    while (blocks_.size() < place_.size()) blocks_.emplace_back(layout);
  }
  /// A copy has the same capacity.
  step_plan(const step_plan& other) : step_plan(other.layout_) {
    active_ = other.active_, place_ = other.place_, key_ = other.key_;
    std::copy(other.blocks().begin(), other.blocks().end(), blocks_.begin());
  }
  step_plan(step_plan&&) = default;
  step_plan& operator=(const step_plan& other) { return *this = step_plan(other); }
  step_plan& operator=(step_plan&&) = default;
  ~step_plan() = default;

  /// All units of all parts of all blocks, every factor 1.
  static step_plan full(const network_layout& layout) { return of_blocks(layout, unit_set::first(layout.shape.layers)); }
  /// The same for a subset of the blocks.
  static step_plan of_blocks(const network_layout& layout, const unit_set& blocks) {
    step_plan plan(layout);
    for (const int block : blocks) plan.add(block);
    return plan;
  }

  int size() const { return active_; }
  /// The active blocks, in order. Deleted for temporaries, since a range-for would outlive the plan.
  std::span<const block_plan> blocks() const&& = delete;
  std::span<const block_plan> blocks() const& { return {blocks_.data(), static_cast<std::size_t>(active_)}; }
  bool has(int block) const { return block >= 0 && block < layout_.shape.layers && place_[static_cast<std::size_t>(block)] >= 0; }
  /// Throws input_error if the block is dropped.
  const block_plan& block(int number) const&& = delete;
  const block_plan& block(int number) const& {
    if (!has(number)) errors::block_is_not_active(number);
    return blocks_[static_cast<std::size_t>(place_[static_cast<std::size_t>(number)])];
  }
  const network_layout& layout() const { return layout_; }
  /// Seed and step that it was drawn for. What is random inside the step, such as dropout, depends on them; a plan is equal without.
  const draw_key& key() const { return key_; }
  void set_key(const draw_key& key) { key_ = key; }
  /// The number of sequences that pass through an active block; 0 if unknown to the layout.
  int sequences_of(const block_plan& b) const { return b.sequences.empty() ? layout_.sequences : static_cast<int>(b.sequences.size()); }
  bool operator==(const step_plan& other) const {
    return layout_ == other.layout_ && std::equal(blocks().begin(), blocks().end(), other.blocks().begin(), other.blocks().end());
  }

  /// Drops every block.
  void clear() {
    active_ = 0;
    std::fill(place_.begin(), place_.end(), -1);
  }
  /// Adds a block with all units of all parts and factors of 1. Throws input_error unless its number exceeds all others.
  block_plan& add(int block) {
    const int last = active_ ? blocks_[static_cast<std::size_t>(active_ - 1)].block : -1;
    if (block <= last || block >= layout_.shape.layers) errors::block_cannot_be_added(block, last, layout_.shape.layers);
    place_[static_cast<std::size_t>(block)] = active_;
    block_plan& b = blocks_[static_cast<std::size_t>(active_++)];
    b.block = block, b.factor = 1, b.sequences.clear();
    for (std::size_t p = 0; p < b.parts().size(); ++p) {
      b.parts()[p].factor = b.parts()[p].unit_factor = 1;
      b.parts()[p].units.assign(1, {0, layout_.parts()[p].units});
    }
    return b;
  }
  /// Removes the block that was added last.
  void remove_last() { place_[static_cast<std::size_t>(blocks_[static_cast<std::size_t>(--active_)].block)] = -1; }
  /// Throws input_error if a plan that was written by hand is not valid for this network.
  void check() const {
    for (const block_plan& b : blocks()) {
      if (!has(b.block) || &block(b.block) != &b) errors::plan_is_malformed(b.block, "", "has a block number that was changed after add()");
      if (!std::isfinite(b.factor)) errors::plan_is_malformed(b.block, "", "has a factor that is not finite");
      if (!b.sequences.empty() && layout_.sequences == 0)
        errors::plan_is_malformed(b.block, "",
                                  "names sequences, but its layout has no number of sequences: create it with "
                                  "layout_of<Block>(shape, sequences)");
      for (std::size_t i = 0; i < b.sequences.size(); ++i)
        if (b.sequences[i] < 0 || b.sequences[i] >= layout_.sequences || (i > 0 && b.sequences[i] <= b.sequences[i - 1]))
          errors::plan_is_malformed(
              b.block, "",
              "has sequence " + std::to_string(b.sequences[i]) + ": sequences must ascend and be in 0 to " + std::to_string(layout_.sequences - 1));
      bool active = false;
      for (std::size_t p = 0; p < b.parts().size(); ++p) active = check_part(b.block, b.parts()[p], layout_.parts()[p]) || active;
      if (!active) errors::plan_is_malformed(b.block, "", "has no active part: leave the block out");
    }
  }

 private:
  static bool check_part(int block, const part_plan& part, const part_layout& layout) {
    if (!std::isfinite(part.factor) || !std::isfinite(part.unit_factor))
      errors::plan_is_malformed(block, layout.name, "has a factor that is not finite");
    int end = -1;
    for (const unit_range& r : part.units) {
      if (r.first <= end || r.count < 1 || r.count > layout.units - r.first)
        errors::plan_is_malformed(block, layout.name,
                                  "has " + std::to_string(r.count) + " units from unit " + std::to_string(r.first) +
                                      ": ranges must ascend, not touch, and be in 0 to " + std::to_string(layout.units - 1));
      end = r.first + r.count;
    }
    return end > 0;
  }

  network_layout layout_;
  std::vector<block_plan> blocks_;  // the first active_ ones are in use
  std::vector<int> place_;          // index of each block among the active ones; -1: dropped
  int active_ = 0;
  draw_key key_;
};

}  // namespace raptr
