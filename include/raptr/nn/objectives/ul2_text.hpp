// SPDX-License-Identifier: Apache-2.0
// Mixtures of denoisers as text. Items with commas between them:
//
//   decoder, original, ul2r      a mixture by name; an empty text is that of a decoder
//   0.6/0.2/0.2                  rates of causal modelling, prefix and spans; half of the last for each of its two kinds of spans
//   spans(3, 0.15) 0.1           a denoiser and its rate, 1 if left out: causal, prefix, prefix(last_quarter), spans(mean span, density);
//                                in its brackets also mode (a mode token before the inputs) and begin N (the id N before everything)
//   modes, last_quarter          the same of every denoiser that has it
//   per_example                  windows weigh the same, not targets
#pragma once

#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

#include <raptr/nn/objectives/ul2.hpp>

namespace raptr {

namespace detail {

class mixture_reader {
 public:
  explicit mixture_reader(std::string_view text) : text_(text) {}

  ul2 read() {
    skip_spaces();
    if (at_ == text_.size()) return {};
    result_.denoisers.clear();
    do item();
    while (symbol(','));
    if (at_ < text_.size()) expected("a comma or the end");
    if (result_.denoisers.empty()) expected("a mixture, a denoiser, or three rates");
    for (denoiser& d : result_.denoisers) std::visit([&](auto& objective) { set_options(objective); }, d.objective);
    return std::move(result_);
  }

 private:
  void item() {
    const std::size_t start = at_;
    if (is_digit()) return rates(start);
    const std::string_view name = word();
    if (name == "modes")
      modes_ = true;
    else if (name == "last_quarter")
      last_quarter_ = true;
    else if (name == "per_example")
      result_.weights = target_weights::per_example;
    else if (name == "decoder")
      take(start, ul2::decoder_mixture());
    else if (name == "original")
      take(start, ul2::original_mixture());
    else if (name == "ul2r")
      take(start, ul2::ul2r_mixture());
    else if (name == "causal")
      part(start, causal_lm{});
    else if (name == "prefix")
      part(start, prefix_lm{});
    else if (name == "spans")
      part(start, span_corruption{});
    else
      at_ = start, expected("decoder, original, ul2r, causal, prefix, spans, modes, last_quarter, per_example or three rates");
  }
  void rates(std::size_t start) {
    double rate[3];
    for (int k = 0; k < 3; ++k) {
      if (k > 0 && !symbol('/')) expected("a / between three rates");
      rate[k] = number("a rate");
    }
    take(start, ul2::decoder_mixture(rate[0], rate[1], rate[2]));
  }
  void take(std::size_t start, std::vector<denoiser> mixture) {
    if (!result_.denoisers.empty()) at_ = start, expected("a denoiser or an option, as the mixture has begun");
    result_.denoisers = std::move(mixture), whole_ = true;
  }
  template <class Objective> void part(std::size_t start, Objective objective) {
    if (whole_) at_ = start, expected("an option, as the mixture is complete");
    if constexpr (std::same_as<Objective, span_corruption>) {
      if (!symbol('(')) expected("( and the mean span");
      objective.mean_span = number("the mean span");
      if (!symbol(',')) expected("a comma and the density");
      objective.density = number("the density");
      while (symbol(',')) option(objective);
      if (!symbol(')')) expected(")");
    } else if constexpr (std::same_as<Objective, prefix_lm>) {
      if (symbol('(')) {
        do option(objective);
        while (symbol(','));
        if (!symbol(')')) expected(")");
      }
    }
    result_.denoisers.push_back({objective, is_digit() ? number("a rate") : 1});
  }
  template <class Objective> void option(Objective& objective) {
    const std::size_t start = at_;
    const std::string_view name = word();
    if constexpr (std::same_as<Objective, prefix_lm>)
      if (name == "last_quarter") return void(objective.split = prefix_split::last_quarter);
    if (name == "mode")
      objective.mode_token = true;
    else if (name == "begin")
      objective.begin_id = id();
    else
      at_ = start, expected(std::same_as<Objective, prefix_lm> ? "last_quarter, mode or begin" : "mode or begin");
  }
  void set_options(causal_lm&) const {}
  void set_options(span_corruption& objective) const { objective.mode_token |= modes_; }
  void set_options(prefix_lm& objective) const {
    objective.mode_token |= modes_;
    if (last_quarter_) objective.split = prefix_split::last_quarter;
  }

  template <class Number> Number value(const char* what) {
    Number n{};
    if (!is_digit()) expected(what);
    const auto [end, problem] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), n);
    if (problem != std::errc{}) expected(what);
    at_ = static_cast<std::size_t>(end - text_.data());
    skip_spaces();
    return n;
  }
  double number(const char* what) { return value<double>(what); }
  int id() { return value<int>("an id"); }
  std::string_view word() {
    const std::size_t start = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || (at_ > start && is_digit()))) ++at_;
    const std::string_view found = text_.substr(start, at_ - start);
    skip_spaces();
    return found;
  }
  bool symbol(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    skip_spaces();
    return true;
  }
  bool is_digit() const { return at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; }
  static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  [[noreturn]] void expected(const std::string& what) const {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != ',' && text_[end] != ' ') ++end;
    if (end == at_ && end < text_.size()) ++end;
    errors::bad_mixture_text(text_, at_ + 1, what, at_ == end ? "the end" : "\"" + shown(text_.substr(at_, end - at_)) + "\"");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  ul2 result_;
  bool whole_ = false, modes_ = false, last_quarter_ = false;  // whole_: a mixture was given by name or rates
};

}  // namespace detail

/// Throws input_error with the position of what cannot be read. Numbers out of range are left to ul2::check().
inline ul2 read_ul2(std::string_view text) { return detail::mixture_reader(text).read(); }

}  // namespace raptr
