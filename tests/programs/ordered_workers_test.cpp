// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "../../examples/support/ordered_workers.hpp"

namespace {

struct job {
  int number = -1, square = 0;
};

/// What comes out for the numbers 0 to count - 1.
std::string squares(int threads, int count) {
  std::string out;
  program::ordered_workers<job> workers(
      threads,
      [](job& j) {
        int spin = 0;
        while (spin < j.number * 7919 % 5000) ++spin;  // jobs of different length
        j.square = j.number * j.number + 0 * spin;
      },
      [&](job& j) { out += std::to_string(j.square) + " "; });
  for (int i = 0; i < count; ++i) {
    workers.filling().number = i;
    workers.submit();
  }
  workers.finish();
  return out;
}

}  // namespace

TEST_CASE("jobs come back in the order in which they were given, from any number of threads") {
  std::string expected;
  for (int i = 0; i < 300; ++i) expected += std::to_string(i * i) + " ";
  for (const int threads : {1, 2, 3, 8}) CHECK(squares(threads, 300) == expected);
  CHECK(squares(2, 0).empty());
}

TEST_CASE("what a job throws comes out, after the jobs before it") {
  int taken = 0;
  program::ordered_workers<job> workers(
      2,
      [](job& j) {
        if (j.number == 5) throw std::runtime_error("five");
      },
      [&](job&) { ++taken; });
  CHECK_THROWS_WITH_AS(
      [&] {
        for (int i = 0; i < 20; ++i) {
          workers.filling().number = i;
          workers.submit();
        }
        workers.finish();
      }(),
      "five", std::runtime_error);
  CHECK(taken == 5);
}
