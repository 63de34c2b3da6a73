// SPDX-License-Identifier: Apache-2.0
// The snippets of docs/schedules.md, compiled and checked: a block of C++ there has to appear here word for word.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include <raptr/schedule/grammar/solve.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/schedule/progressive.hpp>
#include <raptr/schedule/stage_table.hpp>
#include <raptr/subnet/rules/named_rule.hpp>

#include "example_block.hpp"

using bert_block = example_block;  // the price of attention and mlp is all that counts here

// clang-format off
// ---- begin of snippets
using paper = raptr::schedule<
    raptr::stage<raptr::share<1, 4>, raptr::layer_drop<raptr::keep<6>>>,
    raptr::stage<raptr::share<1, 4>, raptr::layer_drop<raptr::keep<8>>>,
    raptr::stage<raptr::share<1, 4>, raptr::layer_drop<raptr::keep<10>>>,
    raptr::stage<raptr::share<1, 4>, raptr::full_network>>;

static_assert(raptr::progressive<paper, bert_block, raptr::bert_base>);
static_assert(raptr::block_flops_ratio<paper, bert_block>(raptr::bert_base) == 0.75);

using short_form = raptr::equal_stages<raptr::layer_drop, 6, 8, 10, 12>;
using late = raptr::proportional_stages<raptr::layer_drop, 6, 8, 10, 12>;
using later = raptr::power_stages<raptr::layer_drop, 2, 6, 8, 10, 12>;
using uneven = raptr::schedule<raptr::stage<raptr::share<1, 4>, raptr::layer_drop<raptr::keep<1, 2>>>,
                               raptr::stage<raptr::share<3, 4>, raptr::full_network>>;
using control = raptr::constant<raptr::layer_drop<raptr::keep<9>>>;
using warm = raptr::then<raptr::lasting<raptr::share<1, 10>, raptr::full_network>, short_form>;
using warm_steps = raptr::then<raptr::lasting<raptr::steps<30'000>, raptr::full_network>, short_form>;

template <class Keep> using coins = raptr::layer_drop<Keep, raptr::bernoulli<raptr::both_ends>, raptr::sqrt_gap>;
using paper_with_coins = raptr::equal_stages<coins, 6, 8, 10, 12>;  // layers(bernoulli, sqrt_gap) 6-8-10-12

using half_heads = raptr::schedule<raptr::stage<raptr::share<1, 2>, raptr::head_drop<raptr::keep<1, 2>>>,
                                   raptr::stage<raptr::share<1, 2>, raptr::full_network>>;
using deep_and_wide = raptr::with<short_form, half_heads>;

static_assert(raptr::est{}.rate > 0.7247 && raptr::est{}.rate < 0.7248);

using grown = raptr::gradual_stacking<6, 9, 12>;
const raptr::stacking grown_by_value(std::vector{6, 9, 12});

struct middle_twice {
  raptr::unit_set network_at(const raptr::run_position& now) const { return raptr::unit_set::first(now.stage == 0 ? 4 : 5); }
  std::vector<raptr::block_copy> growth(const raptr::run_position& now) const {
    if (now.stage == 0 || now.step != now.first) return {};
    return {{.from = 1, .to = 2}, {.from = 2, .to = 3}, {.from = 3, .to = 4}};
  }
  raptr::stage_rule at(const raptr::run_position& now) const {
    raptr::stage_rule rules;
    rules.add(raptr::rule_of<raptr::layer_drop, raptr::first_units>().keeping(network_at(now).size()));
    return rules;
  }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return step < total / 2 ? total / 2 : total; }
};

struct every_other {
  raptr::unit_set operator()(int total, int kept, raptr::draw_key) const {
    raptr::unit_set chosen;
    for (int unit = 0; unit < total && chosen.size() < kept; unit += 2) chosen.add(unit);
    return chosen;
  }
};
using half = raptr::constant<raptr::layer_drop<raptr::keep<6>, every_other>>;

struct grow_evenly {
  raptr::stage_rule at(const raptr::run_position& now) const {
    const auto kept = 2 + (now.shape.layers - 1) * now.step / now.total;
    raptr::stage_rule rules;
    rules.add(raptr::rule_of<raptr::layer_drop>().keeping(static_cast<int>(kept)));
    return rules;
  }
};
// ---- end of snippets
// clang-format on

namespace {

raptr::any_schedule from_command_line(std::string_view text, std::string_view selector, int keep_first, int keep_last, std::string_view scale) {
  // ---- begin of snippets
  const raptr::fixed always{keep_first, keep_last};
  const raptr::custom_rule rule = raptr::named_rule(raptr::rule_of<raptr::layer_drop>(), {.selector = selector, .scale = scale, .always = always});
  raptr::any_schedule schedule(text, {.rules = {rule}});
  // ---- end of snippets
  return schedule;
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}
std::string without_indent(const std::string& text) {
  std::istringstream lines(text);
  std::string all;
  for (std::string line; std::getline(lines, line);) all += line.substr(std::min(line.find_first_not_of(' '), line.size())) + "\n";
  return all;
}

bool same_plans(const auto& one, const auto& other, std::int64_t total) {
  raptr::step_plan a(raptr::layout_of<bert_block>(raptr::bert_base)), b = a;
  for (std::int64_t step = 0; step < total; step += total / 50) {
    const raptr::draw_key key{.seed = 1, .step = static_cast<std::uint64_t>(step)};
    raptr::plan_into(a, one, key, total), raptr::plan_into(b, other, key, total);
    if (!(a == b)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every block of C++ in docs/schedules.md is compiled here") {
  const std::string page = contents(RAPTR_TESTS_DIR "/../docs/schedules.md");
  const std::string here = without_indent(contents(RAPTR_TESTS_DIR "/schedule/documented_test.cpp"));
  REQUIRE(!page.empty());
  REQUIRE(!here.empty());
  int blocks = 0;
  const std::string open = "```cpp\n";
  for (std::size_t at = 0; (at = page.find(open, at)) != page.npos; ++blocks) {
    at += open.size();
    const std::string block = page.substr(at, page.find("```", at) - at);
    CAPTURE(block);
    CHECK(here.find(without_indent(block)) != here.npos);
  }
  CHECK(blocks > 5);
}

TEST_CASE("types and text of docs/schedules.md side by side are the same schedules") {
  CHECK(same_plans(paper{}, raptr::any_schedule("6-8-10-12"), 1'000));
  CHECK(same_plans(paper{}, raptr::any_schedule("6-8-10-full"), 1'000));
  CHECK(same_plans(short_form{}, raptr::any_schedule("6-8-10-12"), 1'000));
  CHECK(same_plans(late{}, raptr::any_schedule("6-8-10-12@1:2:3:4"), 1'000));
  CHECK(same_plans(uneven{}, raptr::any_schedule("1/2-full@1:3"), 1'000));
  CHECK(same_plans(control{}, raptr::any_schedule("constant:9"), 1'000));
  CHECK(same_plans(later{}, raptr::any_schedule("6-8-10-12@^2"), 1'000));
  CHECK(same_plans(half_heads{}, raptr::any_schedule("heads 1/2-full"), 1'000));
  CHECK(same_plans(deep_and_wide{}, raptr::any_schedule("6-8-10-12 with heads 1/2-full"), 1'000));
  CHECK(same_plans(raptr::ramp<raptr::layer_drop, raptr::keep<6>, raptr::keep<12>>{}, raptr::any_schedule("ramp:6-12"), 1'000));
  CHECK(same_plans(raptr::est{}, raptr::any_schedule("est"), 1'000));
  CHECK(same_plans(grown{}, raptr::any_schedule("stack:6-9-12"), 1'000));
  CHECK(same_plans(grown_by_value, grown{}, 1'000));
  CHECK(same_plans(paper_with_coins{}, raptr::any_schedule("layers(bernoulli, sqrt_gap) 6-8-10-12"), 1'000));
  CHECK(same_plans(warm{}, raptr::any_schedule("full for 1/10 then 6-8-10-12"), 1'000));
  CHECK(same_plans(warm_steps{}, raptr::any_schedule("full for 30000 then 6-8-10-12"), 120'000));
  CHECK(same_plans(raptr::full_network{}, raptr::any_schedule("full"), 1'000));
  CHECK(same_plans(paper_with_coins{}, from_command_line("6-8-10-12", "bernoulli", 1, 1, "sqrt_gap"), 1'000));
}

TEST_CASE("a run is planned as docs/schedules.md shows") {
  const std::uint64_t seed = 1;
  const std::int64_t total = 1'000, step = 100;
  const bool norm_first = false;
  const raptr::any_schedule schedule("6-8-10-12");
  int blocks = 0;
  std::ostringstream out;
  // ---- begin of snippets
  const raptr::network_layout layout = raptr::layout_of<bert_block>(raptr::bert_base);
  raptr::check_schedule(schedule, layout, total, norm_first);  // throws before step 0, not at step 90,000

  raptr::step_plan plan(layout);
  raptr::plan_into(plan, schedule, {.seed = seed, .step = static_cast<std::uint64_t>(step)}, total);
  for (const raptr::block_plan& b : plan.blocks()) blocks += plan.has(b.block);
  // ---- end of snippets
  CHECK(blocks == 6);
  // ---- begin of snippets
  for (const raptr::stage_summary& row : raptr::stage_table(schedule, layout, total))
    out << row.first << " to " << row.last << ": " << row.mean_active_blocks() << " blocks, " << row.flops_share << " of the FLOPs\n";
  // ---- end of snippets
  CHECK(out.str().starts_with("0 to 249: 6 blocks, 0.5 of the FLOPs\n250 to 499: 8 blocks, 0.66"));
}

TEST_CASE("schedules that move at every step are those of docs/schedules.md") {
  // ---- begin of snippets
  using evenly = raptr::ramp<raptr::layer_drop, raptr::keep<6>, raptr::keep<12>>;
  const raptr::linear_ramp heads_evenly{raptr::rule_of<raptr::head_drop>(), raptr::amount::mean_share(0.5), {}};
  const raptr::pld dropping_more{.theta_bar = 0.534};
  const raptr::decreasing dropping_less{.most = 0.8};
  // ---- end of snippets
  // ---- begin of snippets
  const raptr::constant_profile narrow_end(raptr::rule_of<raptr::head_drop>(), {{1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5}});
  // ---- end of snippets
  CHECK(raptr::text_of(evenly{}) == "ramp:6-12");
  CHECK(heads_evenly.text() == "heads ramp:0.5-full");
  CHECK(dropping_more.text() == "pld:0.534");
  CHECK(dropping_less.text() == "decreasing:0.8");
  CHECK(narrow_end.text() == "heads profile:1:1:1:1:1:1:1:1:0.5:0.5:0.5:0.5");
  const raptr::network_layout layout = raptr::layout_of<bert_block>(raptr::bert_base);
  CHECK(raptr::block_flops_ratio(evenly{}, layout, 1'000) == doctest::Approx(0.75).epsilon(1e-3));
  CHECK(raptr::block_flops_ratio(dropping_less, layout, 1'000) == doctest::Approx(0.8).epsilon(1e-3));
  CHECK(raptr::block_flops_ratio(raptr::pld{}, layout, 1'000) == doctest::Approx(0.73).epsilon(1e-2));
}

TEST_CASE("a network grows as docs/schedules.md says") {
  const auto at = [](std::int64_t step) { return raptr::position_at(middle_twice{}, step, 10, raptr::bert_base); };
  CHECK(raptr::growth_of(middle_twice{}, at(4)).empty());
  CHECK(raptr::growth_of(raptr::any_schedule(middle_twice{}), at(5)).size() == 3);
  CHECK(raptr::network_of(middle_twice{}, at(5)).size() == 5);
}

TEST_CASE("a run of a given cost is found as docs/schedules.md shows") {
  const raptr::network_layout layout = raptr::layout_of<bert_block>(raptr::bert_base);
  const std::int64_t total = 1'000;
  // ---- begin of snippets
  const auto cost = [&](const raptr::any_schedule& s) { return raptr::block_flops_ratio(s, layout, total); };
  const std::string equal_flops = raptr::solve_text("pld:?", 0.75, cost);
  const raptr::step_time seconds{.full = 0.8, .fixed = 0.1};
  const std::string equal_time = raptr::solve_text("6-8-10-12@^?", 0.85, [&](const raptr::any_schedule& s) { return seconds.ratio(cost(s)); });
  // ---- end of snippets
  CHECK(cost(raptr::any_schedule(equal_flops)) == doctest::Approx(0.75).epsilon(1e-6));
  CHECK(seconds.ratio(cost(raptr::any_schedule(equal_time))) == doctest::Approx(0.85).epsilon(1e-3));
}

TEST_CASE("a selector and a schedule of one's own work as docs/schedules.md says") {
  raptr::step_plan plan(raptr::layout_of<bert_block>(raptr::bert_base));
  raptr::plan_into(plan, half{}, {.seed = 1, .step = 0}, 10);
  CHECK(plan == raptr::step_plan::of_blocks(plan.layout(), {0, 2, 4, 6, 8, 10}));
  raptr::plan_into(plan, raptr::any_schedule(grow_evenly{}), {.seed = 1, .step = 55}, 100);
  CHECK(plan.size() == 8);
}

TEST_CASE("a plan is written by hand as docs/schedules.md says") {
  const raptr::network_layout layout = raptr::layout_of<bert_block>(raptr::bert_base);
  // ---- begin of snippets
  raptr::step_plan plan(layout);
  plan.add(0);                            // all of block 0
  raptr::block_plan& b = plan.add(5);     // of block 5 ...
  b.factor = 0.5;                         // ... half of what it adds,
  b.parts()[0].units = {{0, 1}, {2, 1}};  // heads 0 and 2 of its attention,
  b.parts()[1].units.clear();             // and nothing of its mlp
  plan.check();
  // ---- end of snippets
  CHECK(plan.size() == 2);
  CHECK(plan.block(5).parts()[0].size() == 2);
}
