// expect: raptr: the base of rotary positions is a number above 1, such as 10000
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using my_block = block<gpt2_block, rotary<raptr::half>>;
#else
using my_block = block<gpt2_block, rotary<raptr::half, 1>>;
#endif
transformer<my_block, causal_lm, cpu> model({.layers = 2});
