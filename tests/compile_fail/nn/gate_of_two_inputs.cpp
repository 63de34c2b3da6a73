// expect: raptr: a gate is made from an activation of one input, such as raptr::gelu_tanh
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, mlp<gate<squared_relu>>>;
#else
using my_block = block<gpt2_block, mlp<gate<swish_gate>>>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
