#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where nvcc is: everything that trains on a GPU compiles for three kinds of them without a register spilled, both devices fit
# into one file, and the installed package offers the component cuda. Needs no GPU.
#   nvcc.sh BUILD_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(realpath "$1")/nvcc
command -v nvcc > /dev/null || { echo "There is no nvcc here: nothing was compiled."; exit 0; }
rm -rf "$work"
mkdir -p "$work/project"

# An architecture without what the backend needs is refused by a sentence; so is -arch=native where there is no GPU.
echo '#include <raptr/backend/cuda.cuh>' > "$work/old.cu"
for arch in sm_75 native; do
  [[ $arch == sm_75 ]] || ! nvidia-smi > /dev/null 2>&1 || continue
  if nvcc -std=c++20 -arch=$arch -I "$root/include" -c "$work/old.cu" -o "$work/old.o" > "$work/old.log" 2>&1; then echo "-arch=$arch compiles" >&2; exit 1; fi
  grep -q 'raptr: the CUDA backend needs compute capability 8.0' "$work/old.log" || { cat "$work/old.log" >&2; exit 1; }
done
bash "$root/benchmarks/gpu.sh" registers --out "$work"
grep -H ' kernels, ' "$work"/registers.*.txt
if grep -L ' kernels, 0 spill or have a stack' "$work"/registers.*.txt | grep .; then echo "registers are spilled" >&2; exit 1; fi

# A kernel that reads 16 bytes at a time writes as many: nvcc may take such a store apart into one for each number of two bytes.
narrow_kernels() {
  cuobjdump -sass "$1" | awk '
    function judge() { if (reads && narrow >= 8 && !wide) print name }
    /Function :/ {judge(); name = $3; reads = narrow = wide = 0}
    /LDG\.E\.128/ {reads = 1}
    /STG\.E\.(128|64)/ {wide = 1}
    /STG\.E\.U16/ {++narrow}
    END {judge()}' | c++filt
}
if command -v cuobjdump > /dev/null; then
  for object in "$work"/instances.*.o; do
    narrow=$(narrow_kernels "$object")
    [[ -z $narrow ]] || { echo "$object stores two bytes at a time:" >&2; cut -c1-150 <<< "$narrow" >&2; exit 1; }
  done
else
  echo "There is no cuobjdump here: the width of stores was not looked at."
fi

cmake --install "$1" --prefix "$work/stage" > /dev/null
cat > "$work/project/CMakeLists.txt" << END
cmake_minimum_required(VERSION 3.24)
project(train_gpu LANGUAGES CXX CUDA)
find_package(raptr REQUIRED COMPONENTS cuda io OPTIONAL_COMPONENTS nccl)
add_executable(train_gpu "$root/examples/train_gpu.cu")
target_link_libraries(train_gpu PRIVATE raptr::cuda raptr::io)
set(two_files "$root/tests/cuda/two_files")
add_executable(two_files "\${two_files}/main.cpp" "\${two_files}/on_cpu.cpp" "\${two_files}/on_gpu.cu")
target_link_libraries(two_files PRIVATE raptr::cuda)
if(TARGET raptr::nccl)
  add_executable(nccl_ranks "$root/benchmarks/gpu/nccl_ranks.cu")
  target_link_libraries(nccl_ranks PRIVATE raptr::nccl)
else()
  message(STATUS "There is no NCCL here: comm/nccl.cuh was not compiled by nvcc.")
endif()
END
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/stage" -DCMAKE_CUDA_ARCHITECTURES=90 > "$work/cmake.log"
grep 'There is no NCCL' "$work/cmake.log" || true
cmake --build "$work/project/build" 2>&1 | tee "$work/build.log" | tail -2
if grep -i warning "$work/build.log"; then echo "nvcc warns" >&2; exit 1; fi
