// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <raptr/base/random.hpp>

using raptr::draw_key;
using raptr::philox;
using raptr::random_key;
using raptr::random_stream;

namespace {

using words = std::array<std::uint32_t, 4>;

// The answers that the authors of Philox publish, for counter and key of zeros, of ones, and of the digits of pi.
static_assert(philox({0, 0, 0, 0}, {0, 0}) == words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
              words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

constexpr std::uint64_t many = 100'000;

}  // namespace

TEST_CASE("a number is a pure function of seed, purpose, place and index") {
  const random_stream stream = random_key{5}.stream("order", 3, 4);
  CHECK(stream.bits(7) == random_key{5}.stream("order", 3, 4).bits(7));
  CHECK(stream.bits(7) != stream.bits(8));
  CHECK(stream.bits(7) != random_key{6}.stream("order", 3, 4).bits(7));
  CHECK(stream.bits(7) != random_key{5}.stream("masking", 3, 4).bits(7));
  CHECK(stream.bits(7) != random_key{5}.stream("order", 2, 4).bits(7));
  CHECK(stream.bits(7) != random_key{5}.stream("order", 3, 5).bits(7));
  CHECK(stream.bits(7) != random_key{5}.stream("order", 4, 3).bits(7));
}

TEST_CASE("every bit of a 64-bit seed, place and index matters") {
  std::set<std::uint64_t> seen;
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t one = std::uint64_t{1} << bit;
    seen.insert(random_key{one}.stream("x").bits(0));
    seen.insert(random_key{0}.stream("x", one).bits(0));
    seen.insert(random_key{0}.stream("x", 0, one).bits(0));
    seen.insert(random_key{0}.stream("x").bits(one));
  }
  CHECK(seen.size() == 4 * 64);
}

TEST_CASE("the numbers of a stream stay what they are from version to version") {
  constexpr random_stream stream = random_key{1}.stream("stored");
  static_assert(stream.bits(0) == 0xdb255a241a01eeae);
  static_assert(stream.bits(1) == 0xc984aff04a5c39a);
  static_assert(draw_key{1, 2}.of("layers", 0).stream == 0x69ee3350);
}

TEST_CASE("uniform numbers lie in [0, 1) and have the moments of the uniform distribution") {
  const random_stream stream = random_key{11}.stream("uniform");
  double sum = 0, squares = 0, products = 0, least = 1, most = 0;
  for (std::uint64_t i = 0; i < many; ++i) {
    const double u = stream.uniform(i);
    sum += u, squares += u * u, products += u * stream.uniform(i + 1);
    least = std::min(least, u), most = std::max(most, u);
  }
  CHECK(least >= 0);
  CHECK(most < 1);
  CHECK(sum / many == doctest::Approx(0.5).epsilon(0.008));          // 4 standard errors: 0.0037
  CHECK(squares / many == doctest::Approx(1.0 / 3).epsilon(0.012));  // 0.0038
  CHECK(products / many == doctest::Approx(0.25).epsilon(0.016));    // neighbours do not know each other
}

TEST_CASE("normal numbers have mean 0, variance 1 and the tails of the normal distribution") {
  const random_stream stream = random_key{12}.stream("normal");
  double sum = 0, squares = 0, fourth = 0, beyond_two = 0;
  for (std::uint64_t i = 0; i < many; ++i) {
    const double x = stream.normal(i);
    sum += x, squares += x * x, fourth += x * x * x * x, beyond_two += std::abs(x) > 2;
  }
  CHECK(std::abs(sum / many) < 4 / std::sqrt(double(many)));
  CHECK(std::abs(squares / many - 1) < 4 * std::sqrt(2.0 / many));
  CHECK(std::abs(fourth / many - 3) < 4 * std::sqrt(96.0 / many));
  CHECK(std::abs(beyond_two / many - 0.0455003) < 4 * std::sqrt(0.0455 / many));
}

TEST_CASE("below(n) gives every number below n equally often, for n that do not divide 2^64") {
  const random_stream stream = random_key{13}.stream("below");
  for (const std::uint64_t n : {std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{7}, std::uint64_t{10}}) {
    std::vector<double> seen(n);
    for (std::uint64_t i = 0; i < many; ++i) ++seen.at(stream.below(n, i));
    const double p = 1.0 / double(n);
    for (const double count : seen) CHECK(std::abs(count / many - p) <= 4 * std::sqrt(p * (1 - p) / many));
  }
}

TEST_CASE("below(n) has no modulo bias where a plain remainder would favour the lower third") {
  // n = 3/4 of 2^64: a remainder would give the lowest third of the numbers twice as often as the rest.
  const std::uint64_t n = std::uint64_t{3} << 62;
  const random_stream stream = random_key{14}.stream("below");
  double low = 0;
  for (std::uint64_t i = 0; i < many; ++i) low += stream.below(n, i) < n / 3;
  CHECK(std::abs(low / many - 1.0 / 3) < 4 * std::sqrt(2.0 / 9 / many));
}

TEST_CASE("a key of a plan draws from another stream for every axis, block and part") {
  const draw_key key{.seed = 1, .step = 2};
  CHECK(key.of("layers", 0).uniform(3) == key.of("layers", 0).uniform(3));
  CHECK(key.of("layers", 0).uniform(3) != key.of("layers", 1).uniform(3));
  CHECK(key.of("layers", 0).uniform(3) != key.of("other", 0).uniform(3));
  CHECK(key.of("heads", 0).uniform(3) != key.of("heads", 0, 1).uniform(3));
  CHECK(key.of("heads", 1).uniform(3) != key.of("heads", 0, 1).uniform(3));
  CHECK(key.of("layers", 4).block == 4);
  std::set<std::uint32_t> streams;
  for (const char* axis : {"layers", "sublayers", "sequences", "heads", "neurons", "experts"})
    for (int block = 0; block < 96; ++block)
      for (int part = 0; part < 8; ++part) streams.insert(key.of(axis, block, part).stream);
  CHECK(streams.size() == 6 * 96 * 8);
  CHECK(key.uniform(3) != draw_key{.seed = 1, .step = 3}.uniform(3));
  CHECK(key.uniform(3) != draw_key{.seed = 1, .step = 2 + (std::uint64_t{1} << 32)}.uniform(3));
  CHECK(key.uniform(3) != draw_key{.seed = 1 + (std::uint64_t{1} << 32), .step = 2}.uniform(3));
}

TEST_CASE("a key of a plan draws other numbers for every rank, those of rank 0 are the shared ones, and none of them changes with a version") {
  constexpr draw_key key{.seed = 1, .step = 2}, shared = key.of("layers", 0);
  static_assert(key.of_rank(3).rank == 3 && key.of_rank(3).of("layers", 0).rank == 3 && key.of_rank(3).of("layers", 0).stream == shared.stream);
  CHECK(shared.uniform(3) == 0x1.d7bebc0bc9f5fp-1);
  CHECK(shared.of_rank(1).uniform(3) == 0x1.22b5a4d71cdebp-1);
  std::set<double> numbers;
  for (int rank = 0; rank < 1024; ++rank) numbers.insert(key.of_rank(rank).of("layers", 0).uniform(3));
  CHECK(numbers.size() == 1024);
  CHECK(key.of_rank(5).of("layers", 0).of_rank(0).uniform(3) == shared.uniform(3));
}
