// SPDX-License-Identifier: Apache-2.0
// Stage lengths by a power: stage i of n has a length proportional to i^a, as in the growth schedules of [midas]. 0 gives equal
// stages, 1 proportional ones; numbers in between give costs in between, so that a run of a given cost can be found.
#pragma once

#include <cmath>

#include <raptr/schedule/error.hpp>
#include <raptr/schedule/schedule.hpp>

namespace raptr {

template <template <class, class...> class Drop, int Exponent, class Index, int... Counts> struct by_power;
template <template <class, class...> class Drop, int Exponent, std::size_t... Index, int... Counts>
struct by_power<Drop, Exponent, std::index_sequence<Index...>, Counts...> {
  static_assert(Exponent >= 0 && Exponent <= 8, "raptr: power_stages has an exponent from 0 (equal stages) to 8");
  static constexpr std::int64_t power(std::int64_t base) {
    std::int64_t product = 1;
    for (int i = 0; i < Exponent; ++i) product *= base;
    return product;
  }
  static constexpr std::int64_t sum = (std::int64_t{0} + ... + power(Index + 1));
  static_assert(sum <= fraction::largest_denominator,
                "raptr: the lengths of power_stages have a sum above 9999: use fewer stages or a smaller exponent");
  using type = schedule<stage<share<static_cast<int>(power(Index + 1)), static_cast<int>(sum)>, Drop<keep<Counts>>>...>;
};
/// Stage i lasts i^Exponent times as long as the first one: power_stages<layer_drop, 2, 6, 8, 10, 12>.
template <template <class, class...> class Drop, int Exponent, int... Counts>
using power_stages = typename by_power<Drop, Exponent, std::make_index_sequence<sizeof...(Counts)>, Counts...>::type;
/// Stage i lasts i times as long as the first one.
template <template <class, class...> class Drop, int... Counts> using proportional_stages = power_stages<Drop, 1, Counts...>;

/// Stages made at run time, with any exponent; the shares in the list are ignored. Keeps alive the rules that it borrows
/// from.
class power_list {
 public:
  /// Stage boundaries are rounded to 1/resolution of a run where the lengths are not integers with a small sum.
  static constexpr std::int64_t resolution = 1 << 20;

  /// Throws input_error if there is no stage or the exponent is not in 0 to 8.
  power_list(std::vector<stage_rule> list, double exponent, std::vector<custom_rule> keeps_alive = {})
      : list_(std::move(list)), keeps_alive_(std::move(keeps_alive)), exponent_(exponent) {
    if (!(exponent >= 0 && exponent <= 8)) errors::number_is_out_of_range("the exponent of the stage lengths", exponent, "a number from 0 to 8");
    if (list_.empty()) errors::shares_do_not_add_up("0");
    double sum = 0;
    for (std::size_t i = 1; i <= list_.size(); ++i) ends_.push_back(static_cast<std::int64_t>(std::llround(sum += length(i))));
    whole_ = ends_.back();
    if (exponent == std::floor(exponent) && sum <= fraction::largest_denominator) return;
    whole_ = resolution;
    double before = 0;
    for (std::size_t i = 1; i <= list_.size(); ++i) ends_[i - 1] = std::llround((before += length(i)) / sum * static_cast<double>(resolution));
  }
  const stage_rule& at(const run_position& now) const { return list_[index(now.step, now.total)]; }
  std::int64_t stage_end(std::int64_t step, std::int64_t total) const { return end(index(step, total), total); }
  std::string text() const { return stages::text(list_, "@^" + decimal_text(exponent_)); }

 private:
  double length(std::size_t i) const { return std::pow(static_cast<double>(i), exponent_); }
  std::int64_t end(std::size_t i, std::int64_t total) const { return (ends_[i] * total + whole_ - 1) / whole_; }
  std::size_t index(std::int64_t step, std::int64_t total) const {
    std::size_t i = 0;
    while (i + 1 < list_.size() && step >= end(i, total)) ++i;
    return i;
  }
  std::vector<stage_rule> list_;
  std::vector<custom_rule> keeps_alive_;
  double exponent_;
  std::int64_t whole_ = 1;          // in parts of the run
  std::vector<std::int64_t> ends_;  // of the stages, in the same parts
};

}  // namespace raptr
