// expect: raptr: the bias policy of this block needs has_bias
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct few_biases {
  using role = bias_role;
#ifdef RIGHT
  static constexpr bool has_bias = true;
#endif
};
transformer<block<gpt2_block, few_biases>, causal_lm, cpu> model({.layers = 2});
