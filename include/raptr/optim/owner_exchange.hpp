// SPDX-License-Identifier: Apache-2.0
// What ranks that divide the state of the optimizer send each other: gradients to the owners of their elements, updated weights from them,
// which are together as many bytes as sums that all ranks have; and the state itself, to rank 0, for a checkpoint.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <raptr/base/error.hpp>
#include <raptr/optim/owned_elements.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

namespace errors {
[[noreturn]] inline void optimizer_state_is_sharded(int ranks, const std::string& what) {
  fail("the moments of the optimizer are divided over " + std::to_string(ranks) + " ranks, so " + what);
}
}  // namespace errors

/// Communicators are those of comm/communicator.hpp, `at` is a comm_operation.
template <class Model> class owner_exchange {
  using ops_type = typename Model::ops_type;
  using master = typename Model::master;

 public:
  owner_exchange(Model& model, const element_owner& owner)
      : owner_(owner), layout_(model.layout(), owner), between_(model.ops()), slices_(model.ops()), own_(model.ops()), others_(model.ops()) {}
  const element_owner& owner() const { return owner_; }
  const owned_layout& layout() const { return layout_; }

  /// Divides the ranges of model.active(). Before the first sum of a step, whose gradient is then no longer that of the model.
  void begin(Model& model) { ranges_.lower(model.active(), layout_, owner_), model.release_gradients(); }
  /// Gives the gradient of a block (-1: of the model) to the owners of its elements. Only enqueues.
  template <class Comm, class At> void sum_gradient(Model& model, Comm& comm, int block, const At& at) {
    for (const owned_section& section : ranges_.sections) {
      if (section.block != block) continue;
      const std::span<master> gradient = memory_of(model, section);
      if (!section.slices.empty()) {
        param_range_list whole;
        whole.push_back({section.first, 0, section.size(), section.size(), 0, 0, false});
        between_.resize(static_cast<std::size_t>(ranges_.largest));
        model.ops().elementwise(convert{}, uploaded_ranges(section.slices, slices_), static_cast<const master*>(model.gradients()),
                                packed_array<master>{between_.data()});
        model.ops().elementwise(convert{}, uploaded_ranges(whole, slices_), packed_array<const master>{between_.data()}, model.gradients());
      }
      comm.reduce_scatter(model.ops(), gradient, section.bounds, at);
    }
  }
  /// The active elements that this rank owns, with the places of their gradients after the sums.
  const param_range_list& kept() const { return ranges_.kept.own; }
  /// The same of those that do not train.
  param_range_list owned_of(const param_range_list& list) const {
    param_range_list own;
    for (const param_range& range : list)
      if (const param_range part = layout_.part_of(range); part.length > 0) own.push_back(part);
    return own;
  }

  /// Every rank gets the updated weights from their owners, through the memory of the gradient, which is lost; also those of `dropped`.
  template <class Comm, class At> void gather_weights(Model& model, Comm& comm, const param_range_list& dropped, const At& at) {
    ops_type& ops = model.ops();
    const auto of_block = [&](int block) {
      At now = at;
      now.block = block;
      return now;
    };
    const auto take = [&](const param_range_list& own, master* to) {
      ops.elementwise(convert{}, uploaded_ranges(own, own_), static_cast<const master*>(model.weights()), packed_array<master>{to});
    };
    const auto put = [&](const param_range_list& others, const master* from) {
      ops.elementwise(convert{}, uploaded_ranges(others, others_), packed_array<const master>{from}, model.weights());
    };
    take(ranges_.kept.own, model.gradients());
    for (const owned_section& section : ranges_.sections) comm.all_gather(ops, memory_of(model, section), section.bounds, of_block(section.block));
    owned_ranges::parts parts;
    const owned_section rest = owned_ranges::section_of(dropped, layout_, owner_, parts);
    if (rest.size() > 0) {
      between_.resize(static_cast<std::size_t>(rest.size()));
      take(parts.own, between_.data());
      comm.all_gather(ops, std::span<master>(between_.data(), static_cast<std::size_t>(rest.size())), rest.bounds, at);
    }
    comm.finish(ops, at);
    put(ranges_.kept.others, model.gradients());
    if (rest.size() > 0) put(parts.others, between_.data());
  }

  /// On rank 0 the full arena of an array of owned elements, elsewhere nothing. Every rank calls it; waits.
  template <class Comm, class At> std::vector<master> on_rank_0(const Model& model, Comm& comm, const master* owned, const At& at) const {
    constexpr std::int64_t piece = std::int64_t(1) << 18;
    const std::int64_t largest = owned_layout(model.layout(), {0, owner_.ranks}).size();
    std::vector<master> mine = download(model.ops(), owned, static_cast<std::size_t>(layout_.size()));
    mine.resize(static_cast<std::size_t>(largest));
    std::vector<std::vector<master>> theirs(owner_.rank == 0 ? static_cast<std::size_t>(owner_.ranks) : 0);
    for (std::int64_t first = 0; first < largest; first += piece) {
      const std::size_t n = static_cast<std::size_t>(std::min(piece, largest - first));
      std::vector<master> all(n * static_cast<std::size_t>(owner_.ranks));
      comm.gather(std::as_bytes(std::span(mine).subspan(static_cast<std::size_t>(first), n)), std::as_writable_bytes(std::span(all)), at);
      for (std::size_t r = 0; r < theirs.size(); ++r) theirs[r].insert(theirs[r].end(), all.data() + r * n, all.data() + (r + 1) * n);
    }
    std::vector<master> whole(theirs.empty() ? 0 : static_cast<std::size_t>(model.layout().size()), master(0));
    for (std::size_t r = 0; r < theirs.size(); ++r)
      owned_layout(model.layout(), {static_cast<int>(r), owner_.ranks}).each_slice([&](std::int64_t full, std::int64_t own, std::int64_t n) {
        std::copy_n(theirs[r].begin() + own, n, whole.begin() + full);
      });
    return whole;
  }
  /// This rank's elements of a full arena.
  std::vector<master> owned_of(std::span<const master> whole) const {
    std::vector<master> mine(static_cast<std::size_t>(layout_.size()), master(0));
    layout_.each_slice([&](std::int64_t full, std::int64_t own, std::int64_t n) { std::copy_n(whole.begin() + full, n, mine.begin() + own); });
    return mine;
  }

 private:
  static std::span<master> memory_of(Model& model, const owned_section& section) {
    return {model.gradients() + section.first, static_cast<std::size_t>(section.size())};
  }

  element_owner owner_;
  owned_layout layout_;
  owned_ranges ranges_;
  buffer<master, ops_type> between_;  // one section at most, or what does not train
  buffer<param_range, ops_type> slices_, own_, others_;
};

}  // namespace raptr
