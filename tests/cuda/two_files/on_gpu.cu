// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cuda.cuh>

#include "training_of.hpp"

template double train<raptr::cuda>(const std::string& text);
