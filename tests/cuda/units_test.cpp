// SPDX-License-Identifier: Apache-2.0
// Packed units, as on the other devices.
#define RAPTR_TEST_ON_CUDA
#include "../nn/packed_units_test.cpp"
