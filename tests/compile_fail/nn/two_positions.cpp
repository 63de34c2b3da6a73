// expect: raptr: this block has two kinds of positions: name one, such as rotary<half>
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, no_positions, rms_norm>;
#else
using my_block = block<gpt2_block, no_positions, rms_norm, learned_positions>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
