// expect: raptr: this block has two embeddings: name one token_types
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, token_types<2>>;
#else
using my_block = block<gpt2_block, token_types<2>, token_types<3>>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
