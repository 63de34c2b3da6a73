// expect: raptr: the head of this block is not a raptr::head_policy
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct my_head {
  using role = head_role;
  static constexpr bool tied = false, transforms = false;
#ifdef RIGHT
  using transform = no_transform;
#endif
};
transformer<block<gpt2_block, my_head>, causal_lm, cpu> model({.layers = 2});
