// SPDX-License-Identifier: Apache-2.0
// The only macros of the library. Everything else is a type, a constant or a function.
#pragma once

#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "raptr: -ffast-math and -Ofast remove the checks for NaN and Inf that protect the weights: compile without them (-O3 -fno-fast-math)"
#endif
#if defined(min) || defined(max)
#error "raptr: min and max are macros here: define NOMINMAX before <windows.h>, or #undef both before the headers of raptr"
#endif
#if defined(A) || defined(B) || defined(D) || defined(F) || defined(G) || defined(H) || defined(K) || defined(M) || defined(N) || defined(O) || \
    defined(P) || defined(R) || defined(S) || defined(T) || defined(V)
#error "raptr: one of A B D F G H K M N O P R S T V is a macro here, and a template parameter in raptr: #undef it before the headers of raptr"
#endif
#if !defined(__cpp_exceptions) && !defined(__CUDACC__)
#error "raptr: errors are exceptions: compile without -fno-exceptions"
#endif

// RAPTR_BOTH: a function for the host and, under nvcc, for the device too. RAPTR_ANY_TEAM, before a template over the teams of
// any backend: nvcc then does not warn that the CPU team is host-only.
#ifdef __CUDACC__
#define RAPTR_BOTH __host__ __device__
#define RAPTR_ANY_TEAM _Pragma("nv_exec_check_disable")
#else
#define RAPTR_BOTH
#define RAPTR_ANY_TEAM
#endif

// RAPTR_INSTRUCTIONS: an inline namespace around raptr::cpu and all that knows the width of its vectors. Files compiled for other
// instruction sets then have other symbols, and a linker mixes none of them; docs/backends.md has the consequences.
#if defined(__AVX512F__)
#define RAPTR_INSTRUCTIONS avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define RAPTR_INSTRUCTIONS avx2_fma
#elif defined(__AVX2__)
#define RAPTR_INSTRUCTIONS avx2
#elif defined(__AVX__)
#define RAPTR_INSTRUCTIONS avx
#elif defined(__SSE2__)
#define RAPTR_INSTRUCTIONS sse2
#elif defined(__ARM_NEON)
#define RAPTR_INSTRUCTIONS neon
#else
#define RAPTR_INSTRUCTIONS any_instructions
#endif

// Before a loop whose iterations do not depend on each other: the compiler may vectorise without proving it again.
#if defined(__clang__)
#define RAPTR_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
// The pragma permits vectorisation; a loop that stays scalar is not an error. clang warns in the function that the loop was
// inlined into, a user's included, so the warning stays off after this header.
#pragma clang diagnostic ignored "-Wpass-failed"
#elif defined(__GNUC__)
#define RAPTR_INDEPENDENT _Pragma("GCC ivdep")
#else
#define RAPTR_INDEPENDENT
#endif
