// expect: raptr: this objective does not fit the attention of this block
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/bert.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<bert_block, causal_attention>;
#else
using my_block = bert_block;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
