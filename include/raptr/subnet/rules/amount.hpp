// SPDX-License-Identifier: Apache-2.0
// Numbers of units and lengths of time: types in the user's code (keep<6>, keep<1, 2>, share<1, 4>, steps<30'000>), each
// backed by a small value.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include <raptr/base/fraction.hpp>
#include <raptr/subnet/error.hpp>

namespace raptr {

/// The number of units that a selector keeps; converts to int. In a schedule that changes continuously, `mean` lies between two
/// whole numbers and `count` is one of them, drawn so that the counts have this mean. per_block: sub-layers of a block; 1 for other units.
struct kept_count {
  int count;
  double mean;
  int per_block = 1;

  constexpr kept_count(int n) : count(n), mean(n) {}
  constexpr kept_count(int n, double mean_of_counts, int units_of_a_block = 1) : count(n), mean(mean_of_counts), per_block(units_of_a_block) {}
  constexpr operator int() const { return count; }
};

/// A count of units, a fraction of them that gives a whole number, or a share that is kept on average.
class amount {
 public:
  constexpr amount() = default;  // all
  constexpr amount(int count) : kind_(count_of_units), count_(count) {}
  constexpr amount(fraction part) : part_(part) {}
  /// Throws input_error unless the share is above 0 and at most 1.
  static constexpr amount mean_share(double share) {
    if (!(share > 0 && share <= 1)) errors::share_is_not_in_0_to_1(share);
    amount some;
    if (share < 1) some.kind_ = share_on_average, some.share_ = share;
    return some;
  }
  /// Interpolates linearly: `from` at way 0, `to` at way 1. One may be a count and the other a part.
  static constexpr amount between(const amount& from, const amount& to, double way) {
    if (way <= 0 || way >= 1) return way <= 0 ? from : to;
    amount some;
    some.kind_ = share_on_average;
    some.share_ = (1 - way) * from.part() + way * to.part(), some.units_ = (1 - way) * from.units() + way * to.units();
    return some;
  }

  /// The same for a selector that keeps this amount only on average: a fraction need not give a whole number.
  constexpr amount on_average() const { return kind_ == part_of_all ? mean_share(part_.value()) : *this; }

  constexpr bool all() const { return kind_ == part_of_all && part_ == fraction{}; }
  constexpr bool is_count() const { return kind_ == count_of_units; }
  constexpr bool fits(int total) const {
    if (kind_ == part_of_all) return std::int64_t{part_.num()} * total % part_.den() == 0;
    return kind_ == share_on_average ? share_ * total + units_ <= total * (1 + 1e-12) : count_ > 0 && count_ <= total;
  }
  /// The number kept of `total` units, on average. Throws input_error if a count is not in 1 .. total or a fraction gives no
  /// whole number.
  constexpr double of(int total, std::string_view axis) const {
    if (kind_ == share_on_average && fits(total)) return whole_if_close(share_ * total + units_);
    if (kind_ == part_of_all && !fits(total)) errors::fraction_gives_no_whole_unit(axis, part_.num(), part_.den(), total);
    if (!fits(total)) errors::stage_keeps_more_units_than_the_model_has(axis, is_count() ? count_ : rounded_up(share_ * total + units_), total);
    return is_count() ? count_ : static_cast<double>(std::int64_t{part_.num()} * total / part_.den());
  }
  /// A total that the amount fits, for units whose number is unknown. Throws input_error for a count.
  constexpr int some_total(std::string_view axis) const {
    if (units() > 0) errors::count_of_an_unknown_total(axis, static_cast<int>(units()));
    return part_.den();
  }
  /// Whether this is more than `other` for every model: compares counts with counts and parts with parts.
  constexpr bool exceeds(const amount& other) const {
    if (all()) return !other.all();
    if (is_count() != other.is_count()) return false;
    return is_count() ? count_ > other.count_ : value() > other.value();
  }
  std::string text() const {
    if (all()) return "full";
    if (units_ > 0) errors::schedule_has_no_text();  // interpolated from a count
    return kind_ == count_of_units ? std::to_string(count_) : kind_ == part_of_all ? part_.text() : decimal_text(share_);
  }

 private:
  enum kind { part_of_all, count_of_units, share_on_average };
  constexpr double value() const { return kind_ == part_of_all ? part_.value() : share_; }
  /// Of a total n, part() * n + units() are kept.
  constexpr double part() const { return is_count() ? 0 : value(); }
  constexpr double units() const { return is_count() ? count_ : units_; }
  static constexpr int rounded_up(double x) { return static_cast<int>(x) + (static_cast<int>(x) < x); }
  /// Removes the rounding error of a computed share that stands for a whole number of units.
  static constexpr double whole_if_close(double x) {
    const double nearest = static_cast<double>(static_cast<std::int64_t>(x + 0.5));
    return x - nearest < 1e-9 && nearest - x < 1e-9 ? nearest : x;
  }
  kind kind_ = part_of_all;
  int count_ = 0;
  double share_ = 0, units_ = 0;  // on average share_ * total + units_
  fraction part_;
};

// ---- the types

template <int... N> struct keep {
  static_assert(sizeof...(N) == 1 || sizeof...(N) == 2, "raptr: keep<6> keeps 6 units, keep<1, 2> keeps half of them");
};
template <int Count> struct keep<Count> {
  static_assert(Count > 0, "raptr: a drop keeps at least one unit: keep<1> or more");
  static constexpr amount value() { return Count; }
};
template <int Num, int Den> struct keep<Num, Den> {
  static_assert(0 < Num && Num <= Den, "raptr: keep<Num, Den> is a fraction above 0 and not above 1, such as keep<1, 2>");
  static constexpr amount value() { return fraction(Num, Den); }
};
template <class K>
concept kept_amount = requires {
  { K::value() } -> std::same_as<amount>;
};

}  // namespace raptr
