#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# compile_fail_selftest.sh COMPILER: compile_fail.sh passes and fails where it should.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
file=$(mktemp --suffix .cpp)
trap 'rm -f "$file"' EXIT
compiler=$1

# judge PASS|FAIL WHAT, with the code from standard input
judge() {
  local verdict=PASS
  cat >"$file"
  bash "$here/compile_fail.sh" "$file" "$compiler" -std=c++20 >/dev/null || verdict=FAIL
  if [[ $verdict != "$1" ]]; then
    echo "$2: expected $1, got $verdict"
    exit 1
  fi
}

judge PASS 'our sentence comes first' <<'CODE'
// expect: keep at most 12
static_assert(false, "keep at most 12");
int main() { return nothing; }
CODE
judge FAIL 'our sentence comes second' <<'CODE'
// expect: keep at most 12
int first = nothing;
static_assert(false, "keep at most 12");
CODE
judge FAIL 'the code compiles' <<'CODE'
// expect: keep at most 12
int main() {}
CODE
judge FAIL 'no sentence is named' <<'CODE'
static_assert(false, "keep at most 12");
CODE
judge PASS 'the flags of the file are used' <<'CODE'
// expect: keep at most 12
// flags: -DKEPT=13 -DTOTAL=12
static_assert(KEPT <= TOTAL, "keep at most 12");
CODE
judge PASS 'the right code compiles' <<'CODE'
// expect: keep at most 12
#ifndef RIGHT
static_assert(false, "keep at most 12");
#endif
CODE
judge FAIL 'the right code does not compile' <<'CODE'
// expect: keep at most 12
#ifdef RIGHT
int kept = 12
#endif
static_assert(false, "keep at most 12");
CODE
