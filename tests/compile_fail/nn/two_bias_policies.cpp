// expect: raptr: this block has two bias policies: name biases or no_biases
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, no_biases, swiglu_mlp>;
#else
using my_block = block<gpt2_block, no_biases, swiglu_mlp, biases>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
