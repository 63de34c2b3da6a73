// SPDX-License-Identifier: Apache-2.0
// Exact fractions: the shares of a schedule add up to 1 without rounding, and a stage boundary falls on the same step on
// every machine. Denominators are bounded, so that no sum can overflow.
#pragma once

#include <cstdint>
#include <numeric>

#include <raptr/base/error.hpp>

namespace raptr {

namespace errors {

[[noreturn]] inline void fraction_is_not_in_0_to_1(std::int64_t num, std::int64_t den, int largest) {
  fail(std::to_string(num) + "/" + std::to_string(den) + " is not a fraction in (0, 1] with a denominator of at most " + std::to_string(largest));
}
[[noreturn]] inline void fractions_have_no_common_denominator(std::int64_t den, std::int64_t largest) {
  fail("these fractions have the common denominator " + std::to_string(den) + ", more than " + std::to_string(largest) +
       ": choose shares with one small denominator, such as 1/10, 2/10, 7/10");
}

}  // namespace errors

/// A reduced fraction in (0, 1]. Throws input_error for anything else.
class fraction {
 public:
  static constexpr int largest_denominator = 9'999;

  constexpr fraction() = default;
  constexpr fraction(std::int64_t num, std::int64_t den) {
    if (num <= 0 || den < num || den > largest_denominator) errors::fraction_is_not_in_0_to_1(num, den, largest_denominator);
    num_ = static_cast<int>(num / std::gcd(num, den)), den_ = static_cast<int>(den / std::gcd(num, den));
  }
  constexpr int num() const { return num_; }
  constexpr int den() const { return den_; }
  constexpr double value() const { return static_cast<double>(num_) / den_; }
  std::string text() const { return std::to_string(num_) + "/" + std::to_string(den_); }
  bool operator==(const fraction&) const = default;

 private:
  int num_ = 1, den_ = 1;
};

/// A sum of fractions, exact.
class fraction_sum {
 public:
  static constexpr std::int64_t largest_denominator = 1 << 20;

  constexpr fraction_sum() = default;
  constexpr explicit fraction_sum(fraction f) : num_(f.num()), den_(f.den()) {}
  constexpr void add(fraction f) {
    const std::int64_t den = std::lcm(den_, std::int64_t{f.den()});
    if (den > largest_denominator) errors::fractions_have_no_common_denominator(den, largest_denominator);
    num_ = num_ * (den / den_) + f.num() * (den / f.den()), den_ = den;
  }
  constexpr bool is_one() const { return num_ == den_; }
  std::string text() const { return std::to_string(num_) + "/" + std::to_string(den_); }
  /// The first step at or after this share of `total` steps; total < 2^42.
  constexpr std::int64_t of(std::int64_t total) const { return (num_ * total + den_ - 1) / den_; }

 private:
  std::int64_t num_ = 0, den_ = 1;
};

}  // namespace raptr
