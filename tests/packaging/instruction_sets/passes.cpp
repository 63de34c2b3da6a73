// SPDX-License-Identifier: Apache-2.0
// The file that hands a model to trains.cpp: it links only if both are compiled for one instruction set.
#include "model.hpp"

double pass(const model& made_here) { return weights_of(made_here); }
int main(int count, char**) { return count > 0 ? 0 : int(pass(*static_cast<model*>(nullptr))); }
