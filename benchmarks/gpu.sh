#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds, tests, sanitizes and measures the CUDA backend on a machine with a GPU and no network. Needs nvcc, g++ and, for
# sanitize, compute-sanitizer; PyTorch is timed too if python3 can import it. Time on a GPU may be short: what fails is reported, everything
# else runs all the same, results are kept, and the status at the end says whether all went well.
#   gpu.sh [build] [test] [sanitize] [bench] [registers] [nccl]     no stage: the first four
#   --arch sm_90a     what to compile for
#   --include DIR     headers of doctest and nlohmann-json (DIR/doctest/doctest.h, DIR/nlohmann/json.hpp), unless they are in the
#                     default include path; may be given twice
#   --out DIR         for programs, logs and figures; default: build/gpu
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
arch=sm_90a out=$root/build/gpu include=() stages=()
while (($#)); do
  case $1 in
    --arch) arch=$2; shift 2 ;;
    --include) include+=("-I$2"); shift 2 ;;
    --out) out=$2; shift 2 ;;
    build | test | sanitize | bench | registers | nccl) stages+=("$1"); shift ;;
    *) echo "gpu.sh: $1 is neither a stage (build, test, sanitize, bench, registers, nccl) nor --arch, --include, --out" >&2; exit 2 ;;
  esac
done
((${#stages[@]})) || stages=(build test sanitize bench)
mkdir -p "$out"
out=$(cd "$out" && pwd)
command -v nvcc > /dev/null || { echo "gpu.sh: nvcc is not in the path" >&2; exit 2; }

# Tests that need faults or counts of the emulator cannot run on a real device. Only small tests run under compute-sanitizer.
tests=(operations agreement layers units sequences optimizer nonfinite attention)
declare -A small=(
  [operations]='*in float*,*bf16*,*of one tensor*'
  [attention]='*plain loops in float*,*bfloat16*,*outside the segments*'
  [layers]='*norm*,*activation reads*,*embedding*,Cross-entropy*,Rows*'
  [optimizer]='AdamW*'
)
flags=(-std=c++20 -O3 -I"$root/include" -I"$root/tests/support" "${include[@]}" "-DRAPTR_TESTS_DIR=\"$root/tests\"" -Xcompiler -pthread)

# compile ARCH SOURCE OBJECT: the output of ptxas goes to OBJECT.ptxas.
compile() {
  nvcc "${flags[@]}" -arch="$1" -Xptxas -v -x cu -c "$2" -o "$3" 2> "$3.ptxas" || { cat "$3.ptxas" >&2; return 1; }
}
# Kernels of the logs on standard input: registers and bytes spilled or on the stack, the largest first. An array that is
# indexed by a variable is on the stack, in local memory, without counting as spilled.
kernel_table() {
  c++filt | awk '
    /Compiling entry function/ {name = $0; sub(/.*function ./, "", name); sub(/. for .*/, "", name); sub(/^void /, "", name)}
    /bytes stack frame/ {spill = $1 + $5 + $9}
    /Used [0-9]+ registers/ {match($0, /Used [0-9]+/); n = substr($0, RSTART + 5, RLENGTH - 5)
      print n, spill + 0, name}' | sort -rn | uniq |
    awk 'BEGIN {printf "%9s %11s  %s\n", "registers", "spill/stack", "kernel"} {n = $1; s = $2; $1 = $2 = ""; spilled += s > 0
      if (NR <= 25 || s > 0) printf "%9d %11d %s\n", n, s, substr($0, 1, 150)} END {printf "%d kernels, %d spill or have a stack\n", NR, spilled}'
}

# headers NAME...: checks that headers of other libraries exist, so that a missing one is reported before the first compilation.
headers() {
  local name
  for name in "$@"; do
    echo "#include <$name>" | g++ -std=c++20 "${include[@]}" -fsyntax-only -x c++ - 2> /dev/null ||
      { echo "gpu.sh: <$name> was not found: give --include DIR with DIR/$name" >&2; return 1; }
  done
}

# Something is wrong: it is said now and at the end, and the status will be 1.
problem() {
  echo "gpu.sh: $*" | tee -a "$out/problems.txt" >&2
}

# program NAME SOURCE OBJECT...: compiled and linked; without it after a failure.
program() {
  local name=$1 source=$2
  shift 2
  rm -f "$out/$name"
  compile "$arch" "$source" "$out/$name.o" && nvcc -arch="$arch" "$out/$name.o" "$@" -lcublasLt -o "$out/$name" || problem "$name was not built"
}
build() {
  headers doctest/doctest.h nlohmann/json.hpp
  g++ -std=c++20 -O1 "${include[@]}" -c "$root/tests/main.cpp" -o "$out/main.o"
  local name
  for name in kernels steps "${tests[@]}"; do
    case $name in
      kernels | steps) program "$name" "$root/benchmarks/gpu/$name.cu" & ;;
      *) program "test_$name" "$root/tests/cuda/${name}_test.cpp" "$out/main.o" & ;;
    esac
    while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n || true; done
  done
  wait
  cat "$out"/*.o.ptxas | kernel_table | tee "$out/registers.build.txt"
}
run_tests() {
  local name
  for name in "${tests[@]}"; do
    echo "== $name"
    timeout 300 "$out/test_$name" 2>&1 | tee "$out/test_$name.log" || problem "the tests of $name failed, or took more than 300 s: $out/test_$name.log"
  done
}
# sanitized TOOL NAME: one tool over the small tests of one program. A filter that matches no test is an error.
sanitized() {
  local log=$out/$1.$2.log filter=--test-case=${small[$2]}
  "$out/test_$2" "$filter" --count | grep -q 'filters: [1-9]' || { problem "no test of $2 matches ${small[$2]}"; return; }
  if timeout 120 compute-sanitizer --tool "$1" --error-exitcode 1 "$out/test_$2" "$filter" > "$log" 2>&1; then
    echo "$1, $2: $(tail -n 1 "$log")"
  else
    tail -30 "$log"
    problem "$1 found errors in $2, or it took more than 120 s: $log"
  fi
}
# The programs of a tool run in parallel, so that the stage takes at most 480 s.
sanitize() {
  command -v compute-sanitizer > /dev/null || { problem "compute-sanitizer is not in the path"; return; }
  local tool name
  for tool in memcheck racecheck synccheck initcheck; do
    for name in "${!small[@]}"; do sanitized "$tool" "$name" & done
    wait
  done
}
bench() {
  rm -f "$out/figures.jsonl" "$out/figures.txt"
  if command -v nvidia-smi > /dev/null; then
    nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader | tee "$out/figures.txt"
  fi
  local name
  for name in kernels steps; do
    "$out/$name" "$out/figures.jsonl" 2>&1 | tee -a "$out/figures.txt" || problem "the benchmark $name failed"
  done
  if python3 -c 'import torch; assert torch.cuda.is_available()' 2> /dev/null; then
    python3 "$root/benchmarks/gpu/torch_step.py" "$out/figures.jsonl" 2>&1 | tee -a "$out/figures.txt" || problem "PyTorch's steps failed"
  else
    echo "PyTorch cannot be imported: no comparison" | tee -a "$out/figures.txt"
  fi
  echo "The table is $out/figures.txt, as JSON $out/figures.jsonl."
}
# Needs no GPU.
registers() {
  nvcc "${flags[@]}" -arch="$arch" "$root/benchmarks/gpu/shared_memory.cu" -lcublasLt -o "$out/shared_memory"
  "$out/shared_memory" | tee "$out/shared_memory.txt"
  for a in sm_80 sm_90a sm_100; do
    compile "$a" "$root/benchmarks/gpu/instances.cu" "$out/instances.$a.o"
    echo "== $a"
    kernel_table < "$out/instances.$a.o.ptxas" | tee "$out/registers.$a.txt"
  done
}

# A rank on each GPU of the machine, which is one if it has one GPU: sums and gathers are checked, then timed. Needs NCCL.
nccl() {
  headers nccl.h
  compile "$arch" "$root/benchmarks/gpu/nccl_ranks.cu" "$out/nccl_ranks.o"
  nvcc -arch="$arch" "$out/nccl_ranks.o" -lcublasLt -lnccl -o "$out/nccl_ranks"
  local gpus rank jobs=() job failed=0
  gpus=$(nvidia-smi --list-gpus | wc -l)
  for ((rank = 0; rank < gpus; ++rank)); do
    timeout 300 "$out/nccl_ranks" "$out" "$$" "$rank" "$gpus" & jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  return "$failed"
}

rm -f "$out/problems.txt"
for stage in "${stages[@]}"; do
  echo "=== $stage"
  begin=$SECONDS
  set +e  # a subshell of its own, in which the first failure ends the stage and nothing else
  (
    set -e
    case $stage in
      test) run_tests ;;
      *) "$stage" ;;
    esac
  )
  status=$?
  set -e
  ((status == 0)) || problem "the stage $stage broke off"
  echo "=== $stage: $((SECONDS - begin)) s"
done
[[ ! -s $out/problems.txt ]] || { echo "=== problems"; cat "$out/problems.txt"; exit 1; }
