// SPDX-License-Identifier: Apache-2.0
// Scans the text of a schedule: symbols, words, numbers. Spaces between tokens are ignored. Errors state the position,
// counted from 1, what was expected and what was found.
#pragma once

#include <charconv>

#include <raptr/schedule/duration.hpp>
#include <raptr/schedule/error.hpp>
#include <raptr/subnet/rules/amount.hpp>
#include <raptr/subnet/unit_set.hpp>

namespace raptr {

class text_scanner {
 public:
  explicit text_scanner(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }
  std::size_t place() const { return at_; }
  void go_back(std::size_t place) { at_ = place; }
  bool at_end() {
    skip_spaces();
    return at_ == text_.size();
  }
  bool next_is(char c) {
    skip_spaces();
    return at_ < text_.size() && text_[at_] == c;
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
  /// Whether the word comes next; does not consume it.
  bool word_follows(std::string_view w) {
    const std::size_t start = at_;
    const bool found = word(w);
    at_ = start;
    return found;
  }
  /// The letters that follow; may be empty.
  std::string_view any_word() {
    skip_spaces();
    const std::size_t start = at_;
    while (at_ < text_.size() && is_letter(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  /// Position of the next token.
  std::size_t next_place() {
    skip_spaces();
    return at_;
  }

  std::int64_t count(std::string_view what, std::int64_t least = 1) {
    const std::size_t start = next_place();
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (problem == std::errc::invalid_argument || text_[at_] == '-') expected(what);
    at_ = static_cast<std::size_t>(end - text_.data());
    if (problem != std::errc{} || value < least || value > largest_count)
      bad_number(start, "give a number from " + std::to_string(least) + " to " + std::to_string(largest_count));
    return value;
  }
  /// With or without decimals, low to high.
  double number(std::string_view what, double low, double high) {
    const std::size_t start = next_place();
    double value = 0;
    if (at_ == text_.size() || text_[at_] < '0' || text_[at_] > '9') expected(what);
    const auto [end, problem] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value, std::chars_format::fixed);
    at_ = static_cast<std::size_t>(end - text_.data());
    if (problem != std::errc{} || value < low || value > high)
      bad_number(start, "give a number from " + decimal_text(low) + " to " + decimal_text(high));
    if (value > 0 && value < 1e-9) bad_number(start, "a number above 0 is at least 0.000000001");  // decimal_text() of less has an exponent
    return value;
  }
  /// A count, a fraction, a decimal or "full".
  amount size() {
    if (word("full")) return {};
    const std::size_t start = next_place();
    if (decimal_follows()) {
      const double share = number(an_amount, 0, 1);
      if (share == 0) bad_number(start, "a share is above 0 and at most 1");
      return amount::mean_share(share);
    }
    const std::int64_t num = count(an_amount);
    if (symbol('/')) return fraction_from(start, num);
    if (num > unit_set::capacity) bad_number(start, "a size is at most " + std::to_string(unit_set::capacity));
    return static_cast<int>(num);
  }
  duration length() {
    const std::size_t start = next_place();
    const std::int64_t num = count("a length: a number of steps, or a share such as 1/10");
    return symbol('/') ? duration(fraction_from(start, num)) : duration(num);
  }

  [[noreturn]] void bad_number(std::size_t start, const std::string& allowed) const {
    errors::schedule_text_has_bad_number(text_, start + 1, text_.substr(start, at_ - start), allowed);
  }
  [[noreturn]] void expected(std::string_view what) {
    std::size_t end = next_place();
    while (end < text_.size() && is_letter(text_[end])) ++end;
    if (end == at_ && end < text_.size()) ++end;
    errors::bad_schedule_text(text_, at_ + 1, std::string(what), at_ == end ? "the end" : errors::quoted(text_.substr(at_, end - at_)));
  }

 private:
  static constexpr std::string_view an_amount = "a number of units, a fraction such as 1/2, a decimal such as 0.5, or full";
  static constexpr std::int64_t largest_count = std::int64_t{1} << 40;
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool decimal_follows() const {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    return end > at_ && end < text_.size() && text_[end] == '.';
  }
  fraction fraction_from(std::size_t start, std::int64_t num) {
    const std::int64_t den = count("a denominator");
    if (num > den || den > fraction::largest_denominator)
      bad_number(start, "a fraction is at most 1, its denominator at most " + std::to_string(fraction::largest_denominator));
    return {num, den};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace raptr
