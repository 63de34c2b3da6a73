// expect: raptr: this block has an attention that sees both sides and relative positions that look back only
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/bert.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using positions = t5_encoder_positions;
#else
using positions = t5_decoder_positions;
#endif
transformer<block<bert_block, positions>, masked_lm, cpu> model({.layers = 2});
