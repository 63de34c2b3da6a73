#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# instruction_sets.sh WORK COMPILER FLAGS...
# One program of two files that are compiled for other instruction sets: one predicts, the other trains. In either order of the linker,
# which keeps the first of two functions of one name, both find the loss of a program that is compiled for one of them. A model that one
# file makes and another one uses does not link. Under AddressSanitizer by default; the variables choose more:
#   PREDICTS, TRAINS   for what the files are compiled: x86-64-v2 and x86-64-v3
#   OPTIONS            -O1 -fsanitize=address
# Exit code 77: this processor does not know these instructions, or is another one.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/instruction_sets
work=$1 compiler=$2
shift 2
read -ra options <<<"${OPTIONS:--O1 -fsanitize=address}"
predicts=${PREDICTS:-x86-64-v2} trains=${TRAINS:-x86-64-v3}
mkdir -p "$work"
if [[ $(uname -m) != x86_64 ]] || ! grep -qw fma /proc/cpuinfo || ! "$compiler" -march="$trains" -x c++ -c /dev/null -o "$work/probe.o"; then
  echo "instruction_sets.sh: needs an x86-64 processor with AVX2 and FMA"
  exit 77
fi

# compile_file FILE ARCHITECTURE OBJECT FLAGS...
compile_file() {
  local file=$1 architecture=$2 object=$3
  shift 3
  "$compiler" "$@" "${options[@]}" -march="$architecture" -c "$here/$file" -o "$work/$object"
}
link() { "$compiler" -pthread "${options[@]}" "${@:2}" -o "$work/$1"; }
compile_file main.cpp x86-64 main.o "$@"
compile_file predicts.cpp "$predicts" predicts.o "$@"
compile_file trains.cpp "$trains" trains.o "$@"

# The losses of programs that are compiled for one instruction set; they agree within the tolerance of main.cpp.
expected=(4.881224 3.035124)
failed=0
for order in "predicts trains" "trains predicts"; do
  read -r first second <<<"$order"
  link "$first" "$work/main.o" "$work/$first.o" "$work/$second.o"
  echo "== $predicts predicts, $trains trains, ${options[*]}, $first first"
  "$work/$first" "${expected[@]}" || failed=1
done

compile_file passes.cpp "$trains" passes.o "$@"
link passes "$work/passes.o" "$work/trains.o"
compile_file passes.cpp "$predicts" passes.o "$@"
if link passes "$work/passes.o" "$work/trains.o" 2>"$work/passes.log"; then
  echo "a model passes between files of $predicts and $trains"
  failed=1
elif ! grep -q 'undefined reference to .*weights_of' "$work/passes.log"; then
  cat "$work/passes.log"
  failed=1
fi
exit "$failed"
