// SPDX-License-Identifier: Apache-2.0
// How long a stage or a schedule lasts: a share of the run, or a number of steps.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include <raptr/base/fraction.hpp>
#include <raptr/schedule/error.hpp>

namespace raptr {

/// The length of a schedule: a share of the run or a number of steps.
class duration {
 public:
  constexpr duration(fraction share) : share_(share) {}
  constexpr explicit duration(std::int64_t steps) : steps_(steps) {}

  constexpr bool in_steps() const { return steps_ > 0; }
  constexpr fraction share() const { return share_; }
  /// In steps, of a run of `total`. Throws input_error if no step is left after it.
  constexpr std::int64_t of(std::int64_t total) const {
    const std::int64_t n = in_steps() ? steps_ : fraction_sum(share_).of(total);
    if (n >= total) errors::length_does_not_fit_in_the_run(n, total);
    return n;
  }
  std::string text() const { return in_steps() ? std::to_string(steps_) : share_.text(); }

 private:
  fraction share_;
  std::int64_t steps_ = 0;  // 0: the share applies
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

template <class S>
concept share_of_steps = requires {
  { S::value() } -> std::same_as<fraction>;
};

}  // namespace raptr
