// SPDX-License-Identifier: Apache-2.0
// What the tests of walks run, on any device.
#pragma once

#include <raptr/backend/param_range.hpp>
#include <raptr/backend/param_range_list.hpp>
#include <vector>

#include "../support/on_device.hpp"

namespace raptr::testing {

/// full = full * rate of the unit + packed, with decay where the range decays; counts what it was told.
template <class T> struct blend {
  struct per_unit {
    T rate, decay;
  };
  const int* units;
  RAPTR_BOTH per_unit begin(const param_range& range, int unit) const { return {T(units[unit]) / T(8), range.decays ? T(0.5) : T(0)}; }
  RAPTR_BOTH void operator()(const per_unit& u, T& full, const T& packed, T& moment) const {
    moment = T(0.5) * moment + packed;
    full = full * u.rate + moment - u.decay * full;
  }
};

// Units of 3 and of 20,000 elements (longer than a chunk), one range longer than several chunks, one empty.
inline const std::vector<param_range> walk_ranges{{100, 0, 30, 3, 0, 0, true},
                                                  {400, 30, 60'000, 20'000, 10, 1, false},
                                                  {62'000, 60'031, 50'000, 10, 14, 1, true},
                                                  {61'000, 60'030, 1, 1, 13, 2, true},
                                                  {113'000, 110'031, 0, 4, 0, 3, false}};
// The parts of every unit that a rank owns: 2 of 3 elements, 12,000 of 20,000, a multiple of four with gaps of one, one of 9.
inline const std::vector<param_range> owned_ranges_of_walk{{101, 0, 20, 2, 0, 0, true, false, 0, 1, -101},
                                                           {404, 20, 36'000, 12'000, 10, 1, false, false, 0, 8'000, 32 - 404},
                                                           {62'000, 36'020, 4'000, 8, 14, 1, true, false, 0, 2, 36'032 - 62'000},
                                                           {67'001, 40'020, 900, 1, 514, 2, true, false, 0, 8, 40'033 - 67'001}};
inline param_range_list list_of(const std::vector<param_range>& from) {
  param_range_list list;
  for (const param_range& r : from) list.push_back(r);
  return list;
}
inline constexpr std::size_t full_size = 114'000, packed_size = 110'031, walk_units = 14 + 5'000;

template <class Ops> struct walk_results {
  std::vector<typename Ops::master> full, moment, zeros, owned_full, owned_moment;
  std::vector<float> converted;
  std::vector<double> squares, owned_squares;
};
template <class Ops> walk_results<Ops> run_walks(Ops& ops) {
  using master = typename Ops::master;
  std::vector<int> unit_values(walk_units);
  for (std::size_t i = 0; i < walk_units; ++i) unit_values[i] = int(i % 7);
  const on_device<Ops, master> full(ops, numbers<master>(full_size, 1)), packed(ops, numbers<master>(packed_size, 2)),
      moment(ops, numbers<master>(full_size, 3)), zeros(ops, numbers<master>(packed_size, 5));
  const on_device<Ops, float> converted(ops, std::vector<float>(full_size, -7.0f));
  const on_device<Ops, double> squares(ops, std::vector<double>{1, 2, 3, 4});
  const on_device<Ops, int> table(ops, unit_values);
  buffer<param_range, Ops> list(ops), middle_list(ops), no_list(ops);
  const param_ranges all = uploaded_ranges(list_of(walk_ranges), list),
                     middle = uploaded_ranges(list_of({walk_ranges[1], walk_ranges[2]}), middle_list);
  ops.elementwise(blend<master>{table.get()}, all, full.get(), packed_array<const master>{packed.get()}, moment.get());
  ops.elementwise(fill_zero{}, middle, packed_array<master>{zeros.get()});
  ops.elementwise(convert{}, all, full.read(), converted.get());
  ops.elementwise(fill_zero{}, uploaded_ranges(param_range_list{}, no_list), full.get());
  ops.elementwise_sum(square{}, all, squares.get(), packed_array<const master>{packed.get()});
  const on_device<Ops, master> owned_full(ops, numbers<master>(full_size, 6)), owned_moment(ops, numbers<master>(41'000, 7));
  const on_device<Ops, double> owned_squares(ops, std::vector<double>{1, 2, 3});
  buffer<param_range, Ops> owned_list(ops);
  const param_ranges owned = uploaded_ranges(list_of(owned_ranges_of_walk), owned_list);
  ops.elementwise(blend<master>{table.get()}, owned, owned_full.get(), packed_array<const master>{packed.get()},
                  owned_array<master>{owned_moment.get()});
  ops.elementwise_sum(square{}, owned, owned_squares.get(), owned_full.read());
  return {full.values(),         moment.values(),    zeros.values(),   owned_full.values(),
          owned_moment.values(), converted.values(), squares.values(), owned_squares.values()};
}

}  // namespace raptr::testing
