// expect: raptr: the loss of this block is not a raptr::loss_policy
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

struct own_loss {
  using role = loss_role;
#ifdef RIGHT
  template <class T, class S> using kernel = cross_entropy<T, S>;
#endif
};
transformer<block<gpt2_block, own_loss>, causal_lm, cpu> model({.layers = 2});
