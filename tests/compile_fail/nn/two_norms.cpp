// expect: raptr: this block has two norms: name one
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, rms_norm, swiglu_mlp>;
#else
using my_block = block<gpt2_block, rms_norm, swiglu_mlp, layer_norm>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
