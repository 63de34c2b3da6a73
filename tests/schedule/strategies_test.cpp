// SPDX-License-Identifier: Apache-2.0
// The snippets of docs/strategies.md, compiled and checked: a block of C++ there has to appear here, or in the example of an
// axis of one's own, word for word.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include <raptr/backend/cpu.hpp>
#include <raptr/raptr.hpp>

// clang-format off
// ---- begin of snippets
using depth = raptr::equal_stages<raptr::layer_drop, 6, 8, 10, 12>;

template <class Keep> using branches = raptr::sublayer_drop<Keep>;
using by_branch = raptr::schedule<raptr::stage<raptr::share<1, 2>, branches<raptr::keep<1, 2>>>,
                                  raptr::stage<raptr::share<1, 2>, raptr::full_network>>;

using half_the_heads = raptr::constant<raptr::head_drop<raptr::keep<1, 2>>>;

using random_neurons = raptr::constant<raptr::neuron_drop<raptr::keep<1, 2>>>;
using first_neurons = raptr::constant<raptr::width_slice<raptr::keep<1, 2>>>;

using some_go_round = raptr::constant<raptr::sequence_drop<raptr::keep<3, 4>>>;

using three_steps = raptr::schedule<
    raptr::stage<raptr::share<1, 3>, raptr::layer_drop<raptr::keep<1, 2>>, raptr::head_drop<raptr::keep<1, 2>>,
                 raptr::neuron_drop<raptr::keep<1, 2>>>,
    raptr::stage<raptr::share<1, 3>, raptr::head_drop<raptr::keep<3, 4>>, raptr::neuron_drop<raptr::keep<3, 4>>>,
    raptr::stage<raptr::share<1, 3>, raptr::full_network>>;
static_assert(raptr::progressive<three_steps, raptr::gpt2_block, raptr::gpt2_small>);
static_assert(raptr::block_flops_ratio<three_steps, raptr::gpt2_block>(raptr::gpt2_small) == 2.0 / 3);

using same_heads_everywhere = raptr::constant<raptr::head_drop<raptr::keep<1, 2>, raptr::once>>;

using early_blocks_more_often = raptr::constant<raptr::layer_drop<raptr::keep<3, 4>, raptr::linear_in_depth>>;
using early_blocks_wider = raptr::constant<raptr::head_drop<raptr::keep<3, 4>, raptr::linear_in_depth>>;

using unbiased_heads = raptr::constant<raptr::head_drop<raptr::keep<1, 2>, raptr::inverse>>;
using gaps = raptr::constant<raptr::layer_drop<raptr::keep<6>, raptr::sqrt_gap>>;

using depth_scaled = raptr::constant<raptr::layer_drop<raptr::keep<6>, raptr::completep<>>>;

struct neighbours {
  raptr::unit_set operator()(int total, int kept, raptr::draw_key key) const {
    raptr::unit_set chosen;
    const int first = static_cast<int>(key.uniform(0) * (total - kept + 1));
    for (int unit = first; unit < first + kept; ++unit) chosen.add(unit);
    return chosen;
  }
};
using heads_side_by_side = raptr::constant<raptr::head_drop<raptr::keep<1, 2>, neighbours>>;

struct root_of_share {
  double operator()(raptr::kept_unit u) const { return 1 / std::sqrt(u.share); }
};
using scaled_sequences = raptr::constant<raptr::sequence_drop<raptr::keep<1, 4>, root_of_share>>;

struct middle_less {
  double share(int block, int layers, double mean) const {
    const bool outer = block < layers / 4 || block >= layers - layers / 4;
    return outer ? 1 : 1 - (1 - mean) * layers / (layers - 2 * (layers / 4));
  }
};
using narrow_middle = raptr::constant<raptr::neuron_drop<raptr::keep<3, 4>, middle_less>>;

struct wider_every_step {
  raptr::stage_rule at(const raptr::run_position& now) const {
    const double done = static_cast<double>(now.step + 1) / static_cast<double>(now.total);
    raptr::stage_rule rules;
    rules.add(raptr::rule_of<raptr::neuron_drop>().keeping(raptr::amount::mean_share((1 + done) / 2)));
    rules.add(raptr::rule_of<raptr::head_drop>().keeping(done < 0.5 ? raptr::fraction(1, 2) : raptr::fraction(1, 1)));
    return rules;
  }
};
// ---- end of snippets
// clang-format on

namespace {

constexpr int batch_of_a_step = 16;
const raptr::network_layout net = raptr::layout_of<raptr::gpt2_block>(raptr::gpt2_small, batch_of_a_step);

std::string words_of(const std::string& path) {
  std::ifstream file(path);
  std::string all;
  for (std::string line; std::getline(file, line);) all += line.substr(std::min(line.find_first_not_of(' '), line.size())) + "\n";
  return all;
}
raptr::step_plan plan_of(const auto& schedule, std::int64_t step = 0, std::int64_t total = 12) {
  raptr::check_schedule(schedule, net, total, true);
  raptr::step_plan plan(net);
  raptr::plan_into(plan, schedule, {.seed = 1, .step = static_cast<std::uint64_t>(step)}, total);
  plan.check();
  return plan;
}
raptr::part_plan part_of(const auto& schedule, int block, std::size_t part, std::int64_t step = 0) {
  const raptr::step_plan plan = plan_of(schedule, step);
  return plan.block(block).parts()[part];
}
/// Kept units of a part, over all blocks.
int units(const raptr::step_plan& plan, std::size_t part) {
  int kept = 0;
  for (const raptr::block_plan& b : plan.blocks()) kept += b.parts()[part].size();
  return kept;
}
constexpr std::size_t attention = 0, mlp = 1;

}  // namespace

TEST_CASE("every block of C++ in docs/strategies.md is compiled here") {
  const std::string here = RAPTR_TESTS_DIR;
  const std::string page = words_of(here + "/../docs/strategies.md");
  const std::string compiled[] = {words_of(here + "/schedule/strategies_test.cpp"), words_of(here + "/../examples/custom_axis.cpp")};
  const std::string open = "```cpp\n";
  int blocks = 0;
  for (std::size_t at = 0; (at = page.find(open, at)) != page.npos; ++blocks) {
    at += open.size();
    const std::string block = page.substr(at, page.find("```", at) - at);
    CAPTURE(block);
    CHECK((compiled[0].find(block) != std::string::npos || compiled[1].find(block) != std::string::npos));
  }
  CHECK(blocks > 15);
}

TEST_CASE("depth and sub-layers of docs/strategies.md drop what the page says") {
  CHECK(plan_of(depth{}).size() == 6);
  const raptr::step_plan plan = plan_of(by_branch{});
  int branches_on = 0;
  for (const raptr::block_plan& b : plan.blocks())
    for (const raptr::part_plan& part : b.parts()) branches_on += !part.units.empty();
  CHECK(branches_on == 12);
  for (const int end : {0, 11})
    for (const raptr::part_plan& part : plan.block(end).parts()) CHECK(!part.units.empty());
}

TEST_CASE("heads, neurons and slices of docs/strategies.md drop what the page says") {
  CHECK(units(plan_of(half_the_heads{}), attention) == 12 * 6);
  CHECK(units(plan_of(half_the_heads{}), mlp) == 12 * raptr::gpt2_small.neuron_groups());
  CHECK(part_of(half_the_heads{}, 0, attention).units != part_of(half_the_heads{}, 1, attention).units);
  CHECK(part_of(random_neurons{}, 0, mlp, 0).units != part_of(random_neurons{}, 0, mlp, 1).units);
  for (const std::int64_t step : {0, 1})
    CHECK(part_of(first_neurons{}, 3, mlp, step).units == std::vector<raptr::unit_range>{{0, raptr::gpt2_small.neuron_groups() / 2}});
  const raptr::step_plan same = plan_of(same_heads_everywhere{});
  for (const raptr::block_plan& b : same.blocks()) CHECK(b.parts()[attention].units == same.block(0).parts()[attention].units);
}

TEST_CASE("sequences of docs/strategies.md go round each block by themselves") {
  const raptr::step_plan plan = plan_of(some_go_round{});
  CHECK(plan.size() == 12);
  for (const raptr::block_plan& b : plan.blocks()) CHECK(plan.sequences_of(b) == 12);
  CHECK(plan.block(0).sequences != plan.block(1).sequences);
  const raptr::step_plan all_or_none = plan_of(raptr::constant<raptr::sequence_drop<raptr::keep<3, 4>, raptr::once>>{});
  for (const raptr::block_plan& b : all_or_none.blocks()) CHECK(b.sequences == all_or_none.block(0).sequences);
  const raptr::step_plan scaled = plan_of(scaled_sequences{});
  CHECK(scaled.block(5).parts()[mlp].factor == doctest::Approx(2));
}

TEST_CASE("several axes at once cost what docs/strategies.md says") {
  const raptr::step_plan plan = plan_of(three_steps{});
  CHECK(plan.size() == 6);
  CHECK(units(plan, attention) == 6 * 6);
  CHECK(units(plan, mlp) == 6 * raptr::gpt2_small.neuron_groups() / 2);
  const auto table = raptr::stage_table(three_steps{}, net, 12);
  CHECK(table[0].flops_share == doctest::Approx(0.25));
  CHECK(table[1].flops_share == doctest::Approx(0.75));
}

TEST_CASE("a text with a given rule plans as docs/strategies.md says") {
  // ---- begin of snippets
  const raptr::any_schedule heads_by_text("heads 1/2-3/4-full", {.rules = {raptr::rule_of<raptr::head_drop>()}});
  // ---- end of snippets
  CHECK(plan_of(heads_by_text) == plan_of(half_the_heads{}));
  CHECK(units(plan_of(heads_by_text, 4), attention) == 12 * 9);
  CHECK(plan_of(heads_by_text, 11) == raptr::step_plan::full(net));
}

TEST_CASE("profiles of docs/strategies.md divide over the depth") {
  double first = 0, last = 0, all = 0, wide = 0;
  constexpr int steps = 400;
  for (std::int64_t step = 0; step < steps; ++step) {
    const raptr::step_plan plan = plan_of(early_blocks_more_often{}, step, steps);
    first += plan.has(0), last += plan.has(11), all += plan.size();
    wide += units(plan_of(early_blocks_wider{}, step, steps), attention);
  }
  CHECK(first / steps == doctest::Approx(1 - 0.5 / 13).epsilon(0.05));
  CHECK(last / steps == doctest::Approx(1 - 0.5 * 12 / 13).epsilon(0.2));
  CHECK(all / steps == doctest::Approx(9).epsilon(0.05));
  CHECK(wide / steps == doctest::Approx(12 * 9).epsilon(0.02));

  const raptr::step_plan narrow = plan_of(narrow_middle{});
  CHECK(narrow.block(0).parts()[mlp].size() == 192);
  CHECK(narrow.block(6).parts()[mlp].size() == 96);
}

TEST_CASE("a profile that is a list works as docs/strategies.md says") {
  // ---- begin of snippets
  const raptr::keep_profile shares{{1, 0.75, 0.5, 0.75}};
  const raptr::custom_rule rule(raptr::rule_of<raptr::head_drop>().keeping(shares.mean()), shares);
  raptr::stage_rule whole_run;
  whole_run.share = raptr::fraction(1, 1);
  whole_run.add(rule.rule());
  const raptr::stage_list by_list({whole_run}, {rule});
  // ---- end of snippets
  raptr::step_plan plan(raptr::layout_of<raptr::gpt2_block>({.layers = 4, .width = 48, .heads = 4}));
  raptr::plan_into(plan, by_list, {.seed = 1}, 10);
  for (const raptr::block_plan& b : plan.blocks()) CHECK(b.parts()[attention].size() == 4 * shares.keep[static_cast<std::size_t>(b.block)]);
}

TEST_CASE("scales of docs/strategies.md preserve what the page says") {
  const raptr::part_plan heads = part_of(unbiased_heads{}, 0, attention);
  CHECK(heads.factor == 1);
  CHECK(heads.unit_factor == doctest::Approx(2));
  double squares = 0;
  const raptr::step_plan spread = plan_of(gaps{});
  for (const raptr::block_plan& b : spread.blocks()) squares += b.parts()[attention].factor * b.parts()[attention].factor;
  CHECK(squares == doctest::Approx(12));
  const raptr::step_plan scaled = plan_of(depth_scaled{});
  for (const raptr::block_plan& b : scaled.blocks())
    for (const raptr::part_plan& part : b.parts()) CHECK(part.factor == doctest::Approx(2));
}

TEST_CASE("what docs/strategies.md says is refused is refused") {
  using namespace raptr;
  const auto refused = [](const auto& schedule, bool norm_first) {
    try {
      check_schedule(schedule, net, 12, norm_first);
    } catch (const input_error&) {
      return true;
    }
    return false;
  };
  for (const bool norm_first : {false, true}) {
    CHECK(refused(constant<layer_drop<keep<6>, inverse>>{}, norm_first) == !norm_first);
    CHECK(refused(constant<sublayer_drop<keep<12>, inverse>>{}, norm_first) == !norm_first);
    CHECK(refused(constant<sequence_drop<keep<1, 2>, inverse>>{}, norm_first) == !norm_first);
    CHECK(!refused(unbiased_heads{}, norm_first));
  }
  CHECK(refused(constant<layer_drop<keep<1, 4>, linear_in_depth>>{}, true));
  CHECK(refused(constant<layer_drop<keep<5, 7>>>{}, true));
  CHECK_THROWS_AS(custom_rule(rule_of<width_slice>(), inverse{}), input_error);
  CHECK_THROWS_AS(custom_rule(rule_of<head_drop>(), sqrt_gap{}), input_error);
  CHECK_THROWS_AS(custom_rule(rule_of<neuron_drop>(), completep<>{}), input_error);
}

TEST_CASE("selectors and schedules of one's own work as docs/strategies.md says") {
  for (const raptr::step_plan plan = plan_of(heads_side_by_side{}); const raptr::block_plan& b : plan.blocks())
    CHECK(b.parts()[attention].units.size() == 1);
  CHECK(units(plan_of(wider_every_step{}, 2), attention) == 12 * 6);
  CHECK(plan_of(wider_every_step{}, 11) == raptr::step_plan::full(net));
}

TEST_CASE("what dropped units do is said to the trainer as in docs/strategies.md") {
  using network = raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu>;
  network model({.layers = 4, .width = 16, .heads = 4, .vocab = 8, .context = 8});
  // ---- begin of snippets
  raptr::trainer trainer(std::move(model), three_steps{}, raptr::adamw{.lr = 1e-3}, raptr::warmup_cosine{.warmup = 100},
                         raptr::update_options{.dropped = raptr::dropped_update::frozen});
  // ---- end of snippets
  CHECK(trainer.done().step == 0);
}

TEST_CASE("the rate that follows the depth is made as docs/strategies.md says") {
  // ---- begin of snippets
  const raptr::completep_rate<raptr::warmup_cosine> depth_rate{.rate = {.warmup = 100}, .exponent = 0.5};
  // ---- end of snippets
  CHECK(depth_rate.rate.warmup == 100);
}
