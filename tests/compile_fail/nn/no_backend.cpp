// expect: raptr: this device has no backend here: include <raptr/backend/cpu.hpp>
// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using namespace raptr;

#ifdef RIGHT
using device_of_choice = cpu;
#else
using device_of_choice = cuda;
#endif
transformer<gpt2_block, causal_lm, device_of_choice> model({.layers = 2});
