// SPDX-License-Identifier: Apache-2.0
// A pairwise covering set: every two values of block, axis, scale, selector, company, amount and rule for dropped parts
// that can go together stand together in a row. Types are few, so a block is a type and everything else a text. What
// cannot go together is said here once more, in the words of the library's refusals, and tested against the library.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/check.hpp>
#include <raptr/schedule/plan.hpp>

#include "experts.hpp"

namespace raptr::testing {

enum choice_of { of_block, of_axis, of_scale, of_selector, of_company, of_amount, of_dropped, choices };
/// One value of each, by its number.
using choice = std::array<int, choices>;

enum { gpt, bert, gated, mixture };
inline constexpr std::array<std::string_view, 4> block_names{"gpt", "bert", "gated", "mixture"};
enum { layers_axis, sublayers_axis, heads_axis, neurons_axis, width_axis, sequences_axis, own_axis };
inline constexpr std::array<std::string_view, 7> axis_names{"layers", "sublayers", "heads", "neurons", "width", "sequences", "experts"};
enum { as_it_is, by_gap, by_sqrt_inverse, by_inverse, by_branch, by_depth };
inline constexpr std::array<std::string_view, 6> scales{"unscaled", "sqrt_gap", "sqrt_inverse", "inverse", "inverse_per_branch", "completep:0.5"};
enum { exactly_free, with_coins, the_first, with_fixed, along_depth, along_depth_from_first, drawn_once };
inline constexpr std::array<std::string_view, 7> selectors{"exactly, fixed:0:0", "bernoulli, fixed:0:0",    "first", "exactly, fixed:1:1", "linear",
                                                           "linear_from_first",  "exactly, fixed:0:0, once"};
enum { alone, with_layers, with_sequences };
inline constexpr std::array<std::string_view, 3> companies{"", " with layers(sqrt_gap) 3-full", " with sequences 1/2-full"};
inline constexpr int fraction_amount = 0, count_amount = 1, amounts = 3;  // the third is a share on average
inline constexpr int dropped_updates = 3;
inline constexpr choice values{
    std::ssize(block_names), std::ssize(axis_names), std::ssize(scales), std::ssize(selectors), std::ssize(companies), amounts, dropped_updates};

/// Four units on every axis, eight of sub-layers: runs of kept units with holes between them.
inline constexpr model_shape four_of_all{
    .layers = 4, .width = 16, .heads = 8, .kv_heads = 4, .neurons = 16, .neuron_group = 4, .vocab = 40, .context = 8};
inline constexpr int sequences_of_a_step = 4;
/// Of the runs: the first half drops.
inline constexpr std::int64_t covering_steps = 8;

template <class Keep, class... Policies> struct expert_drop : drop<experts_axis, Keep, exactly<>, Policies...> {};

inline std::string text_of_choice(const choice& c) {
  const bool in_depth = c[of_axis] == layers_axis || c[of_axis] == sublayers_axis;
  const std::string_view fractions[] = {"1/2", "3/4"}, counts[] = {"2", c[of_axis] == layers_axis ? "3" : "6"}, shares[] = {"0.6", "0.7"};
  const auto& kept = c[of_amount] == fraction_amount ? fractions : c[of_amount] == count_amount ? counts : shares;
  std::string text(axis_names[std::size_t(c[of_axis])]);
  text.append("(").append(selectors[std::size_t(c[of_selector])]).append(", ").append(scales[std::size_t(c[of_scale])]).append(") ");
  return text.append(kept[in_depth]).append("-full").append(companies[std::size_t(c[of_company])]);
}
inline any_schedule schedule_of(const choice& c) { return any_schedule(text_of_choice(c), {.rules = {custom_rule(rule_of<expert_drop>())}}); }

/// A phrase of the sentence that refuses this choice; empty if it is one.
inline std::string_view refusal(const choice& c) {
  const int axis = c[of_axis], scale = c[of_scale], selector = c[of_selector];
  const bool in_depth = axis == layers_axis || axis == sublayers_axis, in_part = !in_depth && axis != sequences_axis;
  const bool divides = scale == by_sqrt_inverse || scale == by_inverse || scale == by_branch;
  const bool is_profile = selector == along_depth || selector == along_depth_from_first;  // the units of a slice are the first ones all the same
  if (divides && (selector == the_first || (axis == width_axis && is_profile))) return "which its selector does not provide";
  if (in_depth && selector == drawn_once) return "is always drawn once";
  if (!in_depth && scale == by_gap) return "use it on layers or sublayers";
  if (in_part && (scale == by_branch || scale == by_depth)) return "for the units inside a part use inverse or sqrt_inverse";
  if (!in_depth && divides && selector == with_fixed) return "but some are always kept";
  if (axis == layers_axis && c[of_company] == with_layers) return "both sides of 'with' drop layers";
  if (axis == sequences_axis && c[of_company] == with_sequences) return "both sides of 'with' drop sequences";
  if (c[of_block] == mixture ? axis == neurons_axis || axis == width_axis : axis == own_axis) return "which this network does not have";
  const bool post_norm = c[of_block] == bert || c[of_block] == gated;
  if (post_norm && !in_part && scale == by_inverse) return "which is not defined for a post-norm block";
  return "";
}

/// The units of the row's axis that a plan says anything about, through the whole network: f(unit, kept).
template <class F> void each_drawn_unit(const choice& c, const step_plan& plan, F f) {
  const network_layout& net = plan.layout();
  const int parts = int(net.parts().size());
  if (c[of_axis] == layers_axis)
    for (int l = 0; l < net.shape.layers; ++l) f(l, plan.has(l));
  for (const block_plan& b : plan.blocks()) {
    if (c[of_axis] == sequences_axis)
      for (int s = 0; s < net.sequences; ++s)
        f(b.block * net.sequences + s, b.sequences.empty() || std::binary_search(b.sequences.begin(), b.sequences.end(), s));
    for (int p = 0; p < parts; ++p) {
      const auto& units = b.parts()[std::size_t(p)].units;
      if (c[of_axis] == sublayers_axis) f(b.block * parts + p, !units.empty());
      const std::string_view word = axis_names[std::size_t(c[of_axis])], axis = word == "width" ? neurons::name : word;
      if (net.parts()[std::size_t(p)].axis != axis) continue;
      for (int u = 0; u < net.parts()[std::size_t(p)].units; ++u) {
        bool kept = false;
        for (const unit_range& r : units) kept = kept || (u >= r.first && u < r.first + r.count);
        f(b.block * net.parts()[std::size_t(p)].units + u, kept);
      }
    }
  }
}

template <class F> void each_choice(F f) {
  choice c{};
  for (int at = 0; at < choices;) {
    f(c);
    for (at = 0; at < choices && ++c[std::size_t(at)] == values[std::size_t(at)]; ++at) c[std::size_t(at)] = 0;
  }
}

/// Which pairs of values were seen, those of every two of the choices.
class pair_set {
 public:
  /// How many pairs of this row are not there yet.
  int missing(const choice& c) const {
    int n = 0;
    each(c, [&](std::size_t at) { n += !seen_[at]; });
    return n;
  }
  void add(const choice& c) {
    each(c, [&](std::size_t at) { size_ += !seen_[at], seen_[at] = true; });
  }
  int size() const { return size_; }

 private:
  static constexpr std::size_t most = 8;  // values of one choice
  template <class F> static void each(const choice& c, F f) {
    for (std::size_t i = 0; i < choices; ++i)
      for (std::size_t j = i + 1; j < choices; ++j) f(((i * choices + j) * most + std::size_t(c[i])) * most + std::size_t(c[j]));
  }
  std::vector<bool> seen_ = std::vector<bool>(choices * choices * most * most);
  int size_ = 0;
};

/// Greedy: the row with the most new pairs, of equals the one whose values were taken least, then the first; until no row
/// has a new pair.
inline std::vector<choice> covering_rows() {
  std::vector<choice> allowed, rows;
  each_choice([&](const choice& c) {
    if (refusal(c).empty()) allowed.push_back(c);
  });
  pair_set pairs;
  std::array<std::array<int, 8>, choices> taken{};
  for (;;) {
    const choice* best = nullptr;
    int most = 0, least = 0;
    for (const choice& c : allowed) {
      const int fresh = pairs.missing(c);
      if (fresh == 0 || fresh < most) continue;
      int used = 0;
      for (std::size_t i = 0; i < choices; ++i) used += taken[i][std::size_t(c[i])];
      if (fresh > most || used < least) most = fresh, least = used, best = &c;
    }
    if (!best) return rows;
    for (std::size_t i = 0; i < choices; ++i) ++taken[i][std::size_t((*best)[i])];
    pairs.add(*best), rows.push_back(*best);
  }
}

/// The plans of the row that are tried: the steps of its first stage, in which something may be dropped.
inline std::vector<step_plan> plans_of(const choice& c, std::uint64_t row, const network_layout& layout) {
  const any_schedule schedule = schedule_of(c);
  std::vector<step_plan> plans;
  for (std::uint64_t step = 0; step < covering_steps / 2; ++step) {
    plans.emplace_back(layout);
    plan_into(plans.back(), schedule, {.seed = 100 + row, .step = step}, covering_steps);
    plans.back().check();
  }
  return plans;
}

}  // namespace raptr::testing
