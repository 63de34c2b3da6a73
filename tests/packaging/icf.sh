#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# icf.sh WORK COMPILER FLAGS...
# Compiles icf/policies.cpp and links it as usual, and by lld and gold with --icf=all, which gives functions of equal code one address.
# Each program checks itself, also whether the linker has folded, and all print the same. A missing linker is an error.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$1 compiler=$2
shift 2
mkdir -p "$work"

# Without -ffunction-sections there is nothing to fold. At -O1, because g++ -O2 folds by itself and then lets one function call the other.
"$compiler" "$@" -O1 -ffunction-sections -I"$here/../support" -c "$here/icf/policies.cpp" -o "$work/policies.o"
"$compiler" "$work/policies.o" -o "$work/plain"
"$work/plain" plain | tee "$work/plain.txt"
# link NAME LINKER OPTIONS...
link() {
  local name=$1 linker=$2
  shift 2
  if ! command -v "ld.$linker" >/dev/null; then
    echo "icf.sh: there is no ld.$linker: install it (the Debian packages are lld, and binutils for gold)"
    exit 1
  fi
  echo "== $linker $*"
  "$compiler" "-fuse-ld=$linker" "${@/#/-Wl,}" "$work/policies.o" -o "$work/$name"
  "$work/$name" folded | tee "$work/$name.txt"
  cmp "$work/plain.txt" "$work/$name.txt"
}
link lld lld --icf=all
link lld_data lld --icf=all --ignore-data-address-equality # folds equal constants too
link gold gold --icf=all
