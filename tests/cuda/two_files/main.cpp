// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdio>

#include "training.hpp"

int main() {
  std::string text;
  for (int n = 0; n < 200; ++n) text += std::to_string(n) + " green bottles; ";
  const double cpu = train<raptr::cpu>(text), gpu = train<raptr::cuda>(text);
  std::printf("cpu %.6f, cuda %.6f\n", cpu, gpu);
  return std::abs(cpu - gpu) < 1e-4 ? 0 : 1;
}
