// expect: raptr: the CPU backend computes in float or double: bf16 is for raptr::cuda
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/eigen.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
transformer<block<gpt2_block, fp64>, causal_lm, eigen> model({.layers = 2});
#else
transformer<block<gpt2_block, bf16>, causal_lm, eigen> model({.layers = 2});
#endif
