// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: each is a pure function of a seed, a purpose and a place. Every rank draws the same
// without communication, and a resumed run draws what the uninterrupted one would have drawn. There is no "next": number
// 7 of a stream is the same whether or not numbers 0 to 6 were drawn.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

#include <raptr/base/config.hpp>

namespace raptr {

/// Philox 4x32 with ten rounds [philox], in place, so that devices can call it.
RAPTR_BOTH constexpr void philox_rounds(std::uint32_t (&counter)[4], std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0], b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter[0] = static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key0, counter[1] = static_cast<std::uint32_t>(b);
    counter[2] = static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key1, counter[3] = static_cast<std::uint32_t>(a);
    key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
  }
}
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  std::uint32_t words[4] = {counter[0], counter[1], counter[2], counter[3]};
  philox_rounds(words, key[0], key[1]);
  return {words[0], words[1], words[2], words[3]};
}

namespace random_words {

constexpr std::uint32_t low(std::uint64_t bits) { return static_cast<std::uint32_t>(bits); }
constexpr std::uint32_t high(std::uint64_t bits) { return static_cast<std::uint32_t>(bits >> 32); }
constexpr std::uint64_t join(std::uint32_t high, std::uint32_t low) { return (std::uint64_t{high} << 32) | low; }

/// FNV-1a.
constexpr std::uint32_t hash(std::string_view name) {
  std::uint32_t h = 2166136261u;
  for (const char c : name) h = (h ^ static_cast<unsigned char>(c)) * 16777619u;
  return h;
}

/// In [0, 1), a multiple of 2^-53.
constexpr double unit_interval(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

}  // namespace random_words

/// An unbounded sequence for one purpose and place, indexed by `i`. Made by random_key::stream.
class random_stream {
 public:
  constexpr std::uint64_t bits(std::uint64_t i) const {
    const auto w = block(i, 0);
    return random_words::join(w[0], w[1]);
  }
  /// In [0, 1), a multiple of 2^-53.
  constexpr double uniform(std::uint64_t i) const { return random_words::unit_interval(bits(i)); }
  /// Standard normal: Box-Muller on one block. The last bit depends on the C library's log and cos.
  double normal(std::uint64_t i) const {
    const auto w = block(i, 0);
    const double above_zero = random_words::unit_interval(random_words::join(w[0], w[1])) + 0x1p-53;
    const double turn = random_words::unit_interval(random_words::join(w[2], w[3]));
    return std::sqrt(-2 * std::log(above_zero)) * std::cos(2 * std::numbers::pi * turn);
  }
  /// Uniform over 0 .. n - 1; n > 0. Values that would favour some remainders are rejected and drawn again.
  constexpr std::uint64_t below(std::uint64_t n, std::uint64_t i) const {
    const std::uint64_t surplus = (0 - n) % n;  // 2^64 mod n
    for (std::uint32_t attempt = 0;; ++attempt) {
      const auto w = block(i, attempt);
      if (const std::uint64_t x = random_words::join(w[0], w[1]); x >= surplus) return x % n;
    }
  }

 private:
  friend struct random_key;
  constexpr explicit random_stream(std::array<std::uint32_t, 4> words) : words_(words) {}
  constexpr std::array<std::uint32_t, 4> block(std::uint64_t i, std::uint32_t attempt) const {
    return philox({random_words::low(i), random_words::high(i), words_[2], words_[3] + attempt}, {words_[0], words_[1]});
  }
  std::array<std::uint32_t, 4> words_;
};

/// The random streams of a seed, by purpose and place:
///
///   random_key{seed}.stream("masking", sample).uniform(position)
///   random_key{seed}.stream("initialise", tensor).normal(element)
///   random_key{seed}.stream("order", epoch).below(n, i)
///
/// A purpose is any name; a and b are whatever the numbers depend on besides their index.
struct random_key {
  std::uint64_t seed = 0;

  constexpr random_stream stream(std::string_view purpose, std::uint64_t a = 0, std::uint64_t b = 0) const {
    using namespace random_words;
    const auto of_purpose = philox({hash(purpose), static_cast<std::uint32_t>(purpose.size()), 0, 0}, {low(seed), high(seed)});
    return random_stream(philox({low(a), high(a), low(b), high(b)}, {of_purpose[0], of_purpose[1]}));
  }
};

/// The random key of a step plan. A selector receives the key of its axis and block and may draw for units 0, 1, 2...
struct draw_key {
  std::uint64_t seed = 0, step = 0;
  int block = 0;             // the block being planned; 0 on the axis that selects blocks
  std::uint32_t stream = 0;  // one per axis and block
  int rank = 0;              // of a rank with a plan of its own; 0: the plan that all ranks share

  constexpr draw_key of(std::string_view axis, int of_block, int part = 0) const {
    const auto words = philox({random_words::hash(axis), static_cast<std::uint32_t>(of_block), static_cast<std::uint32_t>(part), 0}, {});
    return {seed, step, of_block, words[0], rank};
  }
  constexpr draw_key of_rank(int number) const {
    draw_key other = *this;
    other.rank = number;
    return other;
  }
  /// In [0, 1), a multiple of 2^-53.
  constexpr double uniform(int unit) const {
    using namespace random_words;
    const std::uint32_t of_rank = stream ^ static_cast<std::uint32_t>(rank) * 0x9E3779B9u;
    const auto w = philox({static_cast<std::uint32_t>(unit), of_rank, low(step), high(step)}, {low(seed), high(seed)});
    return unit_interval(join(w[0], w[1]));
  }
};

}  // namespace raptr
