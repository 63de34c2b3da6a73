// expect: raptr: the positions of this block are not a raptr::positions_policy
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct relative_positions {
  using role = positions_role;
#ifdef RIGHT
  static constexpr bool has_table = false;
#endif
};
transformer<block<gpt2_block, relative_positions>, causal_lm, cpu> model({.layers = 2});
