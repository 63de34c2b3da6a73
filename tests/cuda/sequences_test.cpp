// SPDX-License-Identifier: Apache-2.0
// Sequences that go round a block, as on the other devices.
#define RAPTR_TEST_ON_CUDA
#include "../nn/sequences_test.cpp"
