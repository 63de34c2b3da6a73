#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# packaging/instruction_sets.sh with other pairs of instruction sets, optimisations and compilers than the one of the ordinary suite.
#   instruction_sets.sh BUILD_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(realpath "$1")/instruction_sets
for compiler in g++ clang++; do
  command -v "$compiler" >/dev/null || { echo "There is no $compiler here: not tried."; continue; }
  for pair in "x86-64-v2 native" "native x86-64-v2" "x86-64-v3 native" "x86-64 x86-64-v3"; do
    read -r predicts trains <<<"$pair"
    for options in "-O0" "-O2" "-O2 -fsanitize=address"; do
      code=0
      OPTIONS=$options PREDICTS=$predicts TRAINS=$trains bash "$root/tests/packaging/instruction_sets.sh" "$work" "$compiler" -std=c++20 \
        -I"$root/include" || code=$?
      ((code == 0 || code == 77)) || exit "$code"
    done
  done
done
