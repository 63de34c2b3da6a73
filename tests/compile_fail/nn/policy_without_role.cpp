// expect: raptr: a policy of a block names its role
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, rms_norm>;
#else
using my_block = block<gpt2_block, rms_norm, gelu_erf>;  // an activation: mlp<gelu_erf> is a policy
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
