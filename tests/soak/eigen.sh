#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test of a device on raptr::eigen, those of interop/ and the example, for three versions of Eigen and two compilers; prints how
# many passed for each. 3.4.0 is Debian's (libeigen3-dev), 3.4.1 and 5.0.1 come in wheels of PyPI, which have the headers. PYTHON=... has
# pip; else python3-venv is used.
#   eigen.sh BUILD_FOLDER [VERSION...] [COMPILER...]     such as 5.0.1 g++; all of them without a word
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$1/eigen_versions"
work=$(realpath "$1/eigen_versions")
versions=() compilers=()
for word in "${@:2}"; do
  if [[ $word == [0-9]* ]]; then versions+=("$word"); else compilers+=("$word"); fi
done
((${#versions[@]})) || versions=(3.4.0 3.4.1 5.0.1)
((${#compilers[@]})) || compilers=(g++ clang++)
programs=(eigen/raptr_test_eigen eigen/raptr_test_eigen_counts eigen/raptr_test_eigen_blas raptr_test_interop)

# The folder of the headers of a wheel.
wheel() { # PACKAGE==VERSION
  local to=$work/${1%%==*}
  if [[ ! -d $to ]]; then
    if [[ -z ${PYTHON:-} ]]; then
      [[ -x $work/env/bin/python ]] || python3 -m venv "$work/env" >&2
      PYTHON=$work/env/bin/python
    fi
    "$PYTHON" -m pip install --quiet --no-deps --target "$to.part" "$1" >&2
    mv "$to.part" "$to"
  fi
  dirname "$(dirname "$(find "$to" -path '*/Eigen/Core' | head -1)")"
}
headers_of() {
  case $1 in
    3.4.0) echo /usr/include/eigen3 ;;
    3.4.1) wheel cmeel-eigen==3.4.1 ;;
    5.0.1) wheel eigency==5.0.1.1 ;;
    *) echo "eigen.sh: $1 is none of 3.4.0, 3.4.1, 5.0.1" >&2; return 1 ;;
  esac
}

failed=0
table=
for version in "${versions[@]}"; do
  if ! headers=$(headers_of "$version") || [[ ! -f $headers/Eigen/Core ]]; then
    echo "Eigen $version: not here, not tried"
    continue
  fi
  for compiler in "${compilers[@]}"; do
    command -v "$compiler" >/dev/null || { echo "There is no $compiler here: not tried."; continue; }
    build=$work/$version-$compiler
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
      -DRAPTR_BUILD_BENCHMARKS=OFF -DRAPTR_TEST_EIGEN_WHOLE=ON -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON -DEIGEN3_INCLUDE_DIR="$headers" >"$work/log" 2>&1 ||
      { cat "$work/log"; exit 1; }
    if ! cmake --build "$build" --target "${programs[@]##*/}" raptr_example_with_eigen >"$work/log" 2>&1; then
      tail -60 "$work/log"
      table+="Eigen $version, $compiler: does not compile"$'\n'
      failed=1
      continue
    fi
    passed=0 others=0
    for program in "${programs[@]}"; do
      "$build/tests/$program" >"$work/log" 2>&1 || { tail -60 "$work/log"; failed=1; }
      read -r good bad < <(sed -nE 's/.*test cases: *[0-9]+ *\| *([0-9]+) passed *\| *([0-9]+) failed.*/\1 \2/p' "$work/log") || true
      passed=$((passed + ${good:-0})) others=$((others + ${bad:-1}))
    done
    example='the example runs'
    "$build/examples/with_eigen" >"$work/log" 2>&1 || { tail -60 "$work/log"; failed=1 example='the example fails'; }
    table+="Eigen $version, $compiler: $passed tests passed, $others failed, $example"$'\n'
  done
done
printf '%s' "$table"
exit "$failed"
