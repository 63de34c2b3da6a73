// expect: raptr: the precision of this block
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct half_precision {
  using role = precision_role;
  using real = float;
};
transformer<block<gpt2_block, half_precision>, causal_lm, cpu> model({.layers = 2});
