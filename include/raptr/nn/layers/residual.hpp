// SPDX-License-Identifier: Apache-2.0
// The two residual rules: pre-norm and post-norm. Both update the stream in place, so a dropped part, with its norm, is the
// identity.
#pragma once

#include <concepts>

#include <raptr/nn/layers/copy_rows.hpp>
#include <raptr/nn/layers/norm.hpp>

namespace raptr {

struct residual_role {};

/// x + f(norm(x)); one more norm follows the last block.
struct pre_norm {
  using role = residual_role;
  static constexpr bool norm_first = true;

  template <class N, class P, class Ops> struct saved {
    typename norm_layer<N, Ops>::saved norm;
    typename Ops::real* x;
    typename P::template saved<Ops> part;
  };
  template <class N, class P, class Ops, class T, class S> static void forward(part_call<Ops>& call, params<const T> w, S& s, T* stream) {
    s.norm = norm_layer<N, Ops>::keep(call.memory, call.rows, call.shape.width);
    s.x = call.keep(call.shape.width);
    norm_layer<N, Ops>::forward(call.ops, call.shape, w, s.norm, stream, s.x, call.rows);
    P::forward(call, w + norm_layer<N, Ops>::weights, s.part, static_cast<const T*>(s.x), stream);
  }
  template <class N, class P, class Ops, class T, class G, class S>
  static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const S& s, T* dstream) {
    constexpr int own = norm_layer<N, Ops>::weights;
    const arena::scope scratch(call.memory);
    T* const dx = call.scratch(call.shape.width);
    P::backward(call, w + own, g + own, s.part, static_cast<const T*>(s.x), static_cast<const T*>(dstream), dx, 0);
    norm_layer<N, Ops>::backward(call.ops, w, g, s.norm, dx, dstream, call.rows);
  }
};

/// norm(x + f(x)); the embeddings are normalised too.
struct post_norm {
  using role = residual_role;
  static constexpr bool norm_first = false;

  template <class N, class P, class Ops> using saved = pre_norm::saved<N, P, Ops>;
  template <class N, class P, class Ops, class T, class S> static void forward(part_call<Ops>& call, params<const T> w, S& s, T* stream) {
    s.norm = norm_layer<N, Ops>::keep(call.memory, call.rows, call.shape.width);
    s.x = call.keep(call.shape.width);
    call.ops.for_each_row(copy_rows<T>{s.x, stream, nullptr, nullptr, call.shape.width}, call.rows);
    P::forward(call, w + norm_layer<N, Ops>::weights, s.part, static_cast<const T*>(s.x), stream);
    norm_layer<N, Ops>::forward(call.ops, call.shape, w, s.norm, stream, stream, call.rows);
  }
  template <class N, class P, class Ops, class T, class G, class S>
  static void backward(part_call<Ops>& call, params<const T> w, params<G> g, const S& s, T* dstream) {
    constexpr int own = norm_layer<N, Ops>::weights;
    norm_layer<N, Ops>::backward(call.ops, w, g, s.norm, dstream, static_cast<T*>(nullptr), call.rows);
    P::backward(call, w + own, g + own, s.part, static_cast<const T*>(s.x), static_cast<const T*>(dstream), dstream, 1);
  }
};

/// `saved` holds what forward leaves for backward; the weights of the norm come before those of the part.
///
///   forward   stream (rows, C) becomes the stream after the part
///   backward  g += gradients; dstream, the gradient after the part, becomes that before it
template <class R, class N, class P, class Ops>
concept residual_policy = requires(part_call<Ops>& call, params<const typename Ops::real> w, params<typename Ops::master> g,
                                   typename Ops::real* stream, typename R::template saved<N, P, Ops>& s,
                                   const typename R::template saved<N, P, Ops>& kept) {
  { R::norm_first } -> std::convertible_to<bool>;
  { R::template forward<N, P>(call, w, s, stream) } -> std::same_as<void>;
  { R::template backward<N, P>(call, w, g, kept, stream) } -> std::same_as<void>;
};

}  // namespace raptr
