# SPDX-License-Identifier: Apache-2.0
# raptr-pretrain trains each of RAPTR_PRETRAIN_FAMILIES on each of RAPTR_PRETRAIN_DEVICES; each pair is compiled by itself, so a build
# with fewer of them is shorter. --model, --objective and --device select one of them; the first that fits is the default. raptr-generate
# has those that continue a text. Eigen is compiled in by default only where the tests are built: a user of the programs needs no Eigen.
#   RAPTR_PRETRAIN_LEFT_OUT  pairs, FAMILY_on_DEVICE, that are not compiled
#   llama_tied         is known besides the families of the default, for Llamas without a head of their own: "gpt2;llama_tied"
#   RAPTR_FAMILY_NAME  the header, block and objective of a family of your own: -DRAPTR_PRETRAIN_FAMILIES="gpt2;mine"
#                      -DRAPTR_FAMILY_mine="/folder/mine.hpp;mine::block;raptr::causal_lm"
set(RAPTR_PRETRAIN_FAMILIES gpt2 bert llama ul2 CACHE STRING "Networks of raptr-pretrain")
set(default_devices cpu)
if(RAPTR_BUILD_TESTS AND TARGET raptr::eigen)
  list(APPEND default_devices eigen)
endif()
set(RAPTR_PRETRAIN_DEVICES ${default_devices} CACHE STRING "Devices of raptr-pretrain and raptr-generate: cpu, eigen, cuda")
set(RAPTR_FAMILY_gpt2 raptr/models/gpt2.hpp raptr::gpt2_block raptr::causal_lm)
set(RAPTR_FAMILY_bert raptr/models/bert.hpp raptr::bert_block raptr::masked_lm)
set(RAPTR_FAMILY_llama raptr/models/llama.hpp raptr::llama_block raptr::causal_lm)
set(RAPTR_FAMILY_llama_tied raptr/models/llama.hpp "raptr::block<raptr::llama_block, raptr::tied_head>" raptr::causal_lm)
set(RAPTR_FAMILY_ul2 raptr/models/gpt2.hpp raptr::gpt2_block raptr::ul2)
# The tests of Eigen are about the device, whatever the family, and its products take longest to compile.
set(RAPTR_PRETRAIN_LEFT_OUT llama_on_eigen ul2_on_eigen CACHE STRING "Pairs of families and devices that are not compiled, such as bert_on_cuda")

if("eigen" IN_LIST RAPTR_PRETRAIN_DEVICES AND NOT TARGET raptr::eigen)
  message(FATAL_ERROR "raptr: RAPTR_PRETRAIN_DEVICES has eigen, but there is no Eigen 3.4 or newer (${raptr_eigen_problem})")
endif()

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

# Sets the header and the extension of files for a device, and links a program with what they need.
macro(raptr_use_device target device)
  set(device_header "${device}.hpp")
  set(extension cpp)
  if("${device}" STREQUAL "eigen")
    target_link_libraries(${target} PRIVATE raptr::eigen)
  elseif("${device}" STREQUAL "cuda")
    target_link_libraries(${target} PRIVATE raptr::cuda)
    set(device_header cuda.cuh)
    set(extension cu)
  elseif(NOT "${device}" STREQUAL "cpu")
    message(FATAL_ERROR "raptr: RAPTR_PRETRAIN_DEVICES has ${device}: the devices are cpu, eigen and cuda")
  endif()
endmacro()

# The list of the networks of a program in examples/FOLDER, by the caller's target, declared and kinds.
macro(raptr_list_networks folder)
  file(CONFIGURE OUTPUT ${folder}/networks.cpp CONTENT "#include <span>
namespace program {
struct network_kind;
@declared@static const network_kind* const kinds[]{@kinds@};
std::span<const network_kind* const> network_kinds() { return kinds; }
}
  " @ONLY)
  target_sources(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/${folder}/networks.cpp")
  target_include_directories(${target} PRIVATE ${folder})
endmacro()

# One source file for each pair of a family and a device of a program in examples/FOLDER. objectives: a regular expression of those that the
# program has a use for; without any family for it, it has gpt2.
function(raptr_networks target folder objectives)
  set(families "")
  foreach(family IN LISTS RAPTR_PRETRAIN_FAMILIES)
    list(LENGTH RAPTR_FAMILY_${family} count)
    if(NOT family MATCHES "^[A-Za-z][A-Za-z0-9_]*$" OR NOT count EQUAL 3)
      message(FATAL_ERROR "raptr: RAPTR_PRETRAIN_FAMILIES has ${family}, and RAPTR_FAMILY_${family} is \"${RAPTR_FAMILY_${family}}\": a family has a name of "
                          "letters, digits and _, and a header, a block and an objective, as in "
                          "-DRAPTR_FAMILY_mine=\"/folder/mine.hpp;mine::block;raptr::causal_lm\"")
    endif()
    list(GET RAPTR_FAMILY_${family} 2 objective)
    if(objective MATCHES "${objectives}")
      list(APPEND families ${family})
    endif()
  endforeach()
  if(NOT families)
    set(families gpt2)
  endif()
  set(declared "")
  set(kinds "")
  foreach(device IN LISTS RAPTR_PRETRAIN_DEVICES)
    raptr_use_device(${target} ${device})
    foreach(family IN LISTS families)
      if("${family}_on_${device}" IN_LIST RAPTR_PRETRAIN_LEFT_OUT)
        continue()
      endif()
      list(GET RAPTR_FAMILY_${family} 0 header)
      list(GET RAPTR_FAMILY_${family} 1 block)
      list(GET RAPTR_FAMILY_${family} 2 objective)
      set(generated "${CMAKE_CURRENT_BINARY_DIR}/${folder}/${family}_on_${device}.${extension}")
      configure_file(${folder}/network.cpp.in "${generated}" @ONLY)
      target_sources(${target} PRIVATE "${generated}")
      string(APPEND declared "extern const network_kind ${family}_on_${device};\n")
      string(APPEND kinds "&${family}_on_${device}, ")
    endforeach()
  endforeach()
  raptr_list_networks(${folder})
endfunction()

# raptr_fast_to_compile(SOURCES): -Og for files without inner loops, which -O3 takes twice as long to compile and -O1 a third longer.
function(raptr_fast_to_compile)
  foreach(source IN LISTS ARGN)
    if(NOT source MATCHES "corpus|tokenize/")
      set_source_files_properties("${source}" PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-Og>)
    endif()
  endforeach()
endfunction()
