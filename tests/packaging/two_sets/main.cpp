// SPDX-License-Identifier: Apache-2.0
// Two files that compile Eigen for different instruction sets. The linker keeps the code of one of them, so the other one has to refuse.
#include <cstdio>
#include <string>

#include <raptr/backend/eigen.hpp>

#include "refusal.hpp"

std::string refusal_elsewhere();

int main() {
  const std::string here = refusal(), elsewhere = refusal_elsewhere();
  std::printf("here: %s\nelsewhere: %s\n", here.c_str(), elsewhere.c_str());
  return here.empty() != elsewhere.empty() ? 0 : 1;
}
