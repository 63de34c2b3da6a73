// SPDX-License-Identifier: Apache-2.0
// Ranges of the parameter arenas, and functors that run over their elements: how an optimizer, a copy or a norm says which
// elements it means. Ranges are cut into chunks that their list has numbered, so host and device agree on the work.
#pragma once

#include <cstdint>

#include <raptr/base/config.hpp>

namespace raptr {

/// count / size, rounded up; both above 0 or count 0.
RAPTR_BOTH constexpr std::int64_t ceil_div(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

/// Elements of a chunk, counted from the start of its range: a sum over a range then does not depend on the other ranges of
/// a list.
inline constexpr std::int64_t range_chunk = 16384;
RAPTR_BOTH constexpr std::int64_t chunks_of(std::int64_t length) { return ceil_div(length, range_chunk); }

/// A run of whole units of one tensor: elements first.. in the full arenas, packed.. in those that hold active units
/// only, `unit`.. in the table of step counts. per_unit: elements of one unit, a divisor of length.
struct param_range {
  std::int64_t first, packed, length, per_unit;
  int unit, tensor;
  bool decays;
  bool in_block = false;   // false: the model's own
  std::int64_t chunk = 0;  // number of its first chunk in the list, see param_range_list
  // Of a part of every unit, which a rank owns:
  std::int64_t gap = 0;    // elements of the full arenas from the end of that part to the part of the next unit
  std::int64_t owned = 0;  // where it begins in arrays of owned elements, less `first`
};
/// A list in device memory. The ranges of a tensor follow each other.
struct param_ranges {
  const param_range* device;
  int count;
  std::int64_t chunks;
};
/// The range of chunk c: the last one that begins at it or before (one without elements begins where the next one does).
RAPTR_BOTH inline const param_range& range_of_chunk(param_ranges ranges, std::int64_t c) {
  int low = 0, end = ranges.count;
  while (end - low > 1) {
    const int middle = low + (end - low) / 2;
    (ranges.device[middle].chunk <= c ? low : end) = middle;
  }
  return ranges.device[low];
}

/// Marks an array that holds active units only: it is indexed by param_range::packed.
template <class T> struct packed_array { T* data; };
/// Marks an array that holds the elements of one rank only: units follow each other there, and param_range::owned leads to it.
template <class T> struct owned_array { T* data; };
/// Where the elements of a range begin in an array.
template <class T> RAPTR_BOTH T* begin_of(T* array, const param_range& range) { return array + range.first; }
template <class T> RAPTR_BOTH T* begin_of(packed_array<T> array, const param_range& range) { return array.data + range.packed; }
template <class T> RAPTR_BOTH T* begin_of(owned_array<T> array, const param_range& range) { return array.data + (range.first + range.owned); }
/// Where element i of a range is, which lies in its unit number `unit`, counted from 0.
template <class A> RAPTR_BOTH auto element_of(A array, const param_range& range, std::int64_t i, std::int64_t) { return begin_of(array, range) + i; }
template <class T> RAPTR_BOTH T* element_of(T* array, const param_range& range, std::int64_t i, std::int64_t unit) {
  return begin_of(array, range) + (i + unit * range.gap);
}

// An elementwise functor has begin(range, unit) -> per_unit, called for every unit (more than once if the unit is cut into
// chunks), and operator()(per_unit, a[i], b[i]...) for every element of the unit, which is left out if per_unit has a member
// `run` that is false.

template <class PerUnit> RAPTR_BOTH constexpr bool is_visited(const PerUnit& state) {
  if constexpr (requires { state.run; })
    return state.run;
  else
    return true;
}
struct no_state {
  struct per_unit {};
  RAPTR_BOTH per_unit begin(const param_range&, int) const { return {}; }
};
struct fill_zero : no_state {
  template <class T> RAPTR_BOTH void operator()(const per_unit&, T& a) const { a = T(0); }
};
struct convert : no_state {
  template <class A, class B> RAPTR_BOTH void operator()(const per_unit&, const A& from, B& to) const { to = B(from); }
};
struct square : no_state {
  template <class T> RAPTR_BOTH double operator()(const per_unit&, const T& a) const { return double(a) * double(a); }
};

}  // namespace raptr
