// expect: raptr: this block has two losses: name one, such as label_smoothing
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using losses = block<gpt2_block, z_loss<std::ratio<1, 10'000>>>;
#else
using losses = block<gpt2_block, z_loss<std::ratio<1, 10'000>>, label_smoothing<std::ratio<1, 10>>>;
#endif
transformer<losses, causal_lm, cpu> model({.layers = 2});
