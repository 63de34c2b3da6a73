// expect: raptr: the activation of this mlp is not a raptr::activation
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct square_relu {
  static constexpr int inputs = 1;
  template <class T> static T forward(const T* a) { return *a > 0 ? *a * *a : T(0); }
#ifdef RIGHT
  template <class T> static void backward(const T* a, T dh, T* da) { *da = *a > 0 ? 2 * *a * dh : T(0); }
#endif
};
transformer<block<gpt2_block, mlp<square_relu>>, causal_lm, cpu> model({.layers = 2});
