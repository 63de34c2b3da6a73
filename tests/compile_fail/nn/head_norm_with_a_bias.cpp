// expect: raptr: the norm of queries and keys is a raptr::norm_policy without a bias, such as raptr::rms_norm
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, head_norm_attention<true, rms_norm>>;
#else
using my_block = block<gpt2_block, head_norm_attention<true, layer_norm>>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
