// SPDX-License-Identifier: Apache-2.0
// Every rule that the library's policies give, on every axis, as a type, as a value and as a text, and user-defined policies with the
// code of the library's: all pairs are compared. icf.sh links it with and without folding of identical code. The words of the
// policies are written out here, so that they do not come from the list that is tested.
#include <cstdio>
#include <cstring>
#include <deque>
#include <string>
#include <type_traits>
#include <vector>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/subnet/rules/plan_writer.hpp>

#include "example_block.hpp"

using namespace raptr;

namespace {

constexpr network_layout layout = layout_of<example_block>(bert_base, 8);

template <class P> constexpr std::string_view word = "";
template <fixed F> constexpr std::string_view word<exactly<F>> = "exactly";
template <fixed F> constexpr std::string_view word<bernoulli<F>> = "bernoulli";
template <> constexpr std::string_view word<first_units> = "first";
template <> constexpr std::string_view word<linear_in_depth> = "linear";
template <> constexpr std::string_view word<linear_from_first> = "linear_from_first";
template <> constexpr std::string_view word<unscaled> = "unscaled";
template <> constexpr std::string_view word<sqrt_gap> = "sqrt_gap";
template <> constexpr std::string_view word<sqrt_inverse> = "sqrt_inverse";
template <> constexpr std::string_view word<inverse> = "inverse";
template <> constexpr std::string_view word<inverse_per_branch> = "inverse_per_branch";
template <int Num, int Den> constexpr std::string_view word<completep<Num, Den>> = "completep";

/// The value form of a type; for the others they are the same.
template <class P> auto value_of() {
  if constexpr (std::derived_from<P, exactly_selector>)
    return exactly_selector{P{}.always};
  else if constexpr (std::derived_from<P, bernoulli_selector>)
    return bernoulli_selector{P{}.always};
  else if constexpr (std::derived_from<P, completep_scale>)
    return completep_scale{P{}.exponent};
  else
    return P{};
}
/// Of a list with or without a profile.
template <class... More> constexpr std::string_view word_of_profile = "";
template <class P, class... More> constexpr std::string_view word_of_profile<P, More...> = word<P>;

struct entry {
  std::string key;  // equal for equal policies; the axis does not count
  std::string word;
  std::string_view select, scale, profile;
  std::vector<drop_rule> forms;
  std::vector<std::uint64_t> plans;
};
std::vector<entry> entries;
std::deque<custom_rule> values;
std::deque<any_schedule> texts;
int refused = 0, wrong_refusals = 0, wrong_names = 0, wrong_texts = 0, wrong_plans = 0, wrong_equalities = 0;

void mix(std::uint64_t& hash, auto x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  hash = (hash ^ bits) * 0x9e3779b97f4a7c15u;
  hash ^= hash >> 29;
}
/// A hash of the plans of ten steps.
std::uint64_t plans_of(const drop_rule& rule) {
  stage_rule stage;
  stage.add(rule.keeping(fraction(3, 4)));
  step_plan plan(layout);
  std::uint64_t hash = 1;
  for (std::uint64_t step = 0; step < 10; ++step) {
    write_plan(plan, stage, {.seed = 7, .step = step});
    for (const block_plan& b : plan.blocks()) {
      mix(hash, b.block), mix(hash, b.factor);
      for (const int sequence : b.sequences) mix(hash, sequence);
      for (const part_plan& part : b.parts()) {
        mix(hash, part.factor), mix(hash, part.unit_factor);
        for (const unit_range& units : part.units) mix(hash, units.first), mix(hash, units.count);
      }
    }
  }
  return hash;
}

template <class Drop, class Select, class Scale> constexpr bool allowed() {
  constexpr bool in_depth = Drop::place == unit_place::blocks || Drop::place == unit_place::sublayers;
  if (needs_probability<Scale> && !depth_profile<Select> && !tells_probability<Select>) return false;
  if (in_depth) return true;
  if (needs_neighbours<Scale> || (Drop::place == unit_place::parts && per_branch_scale<Scale>)) return false;
  return !needs_probability<Scale> || always_kept_by(Select{}).count() == 0;
}

/// What the text of a rule is made of: words of a selector, a profile and a scale, and those that the drop has without any.
struct spelling {
  std::string_view drop, axis, select, usual_select;
  bool has_fixed;
  fixed always, usual_always;
  std::string_view profile, scale;
  double exponent;
  bool once;
};
/// One rule: as a type, as a value, and as what the text of the type reads as.
void record(const spelling& s, const drop_rule& type, const drop_rule& value) {
  std::string policies, key;
  const auto part = [&](bool in_text, std::string_view text, const std::string& number = "") {
    key.append(text).append(number).append(" ");
    if (in_text) policies.append(policies.empty() ? "(" : ", ").append(text).append(number);
  };
  part(s.select != s.usual_select, s.select);
  part(s.has_fixed && s.always != s.usual_always, "fixed", ":" + std::to_string(s.always.first) + ":" + std::to_string(s.always.last));
  part(false, s.has_fixed && s.always.of_blocks ? "blocks" : "");
  part(!s.profile.empty(), s.profile);
  part(s.scale != "unscaled", s.scale, s.exponent == 1 ? "" : ":0.5");
  part(s.once, s.once ? "once" : "");
  entry one{key, std::string(s.drop) + policies + (policies.empty() ? "" : ")"), s.select, s.scale, s.profile, {type, value}, {}};
  try {
    texts.emplace_back(word_of(type) + " 1/2-full");
    wrong_texts += texts.back().text() != (one.word == "layers" ? "" : one.word + " ") + "1/2-full";
    one.forms.push_back(*texts.back().at(position_at(texts.back(), 0, 2, bert_base)).find(s.axis));
  } catch (const input_error&) {
    ++wrong_texts;  // what was written cannot be read
  }
  entries.push_back(std::move(one));
}

template <template <class, class...> class Drop, class Select, class Scale, class... More> void add() {
  using plain = Drop<keep<1, 2>>;
  if constexpr (allowed<plain, Select, Scale>()) {
    constexpr spelling parts{plain::name,
                             plain::axis::name,
                             word<Select>,
                             word<typename plain::selector>,
                             has_fixed_units<Select>,
                             always_kept_by(Select{}),
                             always_kept_by(typename plain::selector{}),
                             word_of_profile<More...>,
                             word<Scale>,
                             std::is_same_v<Scale, completep<1, 2>> ? 0.5 : 1,
                             (std::is_same_v<More, once> || ...)};
    values.emplace_back(rule_of<plain>(), value_of<Select>(), value_of<Scale>(), More{}...);
    record(parts, rule_of<Drop<keep<1, 2>, Select, Scale, More...>>(), values.back().rule());
  } else if constexpr (sizeof...(More) == 0) {
    try {
      values.emplace_back(rule_of<plain>(), value_of<Select>(), value_of<Scale>());
      ++wrong_refusals;
    } catch (const input_error&) {
      ++refused;
    }
  }
}

template <class... T> struct types {};
template <class... T> void each(types<T...>, auto f) { (f.template operator()<T>(), ...); }

using depth_scales = types<unscaled, sqrt_gap, sqrt_inverse, inverse, inverse_per_branch, completep<>, completep<1, 2>>;
template <fixed Ends>
using depth_selectors = types<exactly<Ends>, exactly<>, bernoulli<Ends>, bernoulli<>, first_units, linear_in_depth, linear_from_first>;
using inner_selectors = types<exactly<>, exactly<fixed{1, 0}>, bernoulli<>, bernoulli<fixed{1, 0}>, first_units>;

template <template <class, class...> class Drop> void add_in_depth(auto selectors) {
  each(selectors, []<class Select>() { each(depth_scales{}, []<class Scale>() { add<Drop, Select, Scale>(); }); });
}
template <template <class, class...> class Drop> void add_inside() {
  each(inner_selectors{}, []<class Select>() {
    each(depth_scales{}, []<class Scale>() {
      add<Drop, Select, Scale>();
      add<Drop, Select, Scale, once>();
      add<Drop, Select, Scale, linear_in_depth>();
      add<Drop, Select, Scale, linear_in_depth, once>();
      add<Drop, Select, Scale, linear_from_first>();
      add<Drop, Select, Scale, linear_from_first, once>();
    });
  });
}

// ---- user-defined policies: the code of the library's, and some of their names

struct my_inverse {
  static constexpr std::string_view name = "inverse";
  static constexpr bool needs_probability = true, whole_block = true;
  constexpr double operator()(kept_unit u) const { return 1.0 / u.probability; }
};
struct inherits_inverse : inverse {};
struct my_other_inverse : inverse_per_branch {};
struct my_first {
  static constexpr std::string_view name = "first";
  constexpr unit_set operator()(int total, kept_count kept, draw_key) const { return unit_set::first(kept.count < total ? kept.count : total); }
};
struct my_coins : bernoulli<both_ends> {};
struct my_profile {
  static constexpr std::string_view name = "linear";
  constexpr double share(int block, int layers, double mean) const { return 1 - 2 * (1 - mean) * (block + 1) / (layers + 1); }
};
static_assert(my_inverse::name == word<inverse> && my_first::name == word<first_units> && my_profile::name == word<linear_in_depth>);
struct times {
  double factor;
  double operator()(kept_unit) const { return factor; }
};

void add_user(const char* key, std::vector<drop_rule> forms) {
  const drop_rule& r = forms[0];
  const std::string_view select = r.select == rule_of<layer_drop>().select ? "exactly" : "",
                         scale = r.scale == rule_of<layer_drop>().scale ? "unscaled" : "";
  entries.push_back({key, "layers", select, scale, "", std::move(forms), {}});
}
template <class Policy> void add_user(const char* key) {
  values.emplace_back(rule_of<layer_drop<keep<1, 2>>>(), Policy{});
  values.emplace_back(rule_of<layer_drop<keep<1, 2>>>(), Policy{});
  add_user(key, {rule_of<layer_drop<keep<1, 2>, Policy>>(), values.end()[-2].rule(), values.end()[-1].rule()});
}
/// The rule of an object with state, and of a copy of the rule.
void add_object(const char* key, auto policy) {
  values.emplace_back(rule_of<layer_drop<keep<1, 2>>>(), policy);
  values.push_back(values.back());
  add_user(key, {values.end()[-2].rule(), values.end()[-1].rule()});
}

bool names_are(const entry& e, const drop_rule& r) {
  return r.select.identity.name == e.select && r.scale.identity.name == e.scale && r.profile.identity.name == e.profile;
}

}  // namespace

/// policies folded|plain. Prints the counts and a hash of all plans; fails if something is wrong, or if the linker has not done what
/// the argument says.
int main(int count, char** arguments) {
  add_in_depth<layer_drop>(depth_selectors<both_ends>{});
  add_in_depth<sublayer_drop>(depth_selectors<both_end_blocks>{});
  add_inside<head_drop>();
  add_inside<neuron_drop>();
  add_inside<width_slice>();
  add_inside<sequence_drop>();
  const std::size_t of_the_library = entries.size();
  add_user<my_inverse>("my_inverse");
  add_user<inherits_inverse>("inherits_inverse");
  add_user<my_other_inverse>("my_other_inverse");
  add_user<my_first>("my_first");
  add_user("my_coins", {rule_of<layer_drop<keep<1, 2>, my_coins>>()});
  add_user<my_profile>("my_profile");
  add_user<decltype([](kept_unit) { return 0.5; })>("lambda");
  add_user<decltype([](kept_unit) { return 0.5; })>("same lambda elsewhere");
  add_object("times 2", times{2});
  add_object("times 3", times{3});
  add_object("times 3 again", times{3});  // two objects with state are two policies
  add_object("lambda with state", [x = entries.size()](kept_unit) { return static_cast<double>(x); });

  std::uint64_t all_plans = 1;
  for (entry& e : entries)
    for (const drop_rule& rule : e.forms) {
      wrong_names += !names_are(e, rule);
      wrong_texts += word_of(rule) != e.word;
      e.plans.push_back(plans_of(rule));
      wrong_plans += e.plans.back() != e.plans.front();
      mix(all_plans, e.plans.back());
    }
  std::int64_t pairs = 0, compared = 0;
  for (std::size_t i = 0; i < entries.size(); ++i)
    for (std::size_t j = i; j < entries.size(); ++j) {
      const entry &a = entries[i], &b = entries[j];
      ++pairs;
      const bool same = a.key == b.key, same_plans = a.plans.front() == b.plans.front();
      if (i < of_the_library && j < of_the_library) wrong_texts += (a.word == b.word) != (i == j);
      for (std::size_t f = 0; f < a.forms.size(); ++f)
        for (std::size_t g = 0; g < b.forms.size(); ++g) {
          ++compared;
          wrong_equalities += a.forms[f].same_policies(b.forms[g]) != same || b.forms[g].same_policies(a.forms[f]) != same;
          wrong_plans += (a.plans[f] == b.plans[g]) != same_plans;
        }
    }
  std::printf("%zu rules of the library, %zu with user-defined policies, %d refused; %lld pairs of rules, %lld of their forms; plans %016llx\n",
              of_the_library, entries.size() - of_the_library, refused, static_cast<long long>(pairs), static_cast<long long>(compared),
              static_cast<unsigned long long>(all_plans));
  std::printf("wrong refusals %d, names %d, texts %d, plans %d, equalities %d\n", wrong_refusals, wrong_names, wrong_texts, wrong_plans,
              wrong_equalities);

  double (*volatile one)(const void*, kept_unit) = rule_of<layer_drop, inverse>().scale.multiply;
  double (*volatile other)(const void*, kept_unit) = rule_of<layer_drop, inverse_per_branch>().scale.multiply;
  const bool folded = one == other, wanted = count == 2 && std::strcmp(arguments[1], "folded") == 0;
  std::fprintf(stderr, "the functions of inverse and inverse_per_branch have %s\n", folded ? "one address" : "two addresses");
  return wrong_refusals + wrong_names + wrong_texts + wrong_plans + wrong_equalities == 0 && folded == wanted ? 0 : 1;
}
