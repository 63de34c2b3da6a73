#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# consume.sh SOURCE BUILD WORK COMPILER GENERATOR
# Installs raptr into WORK and uses it from other projects in every way that the README names. What must not reach a
# parent project: our flags, tests, install rules, and cache entries other than the five options of CMakeLists.txt.
set -euo pipefail
source=$1 build=$2 work=$3 compiler=$4 generator=$5
consumer=$source/tests/packaging/consumer
rm -rf "$work"
mkdir -p "$work"

fail() {
  echo "consume.sh: $*"
  exit 1
}

# project NAME HOW CMAKE_ARGUMENTS...: configures, builds and runs the small project in WORK/NAME.
project() {
  local name=$1 how=$2
  shift 2
  echo "== $name"
  cmake -S "$consumer" -B "$work/$name" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
    -DHOW="$how" -DRAPTR_DIR="$source" "$@" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; fail "$name does not configure"; }
  cmake --build "$work/$name" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; fail "$name does not build"; }
  [[ $("$work/$name/consumer") == "$version" ]] || fail "$name does not run"
  if grep -E -- ' -(march|mtune|W|O|f)' "$work/$name/compile_commands.json"; then fail "$name: flags of raptr reached the parent project"; fi
}

# check_parent NAME: a project that raptr is a part of.
check_parent() {
  local leaked
  leaked=$(sed -n 's/^\(RAPTR_[A-Za-z0-9_]*\):.*/\1/p' "$work/$1/CMakeCache.txt" |
    grep -vxE 'RAPTR_(BUILD_TESTS|BUILD_EXAMPLES|BUILD_BENCHMARKS|INSTALL|NATIVE|DIR)' || true)
  [[ -z $leaked ]] || fail "$1: cache entries in the parent project: $leaked"
  if grep -E '^RAPTR_[A-Z_]*:BOOL=ON' "$work/$1/CMakeCache.txt"; then fail "$1: an option of raptr is on in a parent project"; fi
  if grep -E '^(doctest|benchmark)_DIR' "$work/$1/CMakeCache.txt"; then fail "$1: a package for our own programs was looked for"; fi
  (cd "$work/$1" && ctest -N | grep -qx 'Total Tests: 0') || fail "$1: tests of raptr in the parent project"
  cmake --install "$work/$1" --prefix "$work/$1.installed" >/dev/null
  [[ ! -e $work/$1.installed ]] || fail "$1: install rules of raptr in the parent project"
}

version=$(sed -n 's/.*library_version = "\(.*\)".*/\1/p' "$source/include/raptr/base/version.hpp")
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/stage" # an installed tree may be moved

project package package -DCMAKE_PREFIX_PATH="$work/stage"
project package_io package -DCMAKE_PREFIX_PATH="$work/stage" -DCOMPONENTS=io
project fetch fetch -DFETCHCONTENT_FULLY_DISCONNECTED=ON -DCOMPONENTS=io
check_parent fetch
project subdirectory subdirectory
check_parent subdirectory

# A parent project has brought Eigen and nlohmann-json, and neither they nor OpenMP can be found elsewhere: its own are used,
# and nothing is looked for.
json=$(echo '#include <nlohmann/json.hpp>' | "$compiler" -std=c++20 -M -x c++ - 2>/dev/null | tr ' ' '\n' | sed -n 's|/nlohmann/json.hpp$||p' || true)
if [[ -n $json ]]; then # in a folder that the compiler knows by itself
  project own_libraries own_libraries -DCOMPONENTS=io -DJSON_DIR="$json" -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON \
    -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON
  check_parent own_libraries
  if grep -E '^(Eigen3|nlohmann_json|OpenMP)[A-Za-z_]*(_DIR|_FLAGS|_INCLUDE)' "$work/own_libraries/CMakeCache.txt"; then
    fail "own_libraries: a library that the parent project has brought was looked for"
  fi
fi

echo "== refusals"
refused() {
  if cmake -S "$consumer" -B "$work/refused" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" -DHOW=package \
    -DCMAKE_PREFIX_PATH="$work/stage" "${@:2}" >"$work/refused.log" 2>&1; then fail "configures with $*"; fi
  tr '\n' ' ' <"$work/refused.log" | tr -s ' ' | grep -qF "$1" || { cat "$work/refused.log"; fail "no message: $1"; }
}
refused 'the component io needs nlohmann-json 3.11' -DCOMPONENTS=io -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON
refused 'raptr' -DCOMPONENTS=comm

if command -v pkg-config >/dev/null; then
  echo "== pkg-config"
  export PKG_CONFIG_PATH="$work/stage/share/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
  [[ $(pkg-config --modversion raptr) == "$version" ]] || fail "raptr.pc has another version"
  read -r -a flags <<<"$(pkg-config --cflags --libs raptr)"
  "$compiler" -std=c++20 "$consumer/main.cpp" "${flags[@]}" -o "$work/pkg_config"
  [[ $("$work/pkg_config") == "$version" ]] || fail "the program built with pkg-config does not run"
fi
