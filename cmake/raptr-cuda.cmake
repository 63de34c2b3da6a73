# SPDX-License-Identifier: Apache-2.0
# raptr::cuda: raptr::raptr and the libraries that cuda.cuh needs, where there is a CUDA toolkit. Used by the build tree and, as
# the component cuda, by the installed package. Enabling the language CUDA is up to the project that has .cu files.
if(NOT TARGET CUDA::cublasLt)
  find_package(CUDAToolkit 12.4 QUIET)
endif()
if(TARGET CUDA::cublasLt AND NOT TARGET raptr::cuda)
  add_library(raptr::cuda INTERFACE IMPORTED GLOBAL)
  target_link_libraries(raptr::cuda INTERFACE raptr::raptr CUDA::cudart CUDA::cublasLt)
  # Earlier versions of CMake do not support C++20 with nvcc and compile .cu files as C++17.
  if(CMAKE_VERSION VERSION_LESS 3.25.2)
    target_compile_options(raptr::cuda INTERFACE "$<$<COMPILE_LANG_AND_ID:CUDA,NVIDIA>:-std=c++20>")
  endif()
endif()
