// SPDX-License-Identifier: Apache-2.0
// Steps that are not finite, as on the other devices.
#define RAPTR_TEST_ON_CUDA
#include "../train/nonfinite_test.cpp"
