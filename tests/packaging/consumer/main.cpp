// SPDX-License-Identifier: Apache-2.0
#include <raptr/raptr.hpp>

#include <raptr/backend/cpu.hpp>
#ifdef WITH_EIGEN
#include <raptr/backend/eigen.hpp>
#endif
#ifdef WITH_MPI
#include <raptr/comm/mpi.hpp>
#endif
#ifdef WITH_IO
#include <nlohmann/json.hpp>
#endif
#include <cstdio>

int main() { std::puts(raptr::library_version.data()); }
