#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# compile_fail.sh FILE COMPILER FLAGS...
# FILE holds one mistake and must not compile. Its first lines say what the user has to read:
#   // expect: TEXT         the first line of the compiler with " error: " contains TEXT
#   // expect-clang: TEXT   the same for clang, where clang words it in another way
#   // flags: FLAGS         more flags for this file
# A file that mentions RIGHT has to compile with -DRIGHT, so that it fails for its mistake and for nothing else.
# PRECOMPILED: a header whose precompiled form lies beside it. Files without flags and macros of their own include it first, to be
# faster.
set -euo pipefail
file=$1 compiler=$2
shift 2

from_head() { sed -n "1,3s|^// $1: *||p" "$file"; }
compile() { LC_ALL=C "$compiler" "${flags[@]}" -fsyntax-only "$@" "$file" 2>&1; }

flags=("$@")
read -r -a more <<<"$(from_head flags)"
flags+=("${more[@]}")
if [[ -n ${PRECOMPILED:-} && ${#more[@]} -eq 0 ]] && ! grep -q '^#define' "$file"; then flags+=(-include "$PRECOMPILED"); fi
expected=$(from_head expect)
if [[ $("$compiler" --version) == *clang* && -n $(from_head expect-clang) ]]; then expected=$(from_head expect-clang); fi
if [[ -z $expected ]]; then
  echo "$file: its first line is not '// expect: TEXT'"
  exit 1
fi

if output=$(compile); then
  echo "$file compiles, but is expected to fail with: $expected"
  exit 1
fi
first=$(grep -m 1 ' error: ' <<<"$output" || true)
if [[ $first != *"$expected"* ]]; then
  printf 'expected: %s\nfirst:    %s\n\n%s\n' "$expected" "$first" "$(head -n 40 <<<"$output")"
  exit 1
fi
if grep -qw RIGHT "$file" && ! output=$(compile -DRIGHT); then
  printf '%s: does not compile with -DRIGHT\n%s\n' "$file" "$(head -n 40 <<<"$output")"
  exit 1
fi
