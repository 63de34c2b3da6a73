// SPDX-License-Identifier: Apache-2.0
// Rotary positions: pairs of numbers of every query and key are turned by an angle that grows with the position [rope]. Cosines and
// sines are constants of the model, in one table; the rows of queries and keys are turned while the product that made them is in cache.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <numbers>
#include <vector>

#include <raptr/backend/attention_rows.hpp>
#include <raptr/base/bfloat16.hpp>
#include <raptr/nn/error.hpp>
#include <raptr/nn/policies/positions.hpp>
#include <raptr/subnet/model_shape.hpp>
#include <raptr/tensor/buffer.hpp>

namespace raptr {

/// Which numbers x of a head turn together: pair i of D/2 is x[first(i, D/2)] and x[second(i, D/2)]. Hugging Face's files are made for
/// `half`, Meta's for `interleaved`. Queries and keys whose rows are put into the order 0 2 4 ... 1 3 5 ... go from the second to the first.
struct half {
  RAPTR_BOTH static constexpr int first(int pair, int) { return pair; }
  RAPTR_BOTH static constexpr int second(int pair, int pairs) { return pair + pairs; }
};
struct interleaved {
  RAPTR_BOTH static constexpr int first(int pair, int) { return 2 * pair; }
  RAPTR_BOTH static constexpr int second(int pair, int) { return 2 * pair + 1; }
};

/// A policy of a block. Base: the default of model_shape::rotary_base.
template <class Pairs, int Base = 10'000> struct rotary {
  static_assert(Base > 1, "raptr: the base of rotary positions is a number above 1, such as 10000");
  using role = positions_role;
  using pairs = Pairs;
  static constexpr bool has_table = false;
  static constexpr double base = Base;

  /// Radians per position by which a pair is turned: base^(-2 pair/D), stretched as the shape says.
  static double frequency(const model_shape& shape, int pair) {
    const double f = std::pow(shape.rotary_base > 0 ? shape.rotary_base : base, -2.0 * pair / shape.head_width());
    const rotary_scaling& by = shape.rotary_stretch;
    if (by.context == 0) return f / by.factor;
    const double turns = by.context * f / (2 * std::numbers::pi), kept = std::clamp((turns - by.slow) / (by.fast - by.slow), 0.0, 1.0);
    return kept * f + (1 - kept) * f / by.factor;
  }
};

/// Positions that turn queries and keys. One of your own may derive from rotary and have another frequency().
template <class P>
concept rotary_policy = positions_policy<P> && requires(const model_shape& shape) {
  { P::pairs::first(0, 1) } -> std::same_as<int>;
  { P::pairs::second(0, 1) } -> std::same_as<int>;
  { P::base } -> std::convertible_to<double>;
  { P::frequency(shape, 0) } -> std::same_as<double>;
};

/// The base in a model with these positions; 0 if they are not rotary.
template <class Positions> constexpr double rotary_base_of(const model_shape& shape) {
  if constexpr (rotary_policy<Positions>)
    return shape.rotary_base > 0 ? shape.rotary_base : Positions::base;
  else
    return 0;
}

/// Throws input_error if a head has no pairs for rotary positions, or the shape has numbers for them and the block has none.
template <class Positions> void check_positions(const model_shape& shape) {
  if constexpr (rotary_policy<Positions>) {
    if (shape.head_width() % 2) errors::rotary_head_width_is_odd(shape.width, shape.heads);
  } else {
    if (shape.rotary_base > 0) errors::positions_are_not_rotary("rotary_base", shape.rotary_base);
    if (shape.rotary_stretch != rotary_scaling{}) errors::positions_are_not_rotary("rotary_stretch.factor", shape.rotary_stretch.factor);
  }
}

/// The cosines and sines of all positions, (context, 2, D/2), in device memory; nothing for other positions.
template <class Positions, class Ops> class rotary_table {
  using master = typename Ops::master;

 public:
  explicit rotary_table(Ops& ops) : ops_(&ops), data_(ops) {}

  /// The first call fills the table; further ones do nothing.
  void fill(const model_shape& shape) {
    if constexpr (rotary_policy<Positions>) {
      if (data_.size() > 0) return;
      const std::vector<master> host = values(shape);
      data_.resize(host.size());
      ops_->upload(data_.data(), host.data(), host.size());
    }
  }
  const master* data() const { return data_.data(); }

  static std::vector<master> values(const model_shape& shape) {
    const int pairs = shape.head_width() / 2;
    std::vector<double> frequencies;
    for (int i = 0; i < pairs; ++i) frequencies.push_back(Positions::frequency(shape, i));
    std::vector<master> table;
    table.reserve(static_cast<std::size_t>(shape.context) * static_cast<std::size_t>(2 * pairs));
    for (int position = 0; position < shape.context; ++position) {
      for (const double f : frequencies) table.push_back(master(std::cos(position * f)));
      for (const double f : frequencies) table.push_back(master(std::sin(position * f)));
    }
    return table;
  }

 private:
  Ops* ops_;
  buffer<master, Ops> data_;
};

/// Turns the queries and keys of qkv (rows, groups, queries + 2, D) by the angles of their positions; Back: by the negative angles,
/// which carries the gradient of what was turned to that of what was not.
template <class Pairs, bool Back, class T, class S> struct rotate {
  static constexpr int sums = 0;
  T* qkv;
  const S* table;        // of a rotary_table
  const int* positions;  // of the rows
  head_shape heads;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    T* const x = qkv;
    const head_shape all = heads;
    const int pairs = all.width / 2;
    const S *const cosines = table + std::int64_t(positions[r]) * all.width, *const sines = cosines + pairs;
    team.each(all.scored(), pairs, [=](int head, int i) {
      T* const at = x + all.scored_at(r, head);
      T &first = at[Pairs::first(i, pairs)], &second = at[Pairs::second(i, pairs)];
      const wide<T> a = first, b = second, c = wide<T>(cosines[i]), s = Back ? -wide<T>(sines[i]) : wide<T>(sines[i]);
      first = T(c * a - s * b), second = T(s * a + c * b);
    });
  }
};

}  // namespace raptr
