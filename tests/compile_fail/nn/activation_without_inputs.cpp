// expect: raptr: the activation of this mlp is not a raptr::activation
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct squared {
#ifdef RIGHT
  static constexpr int inputs = 1;
#else
  static constexpr int inputs = 0;
#endif
  template <class T> static T forward(const T* a) { return *a * *a; }
  template <class T> static void backward(const T* a, T dh, T* da) { *da = 2 * *a * dh; }
};
transformer<block<gpt2_block, mlp<squared>>, causal_lm, cpu> model({.layers = 2});
