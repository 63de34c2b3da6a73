// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <raptr/backend/cpu.hpp>
#include <vector>

#include "../support/on_device.hpp"
#include "../support/reference.hpp"

namespace {
using namespace raptr;
using namespace raptr::testing;

/// full = full * rate of the unit + packed, with decay where the range decays; counts what it was told.
template <class T> struct blend {
  struct per_unit {
    T rate, decay;
  };
  const int* units;
  per_unit begin(const walk_range& range, int unit) const { return {T(units[unit]) / T(8), range.decays ? T(0.5) : T(0)}; }
  void operator()(const per_unit& u, T& full, const T& packed, T& moment) const {
    moment = T(0.5) * moment + packed;
    full = full * u.rate + moment - u.decay * full;
  }
};

// Units of 3 and of 20,000 elements (longer than a chunk), one range longer than several chunks, one empty.
const std::vector<walk_range> ranges{{100, 0, 30, 3, 0, 0, true},
                                     {400, 30, 60'000, 20'000, 10, 1, false},
                                     {61'000, 60'030, 1, 1, 13, 2, true},
                                     {62'000, 60'031, 50'000, 10, 14, 1, true},
                                     {113'000, 110'031, 0, 4, 0, 3, false}};
constexpr std::size_t full_size = 114'000, packed_size = 110'031, units = 14 + 5'000;

template <class Ops> struct walk_results {
  std::vector<typename Ops::master> full, moment, zeros;
  std::vector<float> converted;
  std::vector<double> squares;
};
template <class Ops> walk_results<Ops> run(Ops& ops) {
  using master = typename Ops::master;
  std::vector<int> unit_values(units);
  for (std::size_t i = 0; i < units; ++i) unit_values[i] = int(i % 7);
  const on_device<Ops, master> full(ops, numbers<master>(full_size, 1)), packed(ops, numbers<master>(packed_size, 2)),
      moment(ops, numbers<master>(full_size, 3)), zeros(ops, numbers<master>(packed_size, 5));
  const on_device<Ops, float> converted(ops, std::vector<float>(full_size, -7.0f));
  const on_device<Ops, double> squares(ops, std::vector<double>{1, 2, 3, 4});
  const on_device<Ops, walk_range> list(ops, ranges);
  const on_device<Ops, int> table(ops, unit_values);
  const walk_list all{list.get(), int(ranges.size())};
  ops.walk(blend<master>{table.get()}, all, full.get(), by_plan<const master>{packed.get()}, moment.get());
  ops.walk(fill_zero{}, {list.get() + 1, 2}, by_plan<master>{zeros.get()});
  ops.walk(convert{}, all, full.read(), converted.get());
  ops.walk(fill_zero{}, {list.get(), 0}, full.get());
  ops.walk_sum(square{}, all, squares.get(), by_plan<const master>{packed.get()});
  return {full.values(), moment.values(), zeros.values(), converted.values(), squares.values()};
}

template <class Master> void compare(double bound) {
  cpu_ops<float, Master> fast({.threads = 2});
  reference_ops<float, Master> plain;
  const auto got = run(fast);
  const auto want = run(plain);
  CHECK(distance(got.full, want.full) < bound);
  CHECK(distance(got.moment, want.moment) < bound);
  CHECK(got.zeros == want.zeros);
  CHECK(distance(got.converted, want.converted) < 1e-6);
  CHECK(distance(got.squares, want.squares) < 1e-12);
}
TEST_CASE("walks over ranges and units equal the plain loops in float") { compare<float>(1e-6); }
TEST_CASE("walks over ranges and units equal the plain loops in double") { compare<double>(1e-15); }

TEST_CASE("walks have the same bits for any number of threads") {
  cpu_ops<float, float> one({.threads = 1});
  const auto want = run(one);
  for (int threads : {1, 2, 3, 4}) {
    cpu_ops<float, float> ops({.threads = threads});
    const auto got = run(ops);
    CHECK(got.full == want.full);
    CHECK(got.squares == want.squares);
  }
}

TEST_CASE("the sum of a tensor does not depend on the other tensors of the list") {
  cpu_ops<float, float> ops({.threads = 3});
  const auto x = numbers<float>(packed_size, 2);
  double all[4] = {}, alone[4] = {};
  ops.walk_sum(square{}, {ranges.data(), int(ranges.size())}, all, by_plan<const float>{x.data()});
  const std::vector<walk_range> second{ranges[1], ranges[3]};
  ops.walk_sum(square{}, {second.data(), 2}, alone, by_plan<const float>{x.data()});
  CHECK(all[1] == alone[1]);
  CHECK(alone[0] == 0);
}

}  // namespace
