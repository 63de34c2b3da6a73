// SPDX-License-Identifier: Apache-2.0
// Prints the bits of a loss and the number of threads, if both files have the same.
#include <cstdio>

#include "outcome.hpp"

int main() {
  const outcome one = eigen_before(), two = eigen_after();
  std::printf("%a %a %ld\n", one.loss, one.product, one.threads);
  if (one == two) return 0;
  std::printf("Eigen behind raptr gives something else: %a %a %ld\n", two.loss, two.product, two.threads);
  return 1;
}
