// SPDX-License-Identifier: Apache-2.0
// The text of a schedule, as a command line has it. It says how many and when; the rule of a word says how, and the
// caller may bring rules of his own. A text may end below the full network: such runs are controls.
//
//   schedule = turn [ "for" length "then" turn ] ;
//   turn     = "full" | [ word ] sizes | "(" schedule ")" ;
//   sizes    = amount "-" amount { "-" amount } [ "@" count { ":" count } ] | "constant:" amount ;
//   amount   = count | count "/" count | "full" ;
//   length   = count | count "/" count ;                steps, or a share of the run
//   word     = "layers" | the name of a given rule ;    no word means layers
//
// Spaces are free between the parts. After "@": how long the stages last, relative to each other; equal without it.
#pragma once

#include <charconv>

#include <raptr/subnet/schedule/in_turn.hpp>

namespace raptr {

struct text_options {
  std::vector<custom_rule> rules{};  // what a word means: your selector, your scale
  bool allow_shrinking = false;
};

/// Reads one text and makes a Schedule of it, a type that can be made from every schedule.
template <class Schedule> class schedule_reader {
 public:
  schedule_reader(std::string_view text, const text_options& options) : text_(text), options_(options) {}

  Schedule read() {
    Schedule whole = schedule(0);
    if (skip_spaces(); at_ != text_.size()) expected(after_turn_);
    return whole;
  }

 private:
  static constexpr int deepest = 16;
  static constexpr std::string_view an_amount = "a number of units, a fraction such as 1/2, or full";

  Schedule schedule(int depth) {
    Schedule first = turn(depth);
    if (!word("for")) return first;
    const duration length = length_of_turn();
    if (!word("then")) expected("'then' and what follows");
    in_turn<during<duration, Schedule>, Schedule> both{{length, std::move(first)}, turn(depth)};
    after_turn_ = "the end (put a turn that has turns in parentheses)";
    return both;
  }
  Schedule turn(int depth) {
    after_turn_ = "'for' or the end";
    if (const std::size_t start = at_; symbol('(')) {
      if (depth == deepest) errors::schedule_text_is_nested_too_deeply(text_, start + 1, deepest);
      Schedule inner = schedule(depth + 1);
      if (!symbol(')')) expected("')'");
      after_turn_ = "'for' or the end";
      return inner;
    }
    if (const std::size_t start = at_; word("full")) {
      if (!next_is('-')) return full_network{};
      at_ = start;  // a size: full-6
    }
    const drop_rule& rule = rule_of_word();
    return word("constant") ? constant_size(rule) : growing_sizes(rule);
  }
  Schedule constant_size(const drop_rule& rule) {
    if (!symbol(':')) expected("':' and a size");
    stage_rule whole;
    if (const amount kept = size(); !kept.all()) whole.add(rule.keeping(kept));
    return stage_list({whole}, options_.rules);
  }
  Schedule growing_sizes(const drop_rule& rule) {
    std::vector<amount> sizes;
    do sizes.push_back(size());
    while (symbol('-'));
    if (sizes.size() == 1) expected("'-' and the size of the next stage (or write constant: before a single one)");
    const std::vector<std::int64_t> lengths = stage_lengths(sizes.size());
    if (!ends_here()) expected(after_turn_);  // before the sizes are judged: "6-1.5-12" does not shrink, it is misspelt
    for (std::size_t i = 1; i < sizes.size(); ++i)
      if (sizes[i - 1].exceeds(sizes[i]) && !options_.allow_shrinking) errors::schedule_text_shrinks(text_, sizes[i - 1].text(), sizes[i].text());
    const std::int64_t sum = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
    std::vector<stage_rule> list(sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      list[i].share = fraction(lengths[i], sum);
      if (!sizes[i].all()) list[i].add(rule.keeping(sizes[i]));
    }
    return stage_list(std::move(list), options_.rules);
  }
  std::vector<std::int64_t> stage_lengths(std::size_t stages) {
    const std::string each = "a length for each of the " + std::to_string(stages) + " stages";
    std::vector<std::int64_t> lengths(stages, 1);
    skip_spaces();
    const std::size_t start = at_;
    if (symbol('@')) {
      after_turn_ = "'for' or the end: there is " + each;
      for (std::size_t i = 0; i < stages; ++i) {
        if (i > 0 && !symbol(':')) expected("':' and " + each);
        lengths[i] = count(each);
      }
    } else
      after_turn_ = "'-', '@', 'for' or the end";
    std::int64_t sum = 0;
    for (const std::int64_t length : lengths)
      if ((sum += length) > fraction::largest_denominator)
        errors::schedule_text_has_bad_number(text_, start + 1, "a sum of lengths above " + std::to_string(fraction::largest_denominator),
                                             "write smaller numbers in the same proportions");
    return lengths;
  }

  /// Given rules come first. Borrowed from the options, which stage_list keeps alive, or from the library.
  const drop_rule& rule_of_word() {
    static constexpr drop_rule of_layers = raptr::rule_of<layer_drop>();
    skip_spaces();
    std::size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    std::string_view name = text_.substr(at_, end - at_);
    const std::size_t start = std::exchange(at_, end);
    if (name == "full" || name == "constant") at_ = start;
    if (name.empty() || at_ == start) name = layers::name;
    for (const custom_rule& r : options_.rules)
      if (r.rule().name == name) return r.rule();
    if (name == layers::name) return of_layers;
    std::string allowed = "a size, layers, full, constant:";
    for (const custom_rule& r : options_.rules)
      if (r.rule().name != layers::name) allowed.append(", ").append(r.rule().name);
    errors::schedule_text_has_unknown_word(text_, start + 1, name, allowed);
  }

  amount size() {
    if (word("full")) return {};
    skip_spaces();
    const std::size_t start = at_;
    const std::int64_t num = count(an_amount);
    if (symbol('/')) return share_from(start, num);
    if (num > unit_set::capacity) bad_number(start, "a size is at most " + std::to_string(unit_set::capacity));
    return static_cast<int>(num);
  }
  duration length_of_turn() {
    skip_spaces();
    const std::size_t start = at_;
    const std::int64_t num = count("a length: a number of steps, or a share such as 1/10");
    return symbol('/') ? duration(share_from(start, num)) : duration(num);
  }
  fraction share_from(std::size_t start, std::int64_t num) {
    const std::int64_t den = count("a denominator");
    if (num > den || den > fraction::largest_denominator)
      bad_number(start, "a fraction is at most 1, its denominator at most " + std::to_string(fraction::largest_denominator));
    return {num, den};
  }
  std::int64_t count(std::string_view what) {
    skip_spaces();
    const std::size_t start = at_;
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (problem == std::errc::invalid_argument || text_[at_] == '-') expected(what);
    at_ = static_cast<std::size_t>(end - text_.data());
    if (problem != std::errc{} || value < 1 || value > largest_count) bad_number(start, "give a number from 1 to " + std::to_string(largest_count));
    return value;
  }

  static constexpr std::int64_t largest_count = std::int64_t{1} << 40;
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool next_is(char c) {
    skip_spaces();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool ends_here() {
    const std::size_t start = at_;
    const bool ends = next_is(')') || word("for") || at_ == text_.size();
    at_ = start;
    return ends;
  }
  bool symbol(char c) {
    const bool found = next_is(c);
    at_ += found;
    return found;
  }
  bool word(std::string_view w) {  // no letter may follow
    skip_spaces();
    const std::size_t end = at_ + w.size();
    if (text_.substr(at_, w.size()) != w || (end < text_.size() && is_letter(text_[end]))) return false;
    at_ = end;
    return true;
  }
  [[noreturn]] void bad_number(std::size_t start, const std::string& allowed) {
    errors::schedule_text_has_bad_number(text_, start + 1, text_.substr(start, at_ - start), allowed);
  }
  [[noreturn]] void expected(std::string_view what) {
    skip_spaces();
    std::size_t end = at_;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    if (end == at_ && end < text_.size()) ++end;
    errors::bad_schedule_text(text_, at_ + 1, std::string(what), at_ == end ? "the end" : errors::quoted(text_.substr(at_, end - at_)));
  }

  std::string_view text_;
  const text_options& options_;
  std::size_t at_ = 0;
  std::string after_turn_;  // what may follow the turn that was read last
};

}  // namespace raptr
