# SPDX-License-Identifier: Apache-2.0
# raptr::mpi: raptr::raptr and an MPI of version 3 or newer, where there is one, for comm/mpi.hpp: that of a target MPI::MPI_CXX of the parent
# project, or the one whose compiler is MPI_CXX_COMPILER, or what CMake finds. Used by the build tree and, as the component mpi, by the
# installed package.
#   raptr_mpi_problem   why there is no target
set(raptr_mpi_problem "")
if(NOT TARGET raptr::mpi)
  if(NOT TARGET MPI::MPI_CXX)
    set(MPI_CXX_SKIP_MPICXX TRUE) # only the functions of C are used, and Open MPI 4 has headers for C++ that warn
    find_package(MPI 3.0 QUIET COMPONENTS CXX)
    if(NOT MPI_CXX_FOUND)
      set(raptr_mpi_problem "none was found")
    endif()
  endif()
  if(NOT raptr_mpi_problem)
    add_library(raptr::mpi INTERFACE IMPORTED GLOBAL)
    target_link_libraries(raptr::mpi INTERFACE raptr::raptr MPI::MPI_CXX)
  endif()
endif()
