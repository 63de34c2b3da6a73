// SPDX-License-Identifier: Apache-2.0
// A custom schedule: any type with at(run_position). This one grows by one block at a time, evenly over the run. The same
// schedule can be written as a text, and the same seed then gives the same plans.
#include <cstdio>

#include <raptr/raptr.hpp>

struct grow_evenly {
  int least = 2;  // the first and the last block are always active

  raptr::stage_rule at(const raptr::run_position& now) const {
    const std::int64_t sizes = now.shape.layers - least + 1;
    raptr::stage_rule rules;
    rules.add(raptr::rule_of<raptr::layer_drop>().keeping(least + static_cast<int>(sizes * now.step / now.total)));
    return rules;
  }
};

int main() {
  constexpr raptr::model_shape shape{.layers = 6, .width = 64, .heads = 4};
  constexpr std::int64_t total = 100;
  const raptr::network_layout layout = raptr::layout_of<raptr::gpt2_block>(shape);
  const grow_evenly by_type;
  const raptr::any_schedule by_text("2-3-4-5-6");

  // The checks and cost functions of the library accept both. With post-norm blocks (norm_first = false) some scales are errors.
  raptr::check_schedule(by_type, layout, total, true);
  std::printf("%s\n", by_text.text().c_str());
  for (const raptr::stage_summary& row : raptr::stage_table(by_text, layout, total))
    std::printf("  steps %3lld to %3lld: %.0f of %d blocks, %3.0f%% of the block FLOPs\n", static_cast<long long>(row.first),
                static_cast<long long>(row.last), row.mean_active_blocks(), shape.layers, 100 * row.flops_share);
  const double cost_by_type = raptr::block_flops_ratio(by_type, layout, total), cost_by_text = raptr::block_flops_ratio(by_text, layout, total);
  std::printf("total cost: %.4f and %.4f of the full network\n", cost_by_type, cost_by_text);

  raptr::step_plan a(layout), b(layout);
  int different = 0;
  for (std::uint64_t step = 0; step < total; ++step) {
    raptr::plan_into(a, by_type, {.seed = 7, .step = step}, total);
    raptr::plan_into(b, by_text, {.seed = 7, .step = step}, total);
    different += !(a == b);
  }
  std::printf("%d of %d plans differ\n", different, static_cast<int>(total));
  return different == 0 && cost_by_type == cost_by_text && raptr::ends_full(by_type, layout, total) ? 0 : 1;
}
