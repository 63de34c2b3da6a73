// SPDX-License-Identifier: Apache-2.0
// The row kernels and layers, as on the other devices.
#define RAPTR_TEST_ON_CUDA
#include "../nn/row_kernels_test.cpp"
