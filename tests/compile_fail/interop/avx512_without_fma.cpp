// expect: raptr: Eigen needs -mfma beside -mavx512f
// SPDX-License-Identifier: Apache-2.0
#ifndef RIGHT
#define __AVX512F__ 1  // as with -mavx512f, on any processor
#undef __FMA__
#endif
#include <raptr/interop/eigen.hpp>
