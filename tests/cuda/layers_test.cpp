// SPDX-License-Identifier: Apache-2.0
// The row programs and layers, as on the other devices.
#define RAPTR_TEST_ON_CUDA
#include "../nn/row_programs_test.cpp"
