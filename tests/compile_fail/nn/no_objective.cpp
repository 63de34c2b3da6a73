// expect: raptr: the second argument of transformer is an objective
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
transformer<gpt2_block, causal_lm, cpu> model({.layers = 2});
#else
transformer<gpt2_block, cpu, causal_lm> model({.layers = 2});
#endif
