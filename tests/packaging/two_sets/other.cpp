// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <raptr/backend/eigen.hpp>

#include "refusal.hpp"

std::string refusal_elsewhere();
std::string refusal_elsewhere() { return refusal(); }
