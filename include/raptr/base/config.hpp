// SPDX-License-Identifier: Apache-2.0
// The only macros of the library. Everything else is a type, a constant or a function.
#pragma once

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error \
    "raptr: -ffast-math and -Ofast fold the tests for NaN and Inf away, and with them the guard of the weights: compile without them (-O3 -fno-fast-math)"
#endif
#if defined(min) || defined(max)
#error "raptr: min and max are macros here: define NOMINMAX before <windows.h>, or #undef both before the headers of raptr"
#endif
#if !defined(__cpp_exceptions) && !defined(__CUDACC__)
#error "raptr: errors are exceptions: compile without -fno-exceptions"
#endif

// A function that runs on the host and, when nvcc compiles it, on the device too. Before a template over teams of any backend:
// nvcc then does not warn that the team of the CPU is only for the host.
#ifdef __CUDACC__
#define RAPTR_BOTH __host__ __device__
#define RAPTR_ANY_TEAM _Pragma("nv_exec_check_disable")
#else
#define RAPTR_BOTH
#define RAPTR_ANY_TEAM
#endif

// Before a loop whose iterations do not depend on each other: the compiler may vectorise without proving it again.
#if defined(__clang__)
#define RAPTR_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
// It allows to vectorise; a loop that cannot be is no fault. clang tells it of whatever function the loop was inlined into,
// a user's included, so this cannot end with our headers.
#pragma clang diagnostic ignored "-Wpass-failed"
#elif defined(__GNUC__)
#define RAPTR_INDEPENDENT _Pragma("GCC ivdep")
#else
#define RAPTR_INDEPENDENT
#endif
