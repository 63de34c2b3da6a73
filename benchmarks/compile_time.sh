#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compile time in seconds, median of three: a trainer with every axis (compile_time_trainer.cpp), and the headers alone.
#   benchmarks/compile_time.sh [COMPILER]      the default is g++
set -eu
compiler=${1:-g++}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '#include <raptr/raptr.hpp>\n#include <raptr/backend/cpu.hpp>\nint main() {}\n' >"$work/headers.cpp"

now() { date +%s.%N; }
median() { # FILE
  for round in 1 2 3; do
    start=$(now)
    "$compiler" -std=c++20 -O3 -march=native -I"$here/../include" -c "$1" -o "$work/out.o"
    echo "$start $(now)" | awk '{ print $2 - $1 }'
  done | sort -n | sed -n 2p
}
# set -e ignores a failure inside a pipe.
check() { "$compiler" -std=c++20 -fsyntax-only -I"$here/../include" "$1"; }

check "$work/headers.cpp"
check "$here/compile_time_trainer.cpp"
"$compiler" --version | head -n 1
printf '%-28s %6.2f s\n' 'raptr.hpp and cpu.hpp alone' "$(median "$work/headers.cpp")"
printf '%-28s %6.2f s\n' 'a trainer with every axis' "$(median "$here/compile_time_trainer.cpp")"
