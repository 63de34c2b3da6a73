// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/check.hpp>
#include <raptr/schedule/plan.hpp>
#include <raptr/subnet/rules/named_rule.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

constexpr auto layout = layout_of<example_block>(bert_base);
constexpr std::int64_t total = 60'000;

using paper = equal_stages<layer_drop, 6, 8, 10, 12>;
using late = proportional_stages<layer_drop, 6, 8, 10, 12>;
using warm = then<lasting<steps<30'000>, full_network>, paper>;
using nested = then<lasting<share<1, 2>, then<lasting<share<1, 10>, full_network>, paper>>, late>;
using parts = schedule<stage<share<1, 4>, layer_drop<keep<1, 2>>>, stage<share<3, 4>, full_network>>;
template <class Keep> using gap_coins = layer_drop<Keep, bernoulli<both_ends>, sqrt_gap>;

bool same_plans(const auto& one, const auto& other) {
  step_plan a(layout), b(layout);
  for (std::uint64_t step = 0; step < total; step += 601) {
    plan_into(a, one, {.seed = 3, .step = step}, total), plan_into(b, other, {.seed = 3, .step = step}, total);
    if (!(a == b)) return false;
  }
  return true;
}
/// Type -> text -> schedule: the text that was expected, the same text again, the same plans.
void round_trip(const auto& schedule, const std::string& text, const text_options& options = {}) {
  CAPTURE(text);
  CHECK(text_of(schedule) == text);
  const any_schedule again(text, options);
  CHECK(again.text() == text);
  CHECK(same_plans(schedule, again));
}
void refused(const std::string& text, const std::string& sentence, const text_options& options = {}) {
  CAPTURE(text);
  CHECK_THROWS_WITH_AS(any_schedule(text, options), ("raptr: schedule \"" + text + "\"" + sentence).c_str(), input_error);
}

constexpr const char* amount_wanted = "expected a number of units, a fraction such as 1/2, a decimal such as 0.5, or full";

/// A word of the user's own.
template <class Keep, class... Policies> struct coin_drop : layer_drop<Keep, bernoulli<>, Policies...> {
  static constexpr std::string_view name = "coins";
};

}  // namespace

TEST_CASE("type, text and schedule again are the same text and the same plans") {
  round_trip(paper{}, "6-8-10-12");
  round_trip(late{}, "6-8-10-12@1:2:3:4");
  round_trip(parts{}, "1/2-full@1:3");
  round_trip(constant<layer_drop<keep<9>>>{}, "constant:9");
  round_trip(constant<layer_drop<keep<3, 4>>>{}, "constant:3/4");
  round_trip(full_network{}, "full");
  round_trip(constant<full_network>{}, "full");
  round_trip(warm{}, "full for 30000 then 6-8-10-12");
  round_trip(nested{}, "(full for 1/10 then 6-8-10-12) for 1/2 then 6-8-10-12@1:2:3:4");
  round_trip(then<lasting<share<1, 4>, paper>, warm>{}, "6-8-10-12 for 1/4 then (full for 30000 then 6-8-10-12)");
}

TEST_CASE("a text says how many and when, the rule of its word says how") {
  const char* const spelled = "layers(bernoulli, sqrt_gap) 6-8-10-12";
  round_trip(equal_stages<gap_coins, 6, 8, 10, 12>{}, spelled);
  round_trip(equal_stages<gap_coins, 6, 8, 10, 12>{}, spelled, {.rules = {custom_rule(rule_of<gap_coins>())}});
  const custom_rule named = named_rule(rule_of<layer_drop>(), {.selector = "bernoulli", .scale = "sqrt_gap"});
  CHECK(any_schedule("6-8-10-12", {.rules = {named}}).text() == spelled);
  CHECK(same_plans(any_schedule("6-8-10-12", {.rules = {named}}), any_schedule(spelled)));
  CHECK(!same_plans(any_schedule("6-8-10-12"), equal_stages<gap_coins, 6, 8, 10, 12>{}));
}

TEST_CASE("a rule of the user's own has a word of its own") {
  const text_options options{.rules = {custom_rule(rule_of<coin_drop>())}};
  round_trip(equal_stages<coin_drop, 6, 8, 10, 12>{}, "coins 6-8-10-12", options);
  round_trip(constant<coin_drop<keep<9>>>{}, "coins constant:9", options);
  round_trip(paper{}, "6-8-10-12", options);
}

TEST_CASE("a schedule keeps the rules of its text alive") {
  for (const char* text : {"6-8-10-12", "constant:9", "full for 1/10 then 6-12"}) {
    CAPTURE(text);
    auto token = std::make_shared<int>();
    const std::weak_ptr<int> watch = token;
    const auto make = [&] {
      return any_schedule(text, {.rules = {custom_rule(rule_of<layer_drop>(), [held = std::move(token)](int, int kept, draw_key) {
                                   return unit_set::first(kept + *held);
                                 })}});
    };
    const any_schedule made = make();
    CHECK(!watch.expired());
    step_plan plan(layout);
    plan_into(plan, made, {.seed = 1, .step = 20}, 100);
    CHECK(plan == step_plan::of_blocks(layout, unit_set::first(plan.size())));
  }
}

TEST_CASE("spaces are free, the word layers may be left out, parentheses change nothing") {
  const auto reads = [](const char* text, const char* as) {
    CAPTURE(text);
    CHECK(any_schedule(text).text() == as);
  };
  reads("  6 -\t8 - 10 - 12  ", "6-8-10-12");
  reads("layers 6-12", "6-12");
  reads("layers6-12", "6-12");
  reads("layers constant : 6", "constant:6");
  reads("layers full-full", "full");
  reads("constant:full", "full");
  reads("(6-8-10-12)", "6-8-10-12");
  reads("((full) for 1 / 10 then (6-12 @ 1 : 3))", "full for 1/10 then 6-12@1:3");
  reads("6-12@5:5", "6-12");
  reads("2/4-full", "1/2-full");
  reads("6-9", "6-9");  // a control may end below the full network
  reads("6-6", "6-6");
}

TEST_CASE("a schedule without text says so") {
  struct silent {
    stage_rule at(const run_position&) const { return {}; }
  };
  CHECK_THROWS_WITH_AS((void)any_schedule(silent{}).text(), "raptr: this schedule has no text form", input_error);
  using two_meanings = schedule<stage<share<1, 2>, layer_drop<keep<6>>>, stage<share<1, 2>, layer_drop<keep<8>, sqrt_gap>>>;
  CHECK_THROWS_AS((void)text_of(two_meanings{}), input_error);
}

TEST_CASE("a text with a mistake is refused with its position, what is allowed and what is there") {
  const std::string amount = std::string(": ") + amount_wanted;
  refused("6-8-x-12", amount + " at position 5, found \"x\"");
  refused("6-8-10-", amount + " at position 8, found the end");
  refused("", amount + " at position 1, found the end");
  refused("   ", amount + " at position 4, found the end");
  refused("6--8", amount + " at position 3, found \"-\"");
  refused("-6", amount + " at position 1, found \"-\"");
  refused("constant:", amount + " at position 10, found the end");
  refused("constant 6", ": expected ':' and a size at position 10, found \"6\"");
  refused("6,8", ": expected '-' and the size of the next stage (or write constant: before a single one) at position 2, found \",\"");
  refused("9", ": expected '-' and the size of the next stage (or write constant: before a single one) at position 2, found the end");
  refused("6-12 5", ": expected '-', '@', 'with', 'for' or the end at position 6, found \"5\"");
  refused("6-1,5-12", ": expected '-', '@', 'with', 'for' or the end at position 4, found \",\"");
  refused("6-12@^2 5", ": expected 'with', 'for' or the end at position 9, found \"5\"");
  refused("6-12 with", amount + " at position 10, found the end");
  refused("pld 0.5", ": expected ':' and a number at position 5, found \"0\"");
  refused("pld:x", ": expected a number from 0 to 1 at position 5, found \"x\"");
  refused("stack:", ": expected a number of blocks at position 7, found the end");
  refused("ramp:6", ": expected '-' and the size at the last step at position 7, found the end");
  refused("profile 1", ": expected ':' and a share for each block at position 9, found \"1\"");
  refused("layers() 6-12", ": expected a policy, such as bernoulli or sqrt_gap at position 8, found \")\"");
  refused("layers(bernoulli 6-12", ": expected ',' and a policy, or ')' at position 18, found \"6\"");
  refused("layers(fixed:1) 6-12", ": expected ':' and a number of units: fixed:1:1 keeps the first and the last one at position 15, found \")\"");
  refused("layers(bernoulli, exactly) 6-12",
          ": expected a policy of another kind: at most one selector, one profile, one scale at position 19, found \"exactly\"");
  refused("full full", ": expected 'with', 'for' or the end at position 6, found \"full\"");
  refused("(6-12", ": expected ')' at position 6, found the end");
  refused("6-12)", ": expected '-', '@', 'with', 'for' or the end at position 5, found \")\"");
  refused("6-12@", ": expected a length for each of the 2 stages, or ^ and an exponent at position 6, found the end");
  refused("6-12@1", ": expected ':' and a length for each of the 2 stages at position 7, found the end");
  refused("6-12@1:2:3", ": expected 'with', 'for' or the end: there is a length for each of the 2 stages at position 9, found \":\"");
  refused("full for", ": expected a length: a number of steps, or a share such as 1/10 at position 9, found the end");
  refused("full for x then 6-12", ": expected a length: a number of steps, or a share such as 1/10 at position 10, found \"x\"");
  refused("full for -5 then 6-12", ": expected a length: a number of steps, or a share such as 1/10 at position 10, found \"-\"");
  refused("full for 1/10", ": expected 'then' and the next schedule at position 14, found the end");
  refused("full for 1/10 6-12", ": expected 'then' and the next schedule at position 15, found \"6\"");
  refused("full for 1/10 then", amount + " at position 19, found the end");
  refused("full for 1/ then 6-12", ": expected a denominator at position 13, found \"then\"");
  refused("full for 10 then 6-8 for 10 then full", ": expected the end (put a nested 'for' in parentheses) at position 22, found \"for\"");
}

TEST_CASE("words that are not known are refused with those that are") {
  const std::string allowed =
      ": allowed are a size, full, constant:, ramp:, profile:, pld:, decreasing:, est, stack:, layers, sublayers, heads, neurons, width, sequences";
  for (const std::string word : {"depth", "Layers", "FULL", "with", "for", "then"})
    refused(word + " 3-6", ": unknown word \"" + word + "\" at position 1" + allowed);
  refused("full for 1/10 then widht 3-6", ": unknown word \"widht\" at position 20" + allowed);
  refused("head 3-6", ": unknown word \"head\" at position 1" + allowed + ", coins",
          {.rules = {custom_rule(rule_of<coin_drop>()), named_rule(rule_of<layer_drop>(), {.scale = "sqrt_gap"})}});
  refused("layers(coin) 6-12",
          ": unknown word \"coin\" at position 8: allowed are exactly, bernoulli, first, fixed:, linear, linear_from_first, "
          "unscaled, sqrt_gap, sqrt_inverse, inverse, inverse_per_branch, completep, once");
}

TEST_CASE("numbers out of range are refused with the range") {
  refused("6-0-12", ": 0 at position 3 is not allowed: give a number from 1 to 1099511627776");
  refused("6-99999999999999999999", ": 99999999999999999999 at position 3 is not allowed: give a number from 1 to 1099511627776");
  refused("6-5000", ": 5000 at position 3 is not allowed: a size is at most 4096");
  refused("6-1.5-12", ": 1.5 at position 3 is not allowed: give a number from 0 to 1");
  refused("constant:0.0", ": 0.0 at position 10 is not allowed: a share is above 0 and at most 1");
  refused("pld:1.5", ": 1.5 at position 5 is not allowed: give a number from 0 to 1");
  refused("decreasing:2", ": 2 at position 12 is not allowed: give a number from 0 to 1");
  refused("6-12@^9", ": 9 at position 7 is not allowed: give a number from 0 to 8");
  refused("stack:6-5000", ": 5000 at position 9 is not allowed: a depth is at most 4096");
  refused("6-3/2", ": 3/2 at position 3 is not allowed: a fraction is at most 1, its denominator at most 9999");
  refused("1/10000-full", ": 1/10000 at position 1 is not allowed: a fraction is at most 1, its denominator at most 9999");
  refused("full for 3/2 then 6-12", ": 3/2 at position 10 is not allowed: a fraction is at most 1, its denominator at most 9999");
  refused("full for 0 then 6-12", ": 0 at position 10 is not allowed: give a number from 1 to 1099511627776");
  refused("6-12@5000:6000", ": a sum of lengths above 9999 at position 5 is not allowed: write smaller numbers in the same proportions");
  CHECK_NOTHROW(any_schedule("6-12@5000:4999"));
}

TEST_CASE("shrinking is refused unless it is asked for") {
  refused("12-10-8-6", " shrinks from 12 to 10: put the sizes in growing order, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
  refused("6-full-8", " shrinks from full to 8: put the sizes in growing order, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
  refused("3/4-1/2", " shrinks from 3/4 to 1/2: put the sizes in growing order, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
  refused("6-12 with heads full-1/2",
          " shrinks from full to 1/2: put the sizes in growing order, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
  refused("ramp:12-6", " shrinks from 12 to 6: put the sizes in growing order, or allow shrinking (.allow_shrinking = true, --allow-shrinking)");
  CHECK(any_schedule("ramp:12-6", {.allow_shrinking = true}).text() == "ramp:12-6");
  CHECK(any_schedule("12-10-8-6", {.allow_shrinking = true}).text() == "12-10-8-6");
  CHECK(any_schedule("full-6", {.allow_shrinking = true}).text() == "full-6");
}

TEST_CASE("a text that is nested too deeply is refused instead of filling the stack") {
  CHECK_THROWS_WITH_AS(any_schedule(std::string(100'000, '(')),
                       ("raptr: schedule \"" + std::string(40, '(') + "\"...: more than 16 open parentheses at position 17").c_str(), input_error);
  CHECK_NOTHROW(any_schedule(std::string(16, '(') + "6-12" + std::string(16, ')')));
  std::string many = "full";
  for (int i = 1; i < 16; ++i) many += " with full";
  CHECK_NOTHROW(any_schedule(many, {}));
  CHECK_THROWS_AS(any_schedule(many + " with full"), input_error);
}

TEST_CASE("a text that does not fit the model is refused before the first step") {
  const auto meets_model = [](const char* text, const rule_names& names = {}) {
    check_schedule(any_schedule(text, {.rules = {named_rule(rule_of<layer_drop>(), names)}}), layout, 100, true);
  };
  CHECK_THROWS_WITH_AS(meets_model("6-8-13"), "raptr: a stage keeps 13 of 12 layers: keep between 1 and 12", input_error);
  CHECK_THROWS_WITH_AS(meets_model("1-12"),
                       "raptr: a stage keeps 1 units where 2 are always kept (the first 1 and the last 1): keep at least 2, or fix fewer",
                       input_error);
  CHECK_THROWS_AS(meets_model("6-12", {.always = fixed{4, 4}}), input_error);
  CHECK_THROWS_AS(meets_model("full for 100 then 6-12"), input_error);
  CHECK_NOTHROW(meets_model("1-12", {.always = fixed{0, 0}}));
}

TEST_CASE("every text of a few letters is read or refused, never anything else") {
  const std::string letters = "6 -/@:().^fx1";
  for (std::uint64_t round = 0; round < 20'000; ++round) {
    const auto draw = random_key{1}.stream("text", round);
    std::string text;
    for (std::uint64_t i = 0; i < draw.below(12, 100); ++i) {
      const std::uint64_t pick = draw.below(letters.size() + 6, i);
      text += pick < letters.size()        ? std::string(1, letters[pick])
              : pick == letters.size()     ? "full"
              : pick == letters.size() + 1 ? " for "
              : pick == letters.size() + 2 ? " then "
              : pick == letters.size() + 3 ? " with "
              : pick == letters.size() + 4 ? "heads"
                                           : "pld:";
    }
    try {
      const std::string read = any_schedule(text, {.allow_shrinking = true}).text();
      CHECK(any_schedule(read, {.allow_shrinking = true}).text() == read);
    } catch (const input_error& refusal) {
      CHECK(std::string(refusal.what()).starts_with("raptr: "));
    }
  }
}
