// SPDX-License-Identifier: Apache-2.0
// What ranks must have alike, and what they tell each other before every step: a difference is found before it can be trained on.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/comm/gathered.hpp>
#include <raptr/nn/active_layout.hpp>
#include <raptr/subnet/step_plan.hpp>
#include <raptr/train/error.hpp>
#include <raptr/train/report.hpp>

namespace raptr {

/// Something that all ranks have alike, such as an option and its value. Longer texts are cut.
class shared_fact {
 public:
  shared_fact() = default;
  shared_fact(std::string_view name, std::string_view value) { put(name_, name), put(value_, value); }
  std::string name() const { return name_.data(); }
  std::string value() const { return value_.data(); }
  bool operator==(const shared_fact&) const = default;

 private:
  template <std::size_t N> static void put(std::array<char, N>& to, std::string_view text) { std::ranges::copy(text.substr(0, N - 1), to.begin()); }
  std::array<char, 24> name_{};
  std::array<char, 40> value_{};
};

/// Throws input_error with the first fact in which this rank and another one differ, and both values. The same number on every rank.
template <communicator Comm> void check_alike(Comm& comm, std::span<const shared_fact> facts, const comm_operation& at) {
  const std::vector<shared_fact> all = gathered(comm, facts, at);
  for (std::size_t k = 0; k < facts.size(); ++k)
    for (int rank = 0; rank < comm.ranks(); ++rank)
      if (const shared_fact& other = all[static_cast<std::size_t>(rank) * facts.size() + k]; !(other == facts[k]))
        errors::ranks_differ(at, facts[k].name(), comm.rank(), facts[k].value(), rank, other.value());
}

/// A fingerprint of a plan (FNV-1a): ranks with the same one train the same units with the same factors.
inline std::uint64_t fingerprint_of(const step_plan& plan) {
  std::uint64_t print = 0xcbf29ce484222325u;
  const auto add = [&](std::uint64_t word) { print = (print ^ word) * 0x100000001b3u, print ^= print >> 29; };
  for (const block_plan& b : plan.blocks()) {
    add(static_cast<std::uint64_t>(b.block)), add(std::bit_cast<std::uint64_t>(b.factor));
    for (const part_plan& p : b.parts()) {
      add(p.units.size()), add(std::bit_cast<std::uint64_t>(p.factor)), add(std::bit_cast<std::uint64_t>(p.unit_factor));
      for (const unit_range& r : p.units) add(static_cast<std::uint64_t>(r.first)), add(static_cast<std::uint64_t>(r.count));
    }
    add(b.sequences.size());
    for (int sequence : b.sequences) add(static_cast<std::uint64_t>(sequence));
  }
  return print;
}

/// Makes r.tokens, r.targets and the weights of r.losses, which count this rank's share, those of all ranks, and returns the weight of the
/// targets of each rank; nullopt if a rank wants to stop. Throws comm_error if the ranks are not at the same step with the same plans.
template <communicator Comm> std::optional<std::vector<double>> weights_of_ranks(Comm& comm, std::uint64_t plans, step_report& r, double weight,
                                                                                 bool stop, const comm_operation& at) {
  std::vector<std::uint64_t> mine{plans, stop, static_cast<std::uint64_t>(r.tokens), static_cast<std::uint64_t>(r.targets),
                                  std::bit_cast<std::uint64_t>(weight)};
  for (const group_loss& g : r.losses) mine.push_back(std::bit_cast<std::uint64_t>(g.weight));
  const std::vector<std::uint64_t> all = gathered(comm, std::span<const std::uint64_t>(mine), at);
  r.tokens = r.targets = 0, stop = false;
  std::vector<double> weights;
  for (group_loss& g : r.losses) g.weight = 0;
  for (int rank = 0; rank < comm.ranks(); ++rank) {
    const std::uint64_t* word = all.data() + static_cast<std::size_t>(rank) * mine.size();
    if (*word++ != mine.front()) errors::ranks_have_different_plans(at, comm.rank(), rank);
    stop = *word++ != 0 || stop;
    r.tokens += static_cast<std::int64_t>(*word++), r.targets += static_cast<std::int64_t>(*word++);
    weights.push_back(std::bit_cast<double>(*word++));
    for (group_loss& g : r.losses) g.weight += std::bit_cast<double>(*word++);
  }
  if (stop) return std::nullopt;
  return weights;
}

/// The last micro-batch of a step, and the sums of gradient and loss over the ranks: of a block as soon as the backward pass is done with
/// it. A rank whose share has no target takes part all the same, and one that does not train a block adds zeros. place: step and limit.
template <class Model, class Optimizer, communicator Comm>
void accumulate_over_ranks(Model& model, Optimizer& optimizer, Comm& comm, const step_plan& plan, const batch& last, comm_operation place) {
  const auto at = [&](std::string_view name, int block) { return place.name = name, place.block = block, place; };
  optimizer.begin_sums(model);
  std::size_t left = model.active().pieces.size();
  const auto sum_down_to = [&](int block) {  // in one order on all ranks, whatever each of them trains
    for (; left > 0 && model.active().pieces[left - 1].block >= block; --left) {
      const int next = model.active().pieces[left - 1].block;
      model.spread(next);
      optimizer.sum_gradient(model, comm, next, at("gradient", next));
    }
  };
  if (!last.targets.empty()) model.accumulate(plan, last, true, sum_down_to);
  sum_down_to(-1);
  comm.sum(model.ops(), std::span<double>(&model.results().loss(), 1), at("loss", -1));
  comm.sum(model.ops(), model.group_losses(), at("loss", -1));
  comm.finish(model.ops(), at("gradient", -1));
}

}  // namespace raptr
