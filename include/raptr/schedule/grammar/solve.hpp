// SPDX-License-Identifier: Apache-2.0
// Schedules of a given cost: solves for one number of a schedule so that the run has the cost of another one, for comparisons
// at equal FLOPs or at equal time. If no number reaches the cost, the error states the range of costs.
#pragma once

#include <algorithm>
#include <cmath>

#include <raptr/schedule/any_schedule.hpp>
#include <raptr/schedule/error.hpp>

namespace raptr {

/// The number between low and high whose cost is the target, by bisection. `cost` must be monotonic.
/// Throws input_error with the range of costs if the target is outside.
double solve(double target, double low, double high, auto cost) {
  double at_low = cost(low), at_high = cost(high);
  const double tolerance = 1e-12 * std::abs(target);
  const auto [least, greatest] = std::minmax(at_low, at_high);
  if (!(target >= least - tolerance && target <= greatest + tolerance)) errors::target_is_out_of_reach(target, low, high, at_low, at_high);
  for (int i = 0; i < 60 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    if ((cost(middle) < target) == (at_low < at_high))
      low = middle;
    else
      high = middle;
  }
  return low + (high - low) / 2;
}

/// The time of a full step in seconds and the part of it that does not shrink with the blocks, such as the head.
struct step_time {
  double full, fixed;

  /// The time of a step with this share of the blocks' work, relative to a full step. Throws input_error unless
  /// 0 <= fixed <= full and full > 0.
  double ratio(double block_share) const {
    if (!(full > 0)) errors::number_is_out_of_range("step_time::full", full, "a number above 0");
    if (!(fixed >= 0 && fixed <= full)) errors::number_is_out_of_range("step_time::fixed", fixed, "a number from 0 to " + decimal_text(full));
    return (fixed + (full - fixed) * block_share) / full;
  }
};

namespace solving {

/// Fixed notation with this number of significant digits, always with a point: a decimal, not a count.
inline std::string digits(double x, int significant) {
  char text[64];
  const int before = x > 0 ? static_cast<int>(std::floor(std::log10(x))) + 1 : 1;  // digits before the point
  std::string all(text, std::to_chars(text, text + sizeof text, x, std::chars_format::fixed, std::max(1, significant - before)).ptr);
  while (all.back() == '0' && all[all.size() - 2] != '.') all.pop_back();
  return all;
}

}  // namespace solving

/// The text with a number in the place of its one "?", so that cost(any_schedule) is the target: solve_text("pld:?", 0.75, cost).
/// The number is an exponent from 0 to 8 after "@^", and a share up to 1 elsewhere; it has six significant digits. Numbers
/// for which the schedule does not fit are excluded; over the others the cost must be monotonic.
/// Throws input_error if no number reaches the target.
std::string solve_text(std::string_view text, double target, auto cost, const text_options& options = {}) {
  if (const auto unknown = std::count(text.begin(), text.end(), '?'); unknown != 1) errors::schedule_text_needs_one_unknown(text, unknown);
  const std::size_t place = text.find('?');
  const auto with = [&](double x, int significant) {
    return std::string(text.substr(0, place)) + solving::digits(x, significant) + std::string(text.substr(place + 1));
  };
  const auto cost_of = [&](double x) { return static_cast<double>(cost(any_schedule(with(x, 15), options))); };
  const auto fits = [&](double x) {
    try {
      (void)cost_of(x);
      return true;
    } catch (const input_error&) {
      return false;
    }
  };
  const std::size_t before = text.substr(0, place).find_last_not_of(' ');
  const bool exponent = before != text.npos && text[before] == '^';
  const double low = exponent ? 0 : 1e-4, high = exponent ? 8 : 1;

  constexpr int parts = 32;
  const auto grid = [&](int i) { return low + (high - low) * i / parts; };
  int first = 0, last = parts;
  while (last >= 0 && !fits(grid(last))) --last;
  if (last < 0) (void)cost_of(high);  // throws the error
  while (!fits(grid(first))) ++first;
  /// The limit of the numbers that fit, between one that fits and one that does not.
  const auto end_of_fit = [&](double inside, double outside) {
    for (int i = 0; i < 40; ++i) {
      const double middle = inside + (outside - inside) / 2;
      (fits(middle) ? inside : outside) = middle;
    }
    return inside;
  };
  const double from = first == 0 ? low : end_of_fit(grid(first), grid(first - 1));
  const double to = last == parts ? high : end_of_fit(grid(last), grid(last + 1));
  return with(solve(target, from, to, cost_of), 6);
}

}  // namespace raptr
