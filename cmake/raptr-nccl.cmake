# SPDX-License-Identifier: Apache-2.0
# raptr::nccl: raptr::cuda and NCCL 2.18 or newer, where there is one, for comm/nccl.cuh: that of the CUDA toolkit, of the system, of the folder
# NCCL_ROOT, or of NCCL_INCLUDE_DIR and NCCL_LIBRARY. CMake has no target for NCCL. Used by the build tree and, as the component nccl, by
# the installed package; after raptr-cuda.cmake.
#   raptr_nccl_problem   why there is no target
set(raptr_nccl_problem "")
if(NOT TARGET raptr::nccl)
  if(NOT TARGET raptr::cuda)
    set(raptr_nccl_problem "there is no CUDA toolkit 12.4 or newer")
  else()
    find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES include)
    # Wheels of Python have no libnccl.so.
    find_library(NCCL_LIBRARY NAMES nccl libnccl.so.2 NAMES_PER_DIR HINTS ${NCCL_ROOT} $ENV{NCCL_ROOT} ${CUDAToolkit_LIBRARY_DIR} ${CUDAToolkit_LIBRARY_ROOT}
                 PATH_SUFFIXES lib lib64)
    mark_as_advanced(NCCL_INCLUDE_DIR NCCL_LIBRARY)
    if(NOT NCCL_INCLUDE_DIR)
      set(raptr_nccl_problem "no nccl.h was found")
    elseif(NOT NCCL_LIBRARY)
      set(raptr_nccl_problem "${NCCL_INCLUDE_DIR} has nccl.h, but no library was found")
    else()
      file(STRINGS "${NCCL_INCLUDE_DIR}/nccl.h" raptr_nccl_lines REGEX "#define NCCL_(MAJOR|MINOR|PATCH) ")
      string(REGEX REPLACE "[^0-9;]" "" raptr_nccl_lines "${raptr_nccl_lines}")
      string(REPLACE ";" "." raptr_nccl_version "${raptr_nccl_lines}")
      if(raptr_nccl_version VERSION_LESS 2.18 OR raptr_nccl_version VERSION_GREATER_EQUAL 3)
        set(raptr_nccl_problem "${NCCL_INCLUDE_DIR} has NCCL ${raptr_nccl_version}")
      endif()
    endif()
  endif()
  if(NOT raptr_nccl_problem)
    add_library(raptr::nccl INTERFACE IMPORTED GLOBAL)
    target_link_libraries(raptr::nccl INTERFACE raptr::cuda "${NCCL_LIBRARY}")
    target_include_directories(raptr::nccl INTERFACE "${NCCL_INCLUDE_DIR}")
  endif()
endif()
