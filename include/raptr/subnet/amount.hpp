// SPDX-License-Identifier: Apache-2.0
// How many units, and for how long. Types in the user's code (keep<6>, keep<1, 2>, share<1, 4>, steps<30'000>), one small
// value each behind them.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include <raptr/base/fraction.hpp>
#include <raptr/subnet/error.hpp>

namespace raptr {

/// A count of units or a fraction of them.
class amount {
 public:
  constexpr amount() = default;  // all
  constexpr amount(int count) : is_count_(true), count_(count) {}
  constexpr amount(fraction part) : part_(part) {}

  constexpr bool all() const { return !is_count_ && part_ == fraction{}; }
  constexpr bool is_count() const { return is_count_; }
  /// Of so many units. A fraction is rounded to the nearest count and keeps at least one unit.
  constexpr bool fits(int total) const { return !is_count_ || (count_ > 0 && count_ <= total); }
  /// Throws input_error if the count is not in 1 .. total.
  constexpr int of(int total, std::string_view axis) const {
    if (!fits(total)) errors::stage_keeps_more_units_than_the_model_has(axis, count_, total);
    if (is_count_) return count_;
    const std::int64_t rounded = (2 * std::int64_t{part_.num()} * total + part_.den()) / (2 * std::int64_t{part_.den()});
    return std::max(1, static_cast<int>(rounded));
  }
  /// Surely more than `other`, whatever the model: counts meet counts, fractions meet fractions.
  constexpr bool exceeds(const amount& other) const {
    if (all()) return !other.all();
    if (is_count_ != other.is_count_) return false;
    return is_count_ ? count_ > other.count_ : part_.value() > other.part_.value();
  }
  std::string text() const { return all() ? "full" : is_count_ ? std::to_string(count_) : part_.text(); }

 private:
  bool is_count_ = false;
  int count_ = 0;
  fraction part_;
};

/// The length of a turn: a share of the run or a number of steps.
class duration {
 public:
  constexpr duration(fraction share) : share_(share) {}
  constexpr explicit duration(std::int64_t steps) : steps_(steps) {}

  constexpr bool in_steps() const { return steps_ > 0; }
  constexpr fraction share() const { return share_; }
  /// Of a run of `total` steps. Throws input_error if nothing is left after it.
  constexpr std::int64_t of(std::int64_t total) const {
    const std::int64_t n = in_steps() ? steps_ : fraction_sum(share_).of(total);
    if (n >= total) errors::turn_does_not_fit_in_the_run(n, total);
    return n;
  }
  std::string text() const { return in_steps() ? std::to_string(steps_) : share_.text(); }

 private:
  fraction share_;
  std::int64_t steps_ = 0;  // 0: the share counts
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
template <int Num, int Den> struct share {
  static_assert(0 < Num && Num <= Den, "raptr: share<Num, Den> is a fraction above 0 and not above 1, such as share<1, 4>");
  static constexpr fraction value() { return {Num, Den}; }
  constexpr operator duration() const { return value(); }
};
template <std::int64_t Steps> struct steps {
  static_assert(Steps > 0, "raptr: steps<N> lasts at least one step");
  constexpr operator duration() const { return duration(Steps); }
};

template <class K>
concept kept_amount = requires {
  { K::value() } -> std::same_as<amount>;
};
template <class S>
concept share_of_steps = requires {
  { S::value() } -> std::same_as<fraction>;
};

}  // namespace raptr
