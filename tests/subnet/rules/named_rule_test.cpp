// SPDX-License-Identifier: Apache-2.0
// Policies by name: behind a word of a text, and in a program.
#include <raptr/subnet/rules/named_rule.hpp>

#include "schedule_checks.hpp"

using namespace raptr;

namespace {

template <class Keep> using by_square = layer_drop<Keep, bernoulli<both_ends>, sqrt_inverse>;
template <class Keep> using in_depth = layer_drop<Keep, linear_in_depth, inverse_per_branch>;
template <class Keep> using same_heads = head_drop<Keep, bernoulli<>, linear_from_first, once>;
template <class Keep> using scaled_neurons = neuron_drop<Keep, inverse>;
template <class Keep> using complete = layer_drop<Keep, completep<>>;
template <class Keep> using depth_mup = layer_drop<Keep, completep<1, 2>>;
template <class Keep> using first_blocks = layer_drop<Keep, first_units>;
template <class Keep> using other_ends = layer_drop<Keep, exactly<fixed{.first = 2, .last = 1}>>;
template <class Keep> using free_sublayers = sublayer_drop<Keep, exactly<>>;
template <class Keep, class... Policies> struct own_word : layer_drop<Keep, bernoulli<both_ends>, Policies...> {
  static constexpr std::string_view name = "own";
};

}  // namespace

TEST_CASE("the policies of a type stand in its text, and the text is read without any rule") {
  round_trips(equal_stages<by_square, 6, 12>{}, "layers(bernoulli, sqrt_inverse) 6-12");
  round_trips(equal_stages<in_depth, 8, 12>{}, "layers(linear, inverse_per_branch) 8-12");
  round_trips(equal_stages<same_heads, 8, 12>{}, "heads(bernoulli, linear_from_first, once) 8-12");
  round_trips(equal_stages<scaled_neurons, 96, 192>{}, "neurons(inverse) 96-192");
  round_trips(equal_stages<complete, 6, 12>{}, "layers(completep) 6-12");
  round_trips(equal_stages<depth_mup, 6, 12>{}, "layers(completep:0.5) 6-12");
  round_trips(equal_stages<first_blocks, 6, 12>{}, "layers(first) 6-12");
  round_trips(equal_stages<free_sublayers, 6, 24>{}, "sublayers(fixed:0:0) 6-24");
  round_trips(equal_stages<other_ends, 6, 12>{}, "layers(fixed:2:1) 6-12");
  round_trips(equal_stages<width_slice, 96, 192>{}, "width 96-192");
  round_trips(equal_stages<sequence_drop, 4, 8>{}, "sequences 4-8");
  round_trips(equal_stages<sublayer_drop, 12, 24>{}, "sublayers 12-24");
}

TEST_CASE("policies of a text come in any order and spacing") {
  const char* const spelled = "layers(bernoulli, fixed:2:1, sqrt_gap) 6-12";
  CHECK(any_schedule("layers ( sqrt_gap,bernoulli , fixed : 2 : 1 )6-12").text() == spelled);
  CHECK(any_schedule(spelled).text() == spelled);
  CHECK(any_schedule("layers(exactly, unscaled) 6-12").text() == "6-12");
  CHECK(any_schedule("layers(completep:0.7) constant:6").text() == "layers(completep:0.7) constant:6");
  const custom_rule rule(rule_of<layer_drop>(), bernoulli_selector{{2, 1}}, sqrt_gap{});
  std::vector<stage_rule> list(2);
  for (stage_rule& stage : list) stage.share = fraction(1, 2);
  list[0].add(rule.rule().keeping(6)), list[1].add(rule.rule().keeping(12));
  round_trips(stage_list(list, {rule}), spelled);
}

TEST_CASE("every word with every selector, profile and scale is read back as what it was, or refused") {
  int read = 0, refused = 0;
  for (const std::string word : {"layers", "sublayers", "heads", "neurons", "width", "sequences"})
    for (const std::string selector :
         {"", "exactly", "bernoulli", "first", "linear", "linear_from_first", "bernoulli, linear", "fixed:1:2", "bernoulli, fixed:0:1"})
      for (const std::string scale :
           {"", "unscaled", "sqrt_gap", "sqrt_inverse", "inverse", "inverse_per_branch", "completep", "completep:0.25", "once"}) {
        const std::string policies = selector + (selector.empty() || scale.empty() ? "" : ", ") + scale;
        const std::string text = word + (policies.empty() ? "" : "(" + policies + ")") + " 3/4-full";
        CAPTURE(text);
        try {
          const any_schedule schedule(text);
          check_schedule(schedule, twelve_blocks, 4, true);
          const any_schedule again(schedule.text());
          CHECK(again.text() == schedule.text());
          CHECK(same_plans(schedule, again, 4));
          ++read;
        } catch (const input_error&) {
          ++refused;
        }
      }
  CHECK(read > 200);
  CHECK(refused > 100);
}

TEST_CASE("a word of the user's own takes policies and keeps its rule") {
  const text_options options{.rules = {custom_rule(rule_of<own_word>())}};
  const any_schedule scaled("own(sqrt_gap) 6-12", options);
  CHECK(scaled.text() == "own(sqrt_gap) 6-12");
  CHECK(same_plans(scaled, any_schedule(scaled.text(), options)));
  CHECK(same_plans(scaled, any_schedule("layers(bernoulli, sqrt_gap) 6-12")));
}

TEST_CASE("a rule by name answers to its word and keeps its policies in the text") {
  const any_schedule schedule("heads 1/2-full", {.rules = {named_rule(rule_of<head_drop>(), {.selector = "bernoulli", .scale = "inverse"})}});
  CHECK(schedule.text() == "heads(bernoulli, inverse) 1/2-full");
  const custom_rule once_a_step = named_rule(rule_of<head_drop>(), {.once = true});
  CHECK(once_a_step.rule().once);
  CHECK(any_schedule("12-12", {.rules = {named_rule(rule_of<layer_drop>(), {})}}).text() == "12-12");
}

TEST_CASE("policies that cannot go together are refused") {
  const auto refused = [](const drop_rule& base, const rule_names& names, const char* sentence) {
    CHECK_THROWS_WITH_AS(named_rule(base, names), sentence, input_error);
  };
  refused(rule_of<layer_drop>(), {.selector = "bernoulli", .profile = "linear"},
          "raptr: the drop of layers has a profile, which draws each unit independently: leave out the selector and the fixed units");
  refused(rule_of<layer_drop>(), {.selector = "first", .always = both_ends},
          "raptr: the drop of layers has fixed units, which only the selectors exactly and bernoulli support: name one of them");
  refused(rule_of<layer_drop>(), {.once = true}, "raptr: the drop of layers is always drawn once: leave `once` out");
  refused(rule_of<layer_drop>(), {.scale = "completep", .exponent = -1}, "raptr: the exponent of completep is -1: give a number from 0 to 8");
  refused(rule_of<layer_drop>(), {.profile = "square"}, "raptr: unknown profile \"square\": allowed are linear, linear_from_first");
}
