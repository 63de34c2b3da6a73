// SPDX-License-Identifier: Apache-2.0
// When two policies are the same. Linked with folding of identical code, every pair is compared by tests/packaging/icf.sh.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include <raptr/subnet/rules/named_rule.hpp>

using namespace raptr;

namespace {

struct my_inverse {  // the code of raptr::inverse, and its name
  static constexpr std::string_view name = "inverse";
  static constexpr bool needs_probability = true, whole_block = true;
  double operator()(kept_unit u) const { return 1.0 / u.probability; }
};
struct half {
  double operator()(kept_unit) const { return 0.5; }
};
struct other_half {
  double operator()(kept_unit) const { return 0.5; }
};
struct inherits_a_name : sqrt_gap {};
struct inherits_a_selector : bernoulli<both_ends> {};
struct inherits_a_number : completep<1, 2> {};
struct my_profile {  // the code of raptr::linear_in_depth, and its name
  static constexpr std::string_view name = "linear";
  double share(int block, int layers, double mean) const { return 1 - 2 * (1 - mean) * (block + 1) / (layers + 1); }
};
struct named_profile {  // a name for each object
  std::string name = "mine";
  double share(int, int, double mean) const { return mean; }
};
struct times {
  double factor;
  double operator()(kept_unit) const { return factor; }
};
class made_by_a_function {  // no state and no default constructor
 public:
  static made_by_a_function make() { return made_by_a_function(1); }
  double operator()(kept_unit) const { return 1; }

 private:
  explicit made_by_a_function(int) {}
};

}  // namespace

TEST_CASE("a type, an object and a name give one policy") {
  const auto same = [](const drop_rule& type, const custom_rule& object, const rule_names& names) {
    const custom_rule named = named_rule(rule_of<layer_drop>(), names);
    CHECK(type.same_policies(object.rule()));
    CHECK(object.rule().same_policies(type));
    CHECK(type.same_policies(named.rule()));
    CHECK(object.rule().same_policies(named.rule()));
    CHECK(word_of(type) == word_of(object.rule()));
    CHECK(word_of(type) == word_of(named.rule()));
  };
  const drop_rule base = rule_of<layer_drop>();
  same(rule_of<layer_drop, bernoulli<both_ends>, sqrt_gap>(), custom_rule(base, bernoulli_selector{both_ends}, sqrt_gap{}),
       {.selector = "bernoulli", .scale = "sqrt_gap"});
  same(rule_of<layer_drop, exactly<fixed{2, 1}>>(), custom_rule(base, exactly_selector{{2, 1}}), {.always = fixed{2, 1}});
  same(rule_of<layer_drop, first_units>(), custom_rule(base, first_units{}), {.selector = "first"});
  same(rule_of<layer_drop, linear_in_depth>(), custom_rule(base, linear_in_depth{}), {.profile = "linear"});
  same(rule_of<layer_drop, linear_from_first>(), custom_rule(base, coins_by<linear_from_first>{}), {.profile = "linear_from_first"});
  same(rule_of<layer_drop, completep<1, 2>>(), custom_rule(base, completep_scale{0.5}), {.scale = "completep", .exponent = 0.5});
  same(rule_of<layer_drop, completep<2, 4>>(), custom_rule(base, completep<1, 2>{}), {.scale = "completep", .exponent = 0.5});
  const custom_rule heads_by_depth(rule_of<head_drop>(), linear_in_depth{});
  CHECK(rule_of<head_drop, linear_in_depth>().same_policies(heads_by_depth.rule()));
}

TEST_CASE("other names and other parameters are other policies") {
  static_assert(!rule_of<layer_drop, inverse>().same_policies(rule_of<layer_drop, inverse_per_branch>()));
  static_assert(!rule_of<layer_drop, linear_in_depth>().same_policies(rule_of<layer_drop, linear_from_first>()));
  static_assert(!rule_of<head_drop, linear_in_depth>().same_policies(rule_of<head_drop, linear_from_first>()));
  static_assert(!rule_of<head_drop, linear_in_depth>().same_policies(rule_of<head_drop>()));
  static_assert(!rule_of<layer_drop, exactly<>>().same_policies(rule_of<layer_drop, bernoulli<>>()));
  static_assert(!rule_of<layer_drop, exactly<fixed{1, 0}>>().same_policies(rule_of<layer_drop, exactly<fixed{0, 1}>>()));
  static_assert(!rule_of<layer_drop, completep<>>().same_policies(rule_of<layer_drop, completep<1, 2>>()));
  const custom_rule whole(rule_of<layer_drop>(), completep_scale{1}), part(rule_of<layer_drop>(), completep_scale{0.25});
  CHECK(!whole.rule().same_policies(part.rule()));
}

TEST_CASE("the words in parentheses are distinct, and each is its policy's name") {
  std::set<std::string_view> words{"fixed", "once"};
  std::size_t count = words.size();
  const auto add = [&](auto list) {
    for (const std::string_view name : list.names) words.insert(name), ++count;
  };
  add(library_selectors{}), add(library_profiles{}), add(library_scales{});
  CHECK(words.size() == count);
  static_assert(coins_by<linear_in_depth>::name == "linear" && coins_by<my_profile>::name == "linear" && coins_by<named_profile>::name.empty());
  static_assert(exactly<both_ends>::name == "exactly" && bernoulli<>::name == "bernoulli" && completep<1, 2>::name == "completep");
  CHECK(listed(selectors_with_fixed_units()) == "exactly, bernoulli");
  CHECK(listed(scales_without_exponent()) == "unscaled, sqrt_gap, sqrt_inverse, inverse, inverse_per_branch");
}

TEST_CASE("a user-defined policy is its type, whatever its name and its code are, and has no text") {
  const auto other_than = [](const drop_rule& own, const drop_rule& others) {
    CHECK(own.same_policies(own));
    CHECK(!own.same_policies(others));
    CHECK(!others.same_policies(own));
    CHECK(word_of(own) == own.name);
  };
  other_than(rule_of<layer_drop, half>(), rule_of<layer_drop, other_half>());
  static_assert(my_inverse::name == inverse::name && my_profile::name == linear_in_depth::name);
  other_than(rule_of<layer_drop, my_inverse>(), rule_of<layer_drop, inverse>());
  other_than(rule_of<layer_drop, inherits_a_name>(), rule_of<layer_drop, sqrt_gap>());
  other_than(rule_of<layer_drop, inherits_a_selector>(), rule_of<layer_drop, bernoulli<both_ends>>());
  other_than(rule_of<layer_drop, inherits_a_number>(), rule_of<layer_drop, completep<1, 2>>());
  other_than(rule_of<layer_drop, my_profile>(), rule_of<layer_drop, linear_in_depth>());
  other_than(rule_of<head_drop, my_profile>(), rule_of<head_drop, linear_in_depth>());
  other_than(rule_of<head_drop, named_profile>(), rule_of<head_drop, my_profile>());
  const auto one = [](kept_unit) { return 0.5; };
  const auto same_code = [](kept_unit) { return 0.5; };
  const custom_rule a(rule_of<layer_drop>(), one), b(rule_of<layer_drop>(), same_code), again(rule_of<layer_drop>(), one);
  other_than(a.rule(), b.rule());
  CHECK(a.rule().same_policies(again.rule()));
}

TEST_CASE("objects without state are one policy, objects with state are one each") {
  const drop_rule base = rule_of<layer_drop>();
  const custom_rule one(base, half{}), other(base, half{});
  CHECK(one.rule().same_policies(other.rule()));
  CHECK(one.rule().same_policies(rule_of<layer_drop, half>()));
  const custom_rule made(base, made_by_a_function::make()), made_again(base, made_by_a_function::make());
  CHECK(made.rule().same_policies(made_again.rule()));
  const custom_rule by_two(base, times{2}), by_three(base, times{3}), copy = by_two, renamed = by_two.named("mine");
  CHECK(!by_two.rule().same_policies(by_three.rule()));
  CHECK(by_two.rule().same_policies(copy.rule()));
  CHECK(by_two.rule().same_policies(renamed.rule()));
  const custom_rule early(base, keep_profile{{1, 0.5}}), late(base, keep_profile{{0.5, 1}});
  CHECK(!early.rule().same_policies(late.rule()));
}
