// SPDX-License-Identifier: Apache-2.0
// The walks of the optimizer, as on the other devices.
#define RAPTR_TEST_ON_CUDA
#include "../optim/optimizer_test.cpp"
