#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# rounding.sh WORK "COMPILER..." FLAGS...
# Compiles rounding/main.cpp with flags that let a compiler reassociate and take reciprocals, and runs it: -ffast-math is refused by
# base/config.hpp, but for these clang defines no macro.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$1
read -ra compilers <<<"$2"
shift 2
mkdir -p "$work"
failed=0
for compiler in "${compilers[@]}"; do
  honor="-O2"
  [[ $("$compiler" --version) == *clang* ]] && honor="-O2 -fno-honor-nans"
  for flags in "$honor" "-O2 -funsafe-math-optimizations" "-O3 -march=native -funsafe-math-optimizations -fno-math-errno" \
    "-O2 -fassociative-math -fno-signed-zeros -fno-trapping-math" "-O2 -freciprocal-math"; do
    read -ra options <<<"$flags"
    echo "== $compiler $flags"
    "$compiler" "$@" "${options[@]}" "$here/rounding/main.cpp" -o "$work/main"
    "$work/main" || failed=1
  done
done
exit "$failed"
