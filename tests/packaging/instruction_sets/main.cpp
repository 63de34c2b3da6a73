// SPDX-License-Identifier: Apache-2.0
// main PREDICTED TRAINED: whether the two files find these losses. Includes nothing of raptr.
#include <cmath>
#include <cstdio>
#include <cstdlib>

double predicted_loss();
double trained_loss();

int main(int, char** argv) {
  const double predicted = predicted_loss(), trained = trained_loss();
  std::printf("%.6f %.6f\n", predicted, trained);
  if (!argv[1]) return 0;
  // Other orders of multiply-adds differ in the last digits.
  return std::abs(predicted - std::atof(argv[1])) < 1e-5 && std::abs(trained - std::atof(argv[2])) < 1e-3 ? 0 : 1;
}
