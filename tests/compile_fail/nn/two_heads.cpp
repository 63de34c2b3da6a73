// expect: raptr: this block has two heads: name one
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, rms_norm, untied_head>;
#else
using my_block = block<gpt2_block, untied_head, rms_norm, tied_head>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
