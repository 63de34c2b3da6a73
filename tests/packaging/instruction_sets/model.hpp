// SPDX-License-Identifier: Apache-2.0
// The model of the files of this program, each of which is compiled for another instruction set. No size of it is a multiple of the
// width of a vector.
#pragma once

#include <raptr/backend/cpu.hpp>
#include <raptr/models/gpt2.hpp>
#include <raptr/nn/transformer.hpp>

using model = raptr::transformer<raptr::gpt2_block, raptr::causal_lm, raptr::cpu>;
inline constexpr raptr::model_shape shape{.layers = 2, .width = 51, .heads = 3, .neurons = 110, .neuron_group = 11, .vocab = 131, .context = 21};

/// The loss of the untrained network on a line of text.
double predicted_loss();
/// The loss of the last of ten steps.
double trained_loss();
/// How many weights a model has that another file made.
double weights_of(const model& given);
