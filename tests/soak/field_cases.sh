#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Cases of docs/field_cases.md that need many compilations: what a user's compiler, flags, macros and other libraries do to the
# headers. With one of the words warnings, guards, eigen, words: that part alone.
#   field_cases.sh BUILD_FOLDER [PART]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1 part=${2:-all}
work=$build/field_cases
rm -rf "$work"
mkdir -p "$work"
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
compilers=(g++)
if command -v clang++ >/dev/null; then compilers+=(clang++); fi
flags=(-std=c++20 -pthread "-I$root/include")
has() { [[ $part == all || $part == "$1" ]]; }
# try NAME COMPILER FLAGS...: compiles; the messages are in NAME.log.
try() {
  local name=$1
  shift
  "$@" >"$work/$name.log" 2>&1
}

if has warnings; then
  echo "== pkg-2: a user's warnings as errors, not as system headers, with a selector of one's own"
  warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror)
  for compiler in "${compilers[@]}"; do
    for level in -O0 -O2 -O3; do
      for program in readme custom_selector; do
        try pkg2 "$compiler" "${flags[@]}" "${warnings[@]}" $level -c "$root/examples/$program.cpp" -o "$work/pkg2.o" ||
          fail "$compiler $level $program: $(grep -m 1 error "$work/pkg2.log")"
      done
    done
  done
fi

if has guards; then
  echo "== pkg-5, pkg-6, pkg-7: every header compiles with these flags and macros, or its first error is a sentence of ours"
  mapfile -t headers < <(cd "$root/include" && find raptr -name '*.hpp' | sort)
  # every_header NAME BEFORE FLAGS...: BEFORE is put in front of the include.
  every_header() {
    local name=$1 before=$2 compiled=0 refused=0 header first
    shift 2
    for compiler in "${compilers[@]}"; do
      for header in "${headers[@]}"; do
        printf '%s\n#include <%s>\n' "$before" "$header" >"$work/one.cpp"
        if try one "$compiler" "${flags[@]}" "$@" -Wfatal-errors -fsyntax-only "$work/one.cpp"; then
          compiled=$((compiled + 1))
          continue
        fi
        first=$(grep -m 1 ' error: ' "$work/one.log" || true)
        if [[ $first == *'"raptr: '* || $first == *' raptr: '* ]]; then refused=$((refused + 1)); else fail "$name, $compiler, $header: $first"; fi
      done
    done
    echo "$name: $compiled compile, $refused are refused in a sentence"
  }
  macros=$'#include <bits/stdc++.h>\n#include <fcntl.h>\n#include <sys/file.h>\n#include <sys/mman.h>\n#include <sys/stat.h>\n#include <unistd.h>\n#if __has_include(<nlohmann/json.hpp>)\n#include <nlohmann/json.hpp>\n#endif\n#if __has_include(<eigen3/Eigen/Core>)\n#include <eigen3/Eigen/Core>\n#endif\n#define min(a, b) bad\n#define max(a, b) bad'
  every_header 'min and max as macros' "$macros"
  every_header 'single letters as macros' $'#define T 1\n#define N 2'
  every_header '-fno-exceptions' '' -fno-exceptions
  every_header '-ffast-math' '' -ffast-math
  for compiler in "${compilers[@]}"; do
    for fast in -ffast-math -Ofast; do
      if try pkg7 "$compiler" "${flags[@]}" "-I$root/tests/support" $fast -fsyntax-only "$root/tests/train/nonfinite_test.cpp"; then
        fail "$compiler $fast: the tests of numbers that are not finite compile"
      fi
      [[ $(grep -m 1 ' error: ' "$work/pkg7.log") == *'raptr: -ffast-math and -Ofast'* ]] || fail "$compiler $fast: $(head -3 "$work/pkg7.log")"
    done
  done
fi

if has eigen && [[ -d /usr/include/eigen3 ]]; then
  echo "== pkg-8: Eigen before and after raptr, with and without OpenMP, in two files that are linked together"
  eigen=("${flags[@]}" -isystem /usr/include/eigen3 -O1)
  results=()
  for compiler in "${compilers[@]}"; do
    for mode in '' -fopenmp; do
      lto=()
      [[ $compiler == g++ ]] && lto=(-flto -Wodr -Werror=odr) # a breach of the one-definition rule stops the link
      for file in before after main; do
        # shellcheck disable=SC2086
        try eigen "$compiler" "${eigen[@]}" "${lto[@]}" $mode -c "$root/tests/packaging/eigen/$file.cpp" -o "$work/$file$mode.o" ||
          fail "$compiler $mode $file: $(head -3 "$work/eigen.log")"
      done
    done
    for files in 'before after main' 'before-fopenmp after-fopenmp main-fopenmp' 'before-fopenmp after main' 'before after-fopenmp main'; do
      objects=()
      for file in $files; do objects+=("$work/$file.o"); done
      try eigen "$compiler" "${eigen[@]}" "${lto[@]}" -fopenmp "${objects[@]}" -o "$work/eigen" || fail "$compiler, $files: $(head -3 "$work/eigen.log")"
      for threads in 1 4; do
        line=$(OMP_NUM_THREADS=$threads "$work/eigen") || fail "$compiler, $files: $line"
        results+=("$compiler $line")
      done
    done
  done
  [[ $(printf '%s\n' "${results[@]}" | sort -u | wc -l) -eq ${#compilers[@]} ]] || fail "not the same bits and threads everywhere: ${results[*]}"
  printf '%s\n' "${results[@]}" | sort -u
fi

if has words; then
  # A time that grew with the square would be ten times as long. Most of the rest is memory that is touched for the first time.
  echo "== tok-3: a word of 100,000 letters takes under a second, and nothing like ten times as long as ten words of 10,000"
  word=$(printf 'abcdefgh%.0s' {1..1250})
  for _ in 1 2 3 4 5 6 7 8 9 10; do printf '%s ' "$word"; done >"$work/ten"
  tr -d ' ' <"$work/ten" >"$work/one"
  lines=$build/tests/oracle/raptr_token_lines
  seconds() { for ((k = 0; k < 20; ++k)); do "$lines" "${GPT2:-$root/tests/tokenizers/fixtures/bpe}" - "$1" | tail -1; done | sort -g | head -1; }
  awk -v ten="$(seconds "$work/ten")" -v one="$(seconds "$work/one")" \
    'BEGIN { print "ten words: " ten " s, one: " one " s, " one / ten " times"; exit !(one < 1 && one <= 4 * ten) }' || fail "long words take too long"
fi

[[ $failures -eq 0 ]] || { echo "$failures checks failed"; exit 1; }
echo "The field cases passed."
