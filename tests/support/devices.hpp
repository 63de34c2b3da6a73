// SPDX-License-Identifier: Apache-2.0
// The devices that tests of levels above the backend run on. A file of tests/cuda that defines RAPTR_TEST_ON_CUDA and includes
// such a test runs it on raptr::cuda.
#pragma once

#ifdef RAPTR_TEST_ON_CUDA
#include <raptr/backend/cuda.cuh>
#define RAPTR_TEST_DEVICES raptr::cuda
#else
#include <raptr/backend/cpu.hpp>

#include "reference.hpp"
#define RAPTR_TEST_DEVICES raptr::cpu, raptr::reference
#endif
