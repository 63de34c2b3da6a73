#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A whole run of each objective under valgrind: training, validation, checkpoints, a resume from one, the last files. A read
# of memory that nobody wrote, an access outside of it or a lost block is an error. Built without AVX-512, which valgrind
# does not know.
#   valgrind.sh BUILD_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$1/valgrind
source "$root/examples/install_packages.sh"
ensure_packages "valgrind"

mkdir -p "$work"
cmake -S "$root" -B "$work/build" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-Og -g" -DRAPTR_NATIVE=OFF \
  -DRAPTR_BUILD_TESTS=OFF -DRAPTR_BUILD_BENCHMARKS=OFF -DRAPTR_INSTALL=OFF > "$work/cmake.log"
cmake --build "$work/build" --target raptr-pretrain > "$work/build.log" || { tail -30 "$work/build.log"; exit 1; }

rm -rf "$work/runs"
mkdir "$work/runs"
cd "$work/runs"
for ((i = 0; i < 60; ++i)); do echo "line $i holds $((i * i % 97)) and $((i * 7 % 31))"; done > text.txt
checked() {
  # fair-sched: threads that wait for each other in turns.
  valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect --fair-sched=yes \
    "$work/build/examples/raptr-pretrain" "$@" > out.log 2> err.log || { code=$?; cat out.log err.log; echo "exit code $code: raptr-pretrain $*"; exit 1; }
  [[ ! -s err.log ]] || { cat err.log; exit 1; }
}
tiny=(--text text.txt --layers 4 --width 16 --heads 2 --context 16 --batch 2 --accumulate 2 --threads 2 --steps 12 --checkpoint-every 4
  --validate-every 6 --validation-windows 4)
checked "${tiny[@]}" --schedule 2-3-4 --dropped-update zero_gradient --out causal
checked "${tiny[@]}" --objective masked_lm --schedule stack:1-2-4 --out masked
for run in causal masked; do
  cp -r $run whole
  rm -r $run/summary.json $run/checkpoints/step-000012
  checked --resume $run
  for file in model optimizer; do cmp $run/checkpoints/step-000012/$file.safetensors whole/checkpoints/step-000012/$file.safetensors; done
  rm -r whole
done
echo "valgrind: two runs and two resumed ones, no error."
