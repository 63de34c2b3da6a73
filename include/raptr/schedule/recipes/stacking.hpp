// SPDX-License-Identifier: Apache-2.0
// Gradual stacking [stacking]: equal stages of growing depth; each stage boundary appends copies of the last blocks. The blocks
// that do not exist yet are the last ones, so a plan keeps the first ones.
#pragma once

#include <raptr/schedule/error.hpp>
#include <raptr/schedule/growth.hpp>
#include <raptr/schedule/schedule.hpp>
#include <raptr/schedule/stages.hpp>

namespace raptr {

constexpr bool can_stack(const auto& depths) {
  int before = 0;
  for (const int depth : depths) {
    if (depth < 1 || (before > 0 && (depth < before || depth > 2 * before))) return false;
    before = depth;
  }
  return before > 0;
}

/// stacking{std::vector{6, 9, 12}}.
template <class Depths> class stacking {
 public:
  /// Throws input_error unless each depth is at least the one before it and at most twice that.
  constexpr explicit stacking(Depths depths) : depths_(std::move(depths)) {
    if (!can_stack(depths_)) errors::depths_cannot_be_stacked(listed_depths());
  }
  static constexpr drop_rule rule() { return rule_of<layer_drop<keep<1, 1>, first_units>>(); }
  constexpr stage_rule at(const run_position& now) const {
    stage_rule all;
    all.add(rule().keeping(depth(stage(now.step, now.total))));
    return all;
  }
  constexpr std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return stages::equal_end(count(), step, total); }
  std::string text() const { return "stack:" + listed_depths(); }

  std::vector<block_copy> growth(const run_position& now) const {
    std::vector<block_copy> copies;
    if (now.step == 0) return copies;
    const int before = stage(now.step - 1, now.total), after = stage(now.step, now.total);
    for (int to = depth(before); to < depth(after); ++to) {
      int from = to;  // skips empty stages when the run has fewer steps than stages
      for (int s = after; s > before; --s)
        if (from >= depth(s - 1)) from -= depth(s) - depth(s - 1);
      copies.push_back({from, to});
    }
    return copies;
  }
  constexpr unit_set network_at(const run_position& now) const { return unit_set::first(depth(stage(now.step, now.total))); }

 private:
  constexpr int count() const { return static_cast<int>(depths_.size()); }
  constexpr int depth(int stage) const { return depths_[static_cast<std::size_t>(stage)]; }
  constexpr int stage(std::int64_t step, std::int64_t total) const { return stages::equal_stage(count(), step, total); }
  std::string listed_depths() const {
    std::string text;
    for (const int depth : depths_) text.append(text.empty() ? "" : "-").append(std::to_string(depth));
    return text;
  }
  Depths depths_;
};
template <class Depths> stacking(Depths) -> stacking<Depths>;

/// gradual_stacking<6, 9, 12>.
template <int... Depths> struct gradual_stacking : stacking<std::array<int, sizeof...(Depths)>> {
  static_assert(can_stack(std::array<int, sizeof...(Depths)>{Depths...}),
                "raptr: each depth of gradual_stacking is at least the previous one and at most twice that, as in gradual_stacking<6, 9, 12>");
  constexpr gradual_stacking() : stacking<std::array<int, sizeof...(Depths)>>({Depths...}) {}
  static constexpr std::int64_t period() { return sizeof...(Depths); }
};

}  // namespace raptr
