#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Would the tests notice? Every error of tests/mutants/list.txt is put into a copy of the headers, and the tests named there
# are built with it: one of them has to fail. Survivors are listed and make this fail.
#   mutants.sh BUILD_FOLDER           all of them
#   mutants.sh BUILD_FOLDER sample    those of the ordinary suite
#   mutants.sh BUILD_FOLDER PLACE     those in include/raptr/PLACE, a header or a folder, such as backend/cuda
set -euo pipefail
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
which=${2:-all}
work=$1/mutants-${which//\//-}
list=$tests/mutants/list.txt
flags=(-std=c++20 -O0 -w -pthread "-DRAPTR_TESTS_DIR=\"$tests\"" -I"$work/include" -I"$tests/support")

rm -rf "$work"
mkdir -p "$work"
cp -R "$tests/../include" "$work/include"
build() { "${CXX:-g++}" "${flags[@]}" "$@"; }
build -c "$tests/main.cpp" -o "$work/main.o"
# The CUDA backend runs on the emulator, where a fiber for each thread of a GPU wants some optimisation. Some errors of kernels
# write a zero where nothing is: only ASan sees them.
emulator=(-O1 -fsanitize=address -I"$tests/emulator/include")
build "${emulator[@]}" -c "$tests/emulator/emulator.cpp" -o "$work/emulator.o"
# Does this test fail with the headers as they are now? A program that hangs has failed.
fails() {
  local program=$work/${1//\//.}
  local device=()
  [[ $1 == cuda/* ]] && device=("${emulator[@]}" "$work/emulator.o")
  # A program of tests/eigen, or the test of another folder compiled for raptr::eigen, as in the ordinary suite.
  local source=$tests/${1}_test.cpp
  if [[ $1 == eigen/* ]]; then
    device=(-isystem "${EIGEN3_INCLUDE_DIR:-/usr/include/eigen3}" -DRAPTR_TEST_ON_EIGEN)
    [[ $1 == eigen/openmp ]] && device+=(-fopenmp)
    source=$tests/$1.cpp
    [[ -e $source ]] || source=$tests/${1#eigen/}_test.cpp
  fi
  if ! build "${device[@]}" "$source" "$work/main.o" -o "$program" 2> "$program.log"; then
    [[ -n $name ]] && grep -q 'static assertion failed' "$program.log" && return 0  # what the compiler tests is tested
    echo "$1 does not compile${name:+ with \"$name\"}:" >&2
    head -5 "$program.log" >&2
    exit 2
  fi
  ! timeout 900 "$program" > "$program.log" 2>&1
}

caught=0 survivors=()
wanted() {
  case $which in
    all) ;;
    sample) [[ $kind == sample ]] ;;
    *) [[ $header == "$which" || $header == "$which"/* ]] ;;
  esac
}
# Every text is looked for, also of those that are not run now: a stale one would never be missed.
run() {
  local file=$work/include/raptr/$header original count
  original=$(< "$file")
  local rest=${original//"$from"/}
  count=$(( (${#original} - ${#rest}) / ${#from} ))
  if [[ $count != 1 ]]; then
    echo "\"$name\": its text stands $count times in $header" >&2
    exit 2
  fi
  wanted || return 0
  printf '%s\n' "${original/"$from"/"$to"}" > "$file"
  local by=
  for test in $tests_of; do
    if fails "$test"; then by=$test; break; fi
  done
  printf '%s\n' "$original" > "$file"
  if [[ -n $by ]]; then caught=$((caught + 1)); echo "caught by $by: $name"
  else survivors+=("$name"); echo "SURVIVED $tests_of: $name"; fi
}

name=
# Without an error the tests pass: otherwise nothing here means anything.
selected=$(awk -v which="$which" '
  /^(mutant|sample) /{kind = $1}
  /^in /{on = which == "all" || (which == "sample" ? kind == "sample" : $2 == which || index($2, which "/") == 1)}
  on && /^by /{for (i = 2; i <= NF && (i == 2 || which != "sample"); ++i) print $i}' "$list" | sort -u)
for test in $selected; do
  if fails "$test"; then echo "$test fails without an error:"; tail -20 "$work/${test//\//.}.log"; exit 2; fi
done

kind= name= header= from= to= tests_of= part=
while IFS= read -r line; do
  case $line in
    '#'*) ;;
    'mutant '* | 'sample '*) kind=${line%% *} name=${line#* } from= to= part= ;;
    'in '*) header=${line#in } ;;
    '- '*) from=${line#- } part=from ;;
    '+ '*) to=${line#+ } part=to ;;
    'by '*) tests_of=${line#by } part=; run ;;
    '') ;;
    *) if [[ $part == from ]]; then from+=$'\n'$line; else to+=$'\n'$line; fi ;;
  esac
done < "$list"

echo "$caught caught, ${#survivors[@]} survived."
if (( ${#survivors[@]} )); then printf 'survivor: %s\n' "${survivors[@]}"; exit 1; fi
