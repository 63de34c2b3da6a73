// SPDX-License-Identifier: Apache-2.0
// A custom selector with a scale of the library: every other block is kept, and the output of a kept block is multiplied by
// the square root of the distance to the next one. A selector is a pure function; it needs no registration.
#include <cmath>
#include <cstdio>

#include <raptr/raptr.hpp>

struct every_other {
  raptr::unit_set operator()(int total, int kept, raptr::draw_key) const {
    raptr::unit_set chosen;
    for (int unit = 0; unit < total && chosen.size() < kept; unit += 2) chosen.add(unit);
    return chosen;
  }
};
// A random selector: consecutive blocks. All random numbers come from the key, so a step has exactly one plan.
struct neighbours {
  raptr::unit_set operator()(int total, int kept, raptr::draw_key key) const {
    raptr::unit_set chosen;
    const int first = static_cast<int>(key.uniform(0) * (total - kept + 1));
    for (int unit = first; unit < first + kept; ++unit) chosen.add(unit);
    return chosen;
  }
};
template <class Keep> using alternating = raptr::layer_drop<Keep, every_other, raptr::sqrt_gap>;
template <class Keep> using together = raptr::layer_drop<Keep, neighbours>;

constexpr raptr::model_shape shape{.layers = 12, .width = 64, .heads = 4};

/// Prints the blocks of all steps of a run. Returns whether each plan has the expected size.
template <class Schedule> bool show(const char* name, const Schedule& schedule, std::int64_t total) {
  raptr::step_plan plan(raptr::layout_of<raptr::gpt2_block>(shape));
  bool right = true;
  std::printf("%s\n", name);
  for (std::int64_t step = 0; step < total; ++step) {
    raptr::plan_into(plan, schedule, {.seed = 1, .step = static_cast<std::uint64_t>(step)}, total);
    std::printf("  step %2lld:", static_cast<long long>(step));
    for (const raptr::block_plan& b : plan.blocks()) std::printf(" %d", b.block);
    std::printf("\n");
    right = right && plan.size() == (2 * step < total ? 6 : 12);
  }
  return right;
}

int main() {
  using halves = raptr::equal_stages<alternating, 6, 12>;
  static_assert(raptr::progressive<halves, raptr::gpt2_block, shape>);
  bool right = show("every other block", halves{}, 4);
  right = show("neighbours", raptr::equal_stages<together, 6, 12>{}, 8) && right;

  // The squares of the factors add up to the number of blocks, whatever is dropped: here six factors of sqrt(2).
  raptr::step_plan plan(raptr::layout_of<raptr::gpt2_block>(shape));
  raptr::plan_into(plan, halves{}, {.seed = 1, .step = 0}, 4);
  double squares = 0;
  for (const raptr::block_plan& b : plan.blocks()) squares += b.parts()[0].factor * b.parts()[0].factor;
  std::printf("the squares of the factors add up to %.3f\n", squares);
  return right && std::abs(squares - shape.layers) < 1e-9 ? 0 : 1;
}
