// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <raptr/base/math.hpp>

namespace {
namespace math = raptr::math;

constexpr float infinity = std::numeric_limits<float>::infinity(), quiet_nan = std::numeric_limits<float>::quiet_NaN();

float from(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }

/// The largest error in units in the last place of the exact result, over all floats but every `stride`th.
template <class F, class G> double worst(F f, G exact, std::uint32_t stride = 1021) {
  double most = 0;
  for (std::uint64_t i = 0; i <= 0xffffffffu; i += stride) {
    const float x = from(std::uint32_t(i));
    const double want = exact(double(x));
    const float got = f(x);
    if (std::isnan(want)) {
      if (!std::isnan(got)) return HUGE_VAL;
      continue;
    }
    const float rounded = float(want);
    if (std::isinf(rounded) || std::isinf(got)) {
      // One may have rounded to the largest float.
      if (got != rounded && std::abs(double(got) - want) > 4e31) most = HUGE_VAL;
      continue;
    }
    const double unit = std::ldexp(1.0, std::max(std::ilogb(rounded == 0 ? 1e-45f : rounded), -126) - 23);
    most = std::max(most, std::abs(double(got) - want) / unit);
  }
  return most;
}

TEST_CASE("exp, tanh, erf and sqrt in float stay within their stated errors over the whole range") {
  CHECK(worst([](float x) { return math::exp(x); }, [](double x) { return std::exp(x); }) < 1.0);
  CHECK(worst([](float x) { return math::tanh(x); }, [](double x) { return std::tanh(x); }) < 2.0);
  CHECK(worst([](float x) { return math::erf(x); }, [](double x) { return std::erf(x); }) < 2.0);
  CHECK(worst([](float x) { return math::sqrt(x); }, [](double x) { return std::sqrt(x); }) < 1.0);
}

TEST_CASE("the edges are right") {
  CHECK(math::exp(-infinity) == 0);
  CHECK(math::exp(-1e30f) == 0);
  CHECK(math::exp(infinity) == infinity);
  CHECK(math::exp(88.8f) == infinity);
  CHECK(math::exp(0.0f) == 1);
  CHECK(math::tanh(infinity) == 1);
  CHECK(math::tanh(-infinity) == -1);
  CHECK(math::tanh(-0.0f) == 0);
  CHECK(std::signbit(math::tanh(-0.0f)));
  CHECK(math::erf(infinity) == 1);
  CHECK(math::erf(-infinity) == -1);
  CHECK(std::signbit(math::erf(-0.0f)));
  CHECK(math::sqrt(0.0f) == 0);
  CHECK(std::signbit(math::sqrt(-0.0f)));
  CHECK(math::sqrt(infinity) == infinity);
  CHECK(std::isnan(math::sqrt(-1.0f)));
  CHECK(std::isnan(math::sqrt(-infinity)));
  for (float x : {quiet_nan, -quiet_nan}) {
    CHECK(std::isnan(math::exp(x)));
    CHECK(std::isnan(math::tanh(x)));
    CHECK(std::isnan(math::erf(x)));
    CHECK(std::isnan(math::sqrt(x)));
  }
}

TEST_CASE("in double they are those of the standard library") {
  for (double x : {-3.0, -0.1, 0.0, 0.7, 20.0}) {
    CHECK(math::exp(x) == std::exp(x));
    CHECK(math::tanh(x) == std::tanh(x));
    CHECK(math::erf(x) == std::erf(x));
    CHECK(math::sqrt(std::abs(x)) == std::sqrt(std::abs(x)));
  }
}

}  // namespace
