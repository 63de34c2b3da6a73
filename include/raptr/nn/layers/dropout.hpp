// SPDX-License-Identifier: Apache-2.0
// Dropout of the embedding and of what parts add to the residual stream: which numbers are dropped is a function of seed, step,
// sequence, row, place in the network and column. That of attention probabilities is an argument of the operation (nn/layers/attention.hpp).
#pragma once

#include <cstdint>

#include <raptr/base/random.hpp>
#include <raptr/nn/layers/copy_rows.hpp>
#include <raptr/nn/part.hpp>

namespace raptr {

/// to (rows, C) = from, which may be `to`, with dropout: each number is 0 with the rate of the mask, and otherwise divided by 1 - rate.
template <class T> struct drop_rows {
  static constexpr int sums = 0;
  T* to;
  const T* from;
  dropout_mask mask;
  int width;

  RAPTR_ANY_TEAM template <class Team> RAPTR_BOTH void row(Team& team, std::int64_t r) const {
    const int* const place = mask.place_of(r);
    const std::uint32_t sequence = std::uint32_t(place[0]), number = std::uint32_t(place[1]);
    const int n = width, quarter = (n + 3) / 4;  // four columns, a quarter of the row apart, share a draw
    const std::uint32_t key0 = mask.key[0], key1 = mask.key[1], part = mask.place, limit = mask.limit();
    const wide<T> scale = mask.scale<wide<T>>();
    T* const y = to + r * n;
    const T* const x = from + r * n;
    team.each(quarter, [=](int i) {
      std::uint32_t words[] = {std::uint32_t(i), number, sequence, part};
      philox_rounds(words, key0, key1);
      for (int j = 0, k = i; j < 4; ++j, k += quarter)
        if (k < n) y[k] = words[j] >= limit ? T(scale * wide<T>(x[k])) : T(0);
    });
  }
};

/// A part with dropout of what it adds to the residual stream, if its call has a mask.
template <class P> struct with_dropout : P {
  template <class Ops, class T, class S> static void forward(part_call<Ops>& call, params<const T> w, S& s, const T* x, T* residual) {
    const bool drops = call.dropout.rate > 0;
    const arena::scope scratch(call.memory);
    T* const branch = drops ? call.scratch(call.shape.width) : residual;
    if (drops) call.ops.for_each_row(zero_rows<T>{branch, call.shape.width}, call.rows);
    P::forward(call, w, s, x, branch);
    if (!drops) return;
    call.ops.for_each_row(drop_rows<T>{branch, branch, call.dropout, call.shape.width}, call.rows);
    call.ops.for_each_row(blend_rows<T>{residual, branch, 1, 1, call.shape.width}, call.rows);
  }
  template <class Ops, class T, class G, class S>
  static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const S& s, const T* x, const T* dresidual, T* dx, double carry) {
    const arena::scope scratch(call.memory);
    const T* dbranch = dresidual;
    if (call.dropout.rate > 0) {
      T* const dropped = call.scratch(call.shape.width);
      call.ops.for_each_row(drop_rows<T>{dropped, dresidual, call.dropout, call.shape.width}, call.rows);
      dbranch = dropped;
    }
    P::backward(call, w, g, s, x, dbranch, dx, carry);
  }
};

}  // namespace raptr
