# SPDX-License-Identifier: Apache-2.0
# Compile options of the programs of this repository, never passed on to users of raptr::raptr: warnings and -march=native.
include(CheckCXXCompilerFlag)
if(RAPTR_NATIVE)
  check_cxx_compiler_flag(-march=native RAPTR_KNOWS_NATIVE)
endif()

# raptr_needs(PACKAGE VERSION DEBIAN_NAME OPTION): finds a package that only these programs use, or stops with the fix.
macro(raptr_needs package version debian_name option)
  find_package(${package} ${version} QUIET)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "raptr: ${option}=ON needs ${package} ${version} (Debian: ${debian_name}); install it or set -D${option}=OFF")
  endif()
endmacro()

# The include folder of raptr is not a system folder here, so its headers are checked with these warnings too.
function(raptr_checked target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_link_libraries(${target} PRIVATE raptr::raptr raptr::io)
  # Flags of the C++ compiler; nvcc knows none of them.
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wconversion;-Wsign-conversion;-Wshadow>")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # These warnings of g++ have false positives after inlining, which depend on the processor. They may be printed, but must
    # not stop a build with -Werror.
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized;-Wno-uninitialized;-Wno-error=array-bounds;-Wno-error=stringop-overflow>"
                                             "$<$<COMPILE_LANGUAGE:CXX>:-Wno-error=stringop-overread;-Wno-error=free-nonheap-object;-Wno-error=restrict>")
  endif()
endfunction()

function(raptr_program target)
  raptr_checked(${target})
  if(RAPTR_NATIVE AND RAPTR_KNOWS_NATIVE)
    target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:-march=native>")
  endif()
endfunction()
