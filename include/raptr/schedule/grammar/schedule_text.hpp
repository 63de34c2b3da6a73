// SPDX-License-Identifier: Apache-2.0
// The text form of a schedule, as given on a command line: what is dropped, how much and when. The rule of a word defines how;
// callers can add rules. A text may end below the full network: such runs are controls.
//
//   schedule = parallel [ "for" length "then" parallel ] ;
//   parallel = single { "with" single } ;               at once, on different axes
//   single   = "full" | "pld" [ policies ] ":" x | "decreasing:" x | "est" [ policies ] [ ":" x ]
//            | "stack" [ policies ] ":" n { "-" n } | [ word [ policies ] ] sizes | "(" schedule ")" ;
//   sizes    = amount "-" amount { "-" amount } [ "@" n { ":" n } | "@^" x ] | "constant:" amount
//            | "ramp:" amount "-" amount | "profile:" x { ":" x } ;
//   amount   = n | n "/" n | decimal | "full" ;         units, a part of them, a part on average (with a point), all
//   length   = n | n "/" n ;                            steps, or a share of the run
//   word     = "layers" | "sublayers" | "heads" | "neurons" | "width" | "sequences" | the name of a given rule ;
//   policies = "(" policy { "," policy } ")" ;          of pld, est and stack: those of layers
//   policy   = "exactly" | "bernoulli" | "first" | "fixed:" n ":" n | "linear" | "linear_from_first" | "unscaled" | "sqrt_gap"
//            | "sqrt_inverse" | "inverse" | "inverse_per_branch" | "completep" [ ":" x ] | "once" ;
//
// Without a word, the axis is layers. Spaces between tokens are ignored. After "@": the relative lengths of the stages, or "^"
// and the power of their number that gives them; without "@" the stages are equal.
#pragma once

#include <raptr/schedule/error.hpp>
#include <raptr/schedule/grammar/scanner.hpp>
#include <raptr/schedule/recipes/constant_profile.hpp>
#include <raptr/schedule/recipes/decreasing.hpp>
#include <raptr/schedule/recipes/est.hpp>
#include <raptr/schedule/recipes/pld.hpp>
#include <raptr/schedule/recipes/power_stages.hpp>
#include <raptr/schedule/recipes/ramp.hpp>
#include <raptr/schedule/recipes/stacking.hpp>
#include <raptr/schedule/recipes/with_rule.hpp>
#include <raptr/schedule/with.hpp>
#include <raptr/subnet/rules/named_rule.hpp>

namespace raptr {

struct text_options {
  std::vector<custom_rule> rules{};  // user-defined words: with other selectors, scales or axes
  bool allow_shrinking = false;
};

/// Parses one text into a Schedule, a type that is constructible from every schedule.
template <class Schedule> class schedule_reader {
 public:
  schedule_reader(std::string_view words, const text_options& meanings) : in_(words), options_(meanings) {}

  Schedule read() {
    Schedule whole = schedule(0);
    if (!in_.at_end()) in_.expected(after_single_);
    return whole;
  }

 private:
  static constexpr int deepest = 16;  // nested parentheses, and schedules joined by 'with': both recurse in the result
  static constexpr const char* end_of_single = "'with', 'for' or the end";

  Schedule schedule(int depth) {
    Schedule first = parallel(depth);
    if (!in_.word("for")) return first;
    const duration length = in_.length();
    if (!in_.word("then")) in_.expected("'then' and the next schedule");
    then<lasting<duration, Schedule>, Schedule> both{{length, std::move(first)}, parallel(depth)};
    after_single_ = "the end (put a nested 'for' in parentheses)";
    return both;
  }
  Schedule parallel(int depth) {
    Schedule all = single(depth);
    for (int singles = 1; in_.word("with"); ++singles) {
      if (singles == deepest) in_.expected("the end (at most " + std::to_string(deepest) + " schedules can be joined by 'with')");
      Schedule more = single(depth);
      if (const std::string_view axis = common_axis(all, more); !axis.empty()) errors::schedule_text_drops_an_axis_twice(in_.text(), axis);
      all = with<Schedule, Schedule>(std::move(all), std::move(more));
    }
    return all;
  }
  Schedule single(int depth) {
    after_single_ = end_of_single;
    if (const std::size_t start = in_.next_place(); in_.symbol('(')) {
      if (depth == deepest) errors::schedule_text_is_nested_too_deeply(in_.text(), start + 1, deepest);
      Schedule inner = schedule(depth + 1);
      if (!in_.symbol(')')) in_.expected("')'");
      after_single_ = end_of_single;
      return inner;
    }
    if (const std::size_t start = in_.place(); in_.word("full")) {
      if (!in_.next_is('-')) return full_network{};
      in_.go_back(start);  // a size: full-6
    }
    if (in_.word("pld")) return recipe(pld::rule(), "pld", [&] { return pld{.theta_bar = parameter(0)}; });
    if (in_.word("decreasing")) return decreasing{.most = parameter(0)};
    if (in_.word("est")) return recipe(est::rule(), "est", [&] { return in_.next_is(':') ? est{.rate = parameter(1e-9)} : est{}; });
    if (in_.word("stack")) return recipe(stacking<std::vector<int>>::rule(), "stack", [&] { return depths(); });
    const drop_rule rule = rule_of_word();
    if (in_.word("constant")) return constant_size(rule);
    if (in_.word("ramp")) return moving_size(rule);
    if (in_.word("profile")) return shares(rule);
    return growing_sizes(rule);
  }

  /// A recipe, with the policies of its layers if they follow its word.
  Schedule recipe(drop_rule rule, std::string_view word, auto rest) {
    if (!in_.next_is('(')) return rest();
    const std::size_t start = in_.next_place();
    rule.name = word;
    custom_rule other = with_policies(rule, true);
    if (other.rule().select != rule.select && rule.select == view_of<first_units>()) {
      in_.go_back(start + 1);
      in_.expected("a scale, such as completep: stack always trains the first blocks, those that exist");
    }
    return with_rule(rest(), std::move(other));
  }
  double parameter(double low) {
    if (!in_.symbol(':')) in_.expected("':' and a number");
    return in_.number("a number from 0 to 1", low, 1);
  }
  stacking<std::vector<int>> depths() {
    if (!in_.symbol(':')) in_.expected("':' and a number of blocks");
    std::vector<int> list;
    do {
      const std::size_t start = in_.next_place();
      const std::int64_t depth = in_.count("a number of blocks");
      if (depth > unit_set::capacity) in_.bad_number(start, "a depth is at most " + std::to_string(unit_set::capacity));
      list.push_back(static_cast<int>(depth));
    } while (in_.symbol('-'));
    after_single_ = "'-', 'with', 'for' or the end";
    return stacking(std::move(list));
  }
  Schedule constant_size(const drop_rule& rule) {
    if (!in_.symbol(':')) in_.expected("':' and a size");
    stage_rule whole;
    if (const amount kept = in_.size(); !kept.all()) whole.add(rule.keeping(kept));
    return stage_list({whole}, rules_);
  }
  Schedule moving_size(const drop_rule& rule) {
    if (!in_.symbol(':')) in_.expected("':' and the size at the first step");
    const amount from = in_.size();
    if (!in_.symbol('-')) in_.expected("'-' and the size at the last step");
    const amount to = in_.size();
    check_growth(from, to);
    return linear_ramp{rule, from, to, rules_};
  }
  Schedule shares(const drop_rule& rule) {
    std::vector<double> list;
    if (!in_.next_is(':')) in_.expected("':' and a share for each block");
    while (in_.symbol(':')) list.push_back(in_.number("a share from 0 to 1", 0, 1));
    after_single_ = "':', 'with', 'for' or the end";
    return constant_profile(rule, {std::move(list)}, rules_);
  }
  Schedule growing_sizes(const drop_rule& rule) {
    std::vector<stage_rule> list;
    std::vector<amount> sizes;
    do {
      sizes.push_back(in_.size());
      list.emplace_back();
      if (!sizes.back().all()) list.back().add(rule.keeping(sizes.back()));
    } while (in_.symbol('-'));
    if (list.size() == 1) in_.expected("'-' and the size of the next stage (or write constant: before a single one)");
    after_single_ = "'-', '@', 'with', 'for' or the end";
    const std::size_t start = in_.next_place();
    const bool uneven = in_.symbol('@'), by_power = uneven && in_.symbol('^');
    if (by_power) after_single_ = end_of_single;
    const double exponent = by_power ? in_.number("an exponent from 0 to 8", 0, 8) : 0;
    if (!by_power) lengths_into(list, uneven, start);
    if (!single_ends()) in_.expected(after_single_);  // before check_growth(): "6-1,5-12" does not shrink, it is misspelt
    for (std::size_t i = 1; i < sizes.size(); ++i) check_growth(sizes[i - 1], sizes[i]);
    if (by_power) return power_list(std::move(list), exponent, rules_);
    return stage_list(std::move(list), rules_);
  }
  void lengths_into(std::vector<stage_rule>& list, bool uneven, std::size_t start) {
    const std::string each = "a length for each of the " + std::to_string(list.size()) + " stages";
    std::vector<std::int64_t> lengths(list.size(), 1);
    if (uneven) after_single_ = std::string(end_of_single) + ": there is " + each;
    for (std::size_t i = 0; uneven && i < lengths.size(); ++i) {
      if (i > 0 && !in_.symbol(':')) in_.expected("':' and " + each);
      lengths[i] = in_.count(i > 0 ? each : each + ", or ^ and an exponent");
    }
    std::int64_t sum = 0;
    for (const std::int64_t length : lengths)
      if ((sum += length) > fraction::largest_denominator)
        errors::schedule_text_has_bad_number(in_.text(), start + 1, "a sum of lengths above " + std::to_string(fraction::largest_denominator),
                                             "write smaller numbers in the same proportions");
    for (std::size_t i = 0; i < list.size(); ++i) list[i].share = fraction(lengths[i], sum);
  }
  void check_growth(const amount& from, const amount& to) {
    if (from.exceeds(to) && !options_.allow_shrinking) errors::schedule_text_shrinks(in_.text(), from.text(), to.text());
  }
  bool single_ends() { return in_.next_is(')') || in_.word_follows("for") || in_.word_follows("with") || in_.at_end(); }

  /// Rules of the caller come first; one with policies in its name is also found by its word. rules_ holds what a rule borrows.
  drop_rule rule_of_word() {
    rules_ = options_.rules;
    const std::size_t start = in_.next_place();
    std::string_view name = in_.any_word();
    if (name.empty() || name == "full" || name == "constant" || name == "ramp" || name == "profile") in_.go_back(start), name = layers::name;
    const bool has_policies = in_.place() != start && in_.next_is('(');
    const drop_rule* rule = nullptr;
    for (const custom_rule& r : options_.rules) {
      const std::string_view known = r.rule().name;
      if (!rule && (known == name || (!has_policies && known.substr(0, known.find('(')) == name))) rule = &r.rule();
    }
    const bool given = rule != nullptr;
    if (!given) rule = library_rule(name);
    if (!rule) errors::schedule_text_has_unknown_word(in_.text(), start + 1, name, known_words());
    if (!has_policies) return *rule;
    rules_.push_back(with_policies(*rule, given));
    return rules_.back().rule();
  }
  custom_rule with_policies(const drop_rule& base, bool given) {
    rule_names names;
    std::string spelled = std::string(base.name) + "(";
    (void)in_.symbol('(');
    do {
      const std::size_t start = in_.next_place();
      const std::string_view name = in_.any_word();
      const auto once_only = [&](bool first) {
        if (first) return;
        in_.go_back(start);
        in_.expected("a policy of another kind: at most one selector, one profile, one scale");
      };
      if (library_selectors::has(name)) {
        once_only(names.selector.empty()), names.selector = name;
      } else if (library_scales::has(name)) {
        once_only(names.scale.empty()), names.scale = name;
        if (name == completep_scale::name && in_.symbol(':')) names.exponent = in_.number("an exponent from 0 to 8", 0, 8);
      } else if (library_profiles::has(name)) {
        once_only(names.profile.empty()), names.profile = name;
      } else if (name == "fixed") {
        once_only(!names.always), names.always = fixed_units();
      } else if (name == "once") {
        once_only(!names.once), names.once = true;
      } else if (name.empty()) {
        in_.expected("a policy, such as bernoulli or sqrt_gap");
      } else {
        errors::schedule_text_has_unknown_word(
            in_.text(), start + 1, name,
            listed(library_selectors::names) + ", fixed:, " + listed(library_profiles::names) + ", " + listed(library_scales::names) + ", once");
      }
      std::string_view piece = in_.text().substr(start, in_.place() - start);
      for (const char c : piece)
        if (c != ' ' && c != '\t') spelled += c;
      if (in_.next_is(',')) spelled += ", ";
    } while (in_.symbol(','));
    if (!in_.symbol(')')) in_.expected("',' and a policy, or ')'");
    const custom_rule rule = named_rule(base, names);
    return given ? rule.named(spelled + ")") : rule;
  }
  fixed fixed_units() {
    int ends[2] = {};
    for (int& end : ends) {
      if (!in_.symbol(':')) in_.expected("':' and a number of units: fixed:1:1 keeps the first and the last one");
      const std::size_t start = in_.next_place();
      const std::int64_t units = in_.count("a number of units", 0);
      if (units > unit_set::capacity) in_.bad_number(start, "a size is at most " + std::to_string(unit_set::capacity));
      end = static_cast<int>(units);
    }
    return {ends[0], ends[1]};
  }
  std::string known_words() const {
    std::string words = "a size, full, constant:, ramp:, profile:, pld:, decreasing:, est, stack:";
    for (const drop_rule& r : library_rules) words.append(", ").append(r.name);
    for (const custom_rule& r : options_.rules)
      if (const std::string_view name = r.rule().name; !library_rule(name.substr(0, name.find('(')))) words.append(", ").append(name);
    return words;
  }

  text_scanner in_;
  const text_options& options_;
  std::vector<custom_rule> rules_;  // what the last rule borrows from
  std::string after_single_;        // what may follow the last single schedule
};

}  // namespace raptr
