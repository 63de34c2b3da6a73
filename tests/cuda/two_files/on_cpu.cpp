// SPDX-License-Identifier: Apache-2.0
#include <raptr/backend/cpu.hpp>

#include "training_of.hpp"

template double train<raptr::cpu>(const std::string& text);
