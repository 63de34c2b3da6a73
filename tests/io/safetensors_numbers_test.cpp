// SPDX-License-Identifier: Apache-2.0
// Half precision as float: every one of the 65,536 halves.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include <raptr/io/safetensors_numbers.hpp>

using namespace raptr;

TEST_CASE("Every half is the float of its sign, exponent and fraction") {
  int wrong = 0;
  for (unsigned bits = 0; bits < 65536; ++bits) {
    const float got = float_of_half(static_cast<std::uint16_t>(bits));
    const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent ? std::ldexp(1024.0 + fraction, int(exponent) - 25) : std::ldexp(double(fraction), -24);
    if (exponent == 31) size = HUGE_VAL;
    wrong += std::signbit(got) != (bits >= 32768);
    wrong += exponent == 31 && fraction ? !std::isnan(got) : std::abs(double(got)) != size;
  }
  CHECK(wrong == 0);
  CHECK(float_of_half(0x3c00) == 1.0f);
  CHECK(float_of_half(0x7bff) == 65504.0f);
  CHECK(float_of_half(0x8001) == -0x1p-24f);
}

TEST_CASE("A bfloat16 is the upper half of a float") {
  const auto widened = [](std::uint16_t bits) { return float(std::bit_cast<bfloat16>(bits)); };
  CHECK(widened(0x3f80) == 1.0f);
  CHECK(widened(0xc0a0) == -5.0f);
  CHECK(widened(0x0001) == 0x1p-133f);
  CHECK(std::isnan(widened(0x7fc0)));
  CHECK(std::isinf(widened(0xff80)));
}
