# SPDX-License-Identifier: Apache-2.0
# raptr-pretrain trains each of RAPTR_PRETRAIN_FAMILIES on each of RAPTR_PRETRAIN_DEVICES; each pair is compiled by itself, so a build
# with fewer of them is shorter. --model, --objective and --device select one of them; the first that fits is the default.
#   RAPTR_FAMILY_NAME  the header, block and objective of a family of your own: -DRAPTR_PRETRAIN_FAMILIES="gpt2;mine"
#                      -DRAPTR_FAMILY_mine="/folder/mine.hpp;mine::block;raptr::causal_lm"
set(RAPTR_PRETRAIN_FAMILIES gpt2 bert CACHE STRING "Networks of raptr-pretrain")
set(RAPTR_PRETRAIN_DEVICES cpu CACHE STRING "Devices of raptr-pretrain: cpu, cuda")
set(RAPTR_FAMILY_gpt2 raptr/models/gpt2.hpp raptr::gpt2_block raptr::causal_lm)
set(RAPTR_FAMILY_bert raptr/models/bert.hpp raptr::bert_block raptr::masked_lm)

# Here, because a function cannot enable a language. CMake's default is older than what the backend needs.
if("cuda" IN_LIST RAPTR_PRETRAIN_DEVICES)
  if(NOT TARGET raptr::cuda)
    message(FATAL_ERROR "raptr: RAPTR_PRETRAIN_DEVICES has cuda, but there is no CUDA toolkit 12.4 or newer")
  endif()
  if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
    set(CMAKE_CUDA_ARCHITECTURES 80)
  endif()
  enable_language(CUDA)
endif()

function(raptr_pretrain_networks target)
  set(declared "")
  set(kinds "")
  foreach(device IN LISTS RAPTR_PRETRAIN_DEVICES)
    set(device_header "${device}.hpp")
    set(extension cpp)
    if(device STREQUAL "cuda")
      target_link_libraries(${target} PRIVATE raptr::cuda)
      set(device_header cuda.cuh)
      set(extension cu)
    endif()
    foreach(family IN LISTS RAPTR_PRETRAIN_FAMILIES)
      list(LENGTH RAPTR_FAMILY_${family} count)
      if(NOT family MATCHES "^[A-Za-z][A-Za-z0-9_]*$" OR NOT count EQUAL 3)
        message(FATAL_ERROR "raptr: RAPTR_PRETRAIN_FAMILIES has ${family}, and RAPTR_FAMILY_${family} is \"${RAPTR_FAMILY_${family}}\": a family has a name of "
                            "letters, digits and _, and a header, a block and an objective, as in "
                            "-DRAPTR_FAMILY_mine=\"/folder/mine.hpp;mine::block;raptr::causal_lm\"")
      endif()
      list(GET RAPTR_FAMILY_${family} 0 header)
      list(GET RAPTR_FAMILY_${family} 1 block)
      list(GET RAPTR_FAMILY_${family} 2 objective)
      set(generated "${CMAKE_CURRENT_BINARY_DIR}/pretrain/${family}_on_${device}.${extension}")
      configure_file(pretrain/network.cpp.in "${generated}" @ONLY)
      target_sources(${target} PRIVATE "${generated}")
      string(APPEND declared "extern const network_kind ${family}_on_${device};\n")
      string(APPEND kinds "&${family}_on_${device}, ")
    endforeach()
  endforeach()
  file(CONFIGURE OUTPUT pretrain/networks.cpp CONTENT "#include <span>
namespace program {
struct network_kind;
@declared@static const network_kind* const kinds[]{@kinds@};
std::span<const network_kind* const> network_kinds() { return kinds; }
}
  " @ONLY)
  target_sources(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/pretrain/networks.cpp")
  target_include_directories(${target} PRIVATE pretrain)
endfunction()

# raptr_fast_to_compile(SOURCES): -Og for files without inner loops, which -O3 takes twice as long to compile and -O1 a third longer.
function(raptr_fast_to_compile)
  foreach(source IN LISTS ARGN)
    if(NOT source MATCHES "generate/main|corpus|tokenize/")
      set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-Og>)
    endif()
  endforeach()
endfunction()
