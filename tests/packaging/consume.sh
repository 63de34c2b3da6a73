#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# consume.sh SOURCE BUILD WORK COMPILER GENERATOR
# Installs raptr into WORK and uses it from other projects in every way that docs/building.md names. What must not reach a
# parent project: our flags, tests, programs, and cache entries other than the five options of CMakeLists.txt.
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
  if grep -E '^RAPTR_[A-Z_]*:BOOL=ON' "$work/$1/CMakeCache.txt" | grep -v '^RAPTR_INSTALL:'; then fail "$1: an option of raptr is on in a parent project"; fi
  if grep -E '^(doctest|benchmark)_DIR' "$work/$1/CMakeCache.txt"; then fail "$1: a package for our own programs was looked for"; fi
  (cd "$work/$1" && ctest -N | grep -qx 'Total Tests: 0') || fail "$1: tests of raptr in the parent project"
  cmake --install "$work/$1" --prefix "$work/$1.installed" >/dev/null
  [[ $(files_of "$work/$1.installed" | grep -v -- '-io-targets.cmake') == $(files_of "$work/stage" | grep -v -- '-io-targets.cmake') ]] ||
    fail "$1: the parent project installs something else than raptr: $(files_of "$work/$1.installed")"
}
files_of() { (cd "$1" && find . -type f | sort); }

version=$(sed -n 's/.*library_version = "\(.*\)".*/\1/p' "$source/include/raptr/base/version.hpp")
cmake --install "$build" --prefix "$work/first" >/dev/null
mv "$work/first" "$work/stage" # an installed tree may be moved

project package package -DCMAKE_PREFIX_PATH="$work/stage"
project package_io package -DCMAKE_PREFIX_PATH="$work/stage" -DCOMPONENTS=io
# eigen_package VERSION: a CMake package as Eigen of that version has it, with the headers of this machine. From 5.0 on it refuses
# a request for 3.4, and sets no variable.
eigen_package() {
  mkdir -p "$work/eigen-$1"
  cat >"$work/eigen-$1/Eigen3Config.cmake" <<END
add_library(Eigen3::Eigen INTERFACE IMPORTED)
target_include_directories(Eigen3::Eigen INTERFACE "$eigen")
END
  cat >"$work/eigen-$1/Eigen3ConfigVersion.cmake" <<END
set(PACKAGE_VERSION $1)
if(NOT PACKAGE_FIND_VERSION OR PACKAGE_FIND_VERSION_MAJOR EQUAL ${1%%.*})
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
END
  echo "-DEigen3_DIR=$work/eigen-$1"
}
eigen=$(for folder in /usr/include/eigen3 /usr/local/include/eigen3; do [[ ! -e $folder/Eigen/Core ]] || echo "$folder"; done | head -1)
if [[ -n $eigen ]]; then
  project package_eigen package -DCMAKE_PREFIX_PATH="$work/stage" -DCOMPONENTS=eigen
  project package_eigen5 package -DCMAKE_PREFIX_PATH="$work/stage" -DCOMPONENTS=eigen "$(eigen_package 5.0.1)"
  project eigen_folder package -DCMAKE_PREFIX_PATH="$work/stage" -DCOMPONENTS=eigen -DEIGEN3_INCLUDE_DIR="$eigen" -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON
fi
mpi=$(command -v mpicxx || true)
[[ -z $mpi ]] || project package_mpi package -DCMAKE_PREFIX_PATH="$work/stage" -DCOMPONENTS=mpi
project fetch fetch -DFETCHCONTENT_FULLY_DISCONNECTED=ON -DCOMPONENTS="io${eigen:+;eigen}${mpi:+;mpi}"
check_parent fetch
project subdirectory subdirectory -DRAPTR_INSTALL=OFF
cmake --install "$work/subdirectory" --prefix "$work/nothing" >/dev/null
[[ ! -e $work/nothing ]] || fail "RAPTR_INSTALL=OFF installs $(files_of "$work/nothing")"
cmake --install "$work/subdirectory" --component raptr --prefix "$work/by_component" >/dev/null
[[ -e $work/by_component/include/raptr/raptr.hpp ]] || fail "RAPTR_INSTALL=OFF: nothing is installed by --component raptr"

echo "== two copies of raptr in one build"
copy_of() { mkdir -p "$1" && cp -r "$source/CMakeLists.txt" "$source/cmake" "$source/include" "$1"; }
copy_of "$work/copy"
configured() { # NAME HOW CMAKE_ARGUMENTS...
  cmake -S "$consumer" -B "$work/$1" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" -DRAPTR_DIR="$source" -DCOPY_DIR="$work/copy" \
    -DHOW="$2" "${@:3}" >"$work/$1.log" 2>&1
}
for how in 'subdirectory;copy' 'copy;fetch' 'package;copy' 'subdirectory;package'; do
  configured twice "$how" -DFETCHCONTENT_FULLY_DISCONNECTED=ON -DCMAKE_PREFIX_PATH="$work/stage" -DCOMPONENTS=io ||
    { cat "$work/twice.log"; fail "raptr by $how does not configure"; }
  rm -rf "$work/twice"
done
project twice 'subdirectory;copy' -DCOPY_DIR="$work/copy"
sed -i 's/library_version = "[0-9.]*"/library_version = "0.99.0"/' "$work/copy/include/raptr/base/version.hpp"
for how in 'subdirectory;copy' 'package;copy'; do
  if configured two_versions "$how" -DCMAKE_PREFIX_PATH="$work/stage"; then fail "two versions of raptr configure by $how"; fi
  tr '\n' ' ' <"$work/two_versions.log" | tr -s ' ' | grep -qF "has raptr $version already, and $work/copy is raptr 0.99.0" ||
    { cat "$work/two_versions.log"; fail "two versions of raptr by $how without their numbers"; }
  rm -rf "$work/two_versions"
done

# exported NAME CMAKE_ARGUMENTS...: installs a library that uses raptr, and builds a project that uses the library.
exported() {
  local name=$1
  shift
  echo "== exported $name"
  { cmake -S "$source/tests/packaging/exporter" -B "$work/exporter.$name" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" -DRAPTR_DIR="$source" "$@" &&
    cmake --build "$work/exporter.$name" && cmake --install "$work/exporter.$name" --prefix "$work/exported.$name"; } >"$work/exporter.$name.log" 2>&1 ||
    { cat "$work/exporter.$name.log"; fail "the library exported as $name cannot be installed"; }
  [[ -e $work/exported.$name/include/raptr || $* == *RAPTR_INSTALL=OFF* || $* == *EXCLUDE* ]] || fail "exported $name: raptr is not installed with the library"
  project "uses_$name" exporter -DCMAKE_PREFIX_PATH="$work/exported.$name;$work/stage"
}
mv "$work/stage" "$work/away" # what the library installs suffices
exported public -DKIND=STATIC -DSCOPE=PUBLIC -DTARGET=raptr::raptr
exported private -DKIND=STATIC -DSCOPE=PRIVATE -DTARGET=raptr::raptr
exported shared -DKIND=SHARED -DSCOPE=PRIVATE -DTARGET=raptr::raptr
exported io -DKIND=STATIC -DSCOPE=PUBLIC -DTARGET=raptr::io
[[ -z $eigen ]] || exported eigen -DKIND=STATIC -DSCOPE=PUBLIC -DTARGET=raptr::eigen
mv "$work/away" "$work/stage"
exported without_raptr -DKIND=STATIC -DSCOPE=PUBLIC -DTARGET=raptr::raptr -DRAPTR_INSTALL=OFF
exported excluded -DKIND=STATIC -DSCOPE=PRIVATE -DTARGET=raptr::raptr -DEXCLUDE=EXCLUDE_FROM_ALL

# A parent project has brought Eigen and nlohmann-json, and neither they nor OpenMP can be found elsewhere: its own are used,
# and nothing is looked for.
json=$(echo '#include <nlohmann/json.hpp>' | "$compiler" -std=c++20 -M -x c++ - 2>/dev/null | tr ' ' '\n' | sed -n 's|/nlohmann/json.hpp$||p' || true)
if [[ -n $json ]]; then # in a folder that the compiler knows by itself
  project own_libraries own_libraries -DCOMPONENTS="io${eigen:+;eigen}" -DJSON_DIR="$json" -DEIGEN_DIR="$eigen" -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON \
    -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON
  check_parent own_libraries
  exported own_json -DKIND=STATIC -DSCOPE=PRIVATE -DTARGET=raptr::io -DJSON_DIR="$json"
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
refused 'eigen-3.3.9 is Eigen 3.3.9)' -DCOMPONENTS=eigen "$(eigen_package 3.3.9)"
refused 'the component eigen needs Eigen 3.4 or newer (none was found)' -DCOMPONENTS=eigen -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON
refused 'the component nccl needs NCCL 2.18 or newer (there is no CUDA toolkit 12.4 or newer)' -DCOMPONENTS=nccl -DCMAKE_DISABLE_FIND_PACKAGE_CUDAToolkit=ON
refused 'the component mpi needs MPI 3 or newer, such as Open MPI or MPICH (none was found)' -DCOMPONENTS=mpi -DCMAKE_DISABLE_FIND_PACKAGE_MPI=ON
refused 'which has no Eigen/Core)' -DCOMPONENTS=eigen -DEIGEN3_INCLUDE_DIR="$work"

if command -v pkg-config >/dev/null; then
  echo "== pkg-config"
  pkg_config() { PKG_CONFIG_PATH="$1${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}" pkg-config "${@:2}" raptr; }
  [[ $(pkg_config "$work/stage/share/pkgconfig" --modversion) == "$version" ]] || fail "raptr.pc has another version"
  read -r -a flags <<<"$(pkg_config "$work/stage/share/pkgconfig" --cflags --libs)"
  "$compiler" -std=c++20 "$consumer/main.cpp" "${flags[@]}" -o "$work/pkg_config"
  [[ $("$work/pkg_config") == "$version" ]] || fail "the program built with pkg-config does not run"
fi

# Another prefix at the installation than at the configuration, with folders of any kind: raptr.pc and the package point at the headers.
echo "== installed folders"
# placed NAME PC_FOLDER HEADERS CMAKE_ARGUMENTS...: configures for the prefix NAME/configured, installs to NAME/chosen.
placed() {
  local name=$1 pc=$2 headers=$3
  shift 3
  cmake -S "$source" -B "$work/$name/build" -G "$generator" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_INSTALL_PREFIX="$work/$name/configured" \
    -DRAPTR_BUILD_TESTS=OFF -DRAPTR_BUILD_EXAMPLES=OFF -DRAPTR_BUILD_BENCHMARKS=OFF "$@" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; fail "$name"; }
  cmake --install "$work/$name/build" --prefix "$work/$name/chosen" >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; fail "$name cannot be installed"; }
  [[ -e $headers/raptr/raptr.hpp ]] || fail "$name: the headers are not in $headers"
  if command -v pkg-config >/dev/null; then
    [[ $(realpath "$(pkg_config "$pc" --variable=includedir)") == $(realpath "$headers") ]] ||
      fail "$name: raptr.pc says $(pkg_config "$pc" --variable=includedir) instead of $headers"
  fi
  configured "$name/consumer" package -Draptr_DIR="${pc%pkgconfig}cmake/raptr" || { cat "$work/$name/consumer.log"; fail "$name: the package does not work"; }
}
for name in relative include_absolute all_absolute deep lib_absolute; do mkdir -p "$work/$name"; done
# CMake refuses an include folder inside the source folder, where WORK may be.
outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
placed relative "$work/relative/chosen/share/pkgconfig" "$work/relative/chosen/include"
placed include_absolute "$work/include_absolute/chosen/share/pkgconfig" "$outside/include_absolute" \
  -DCMAKE_INSTALL_INCLUDEDIR="$outside/include_absolute"
placed all_absolute "$work/all_absolute/data/pkgconfig" "$outside/all_absolute" \
  -DCMAKE_INSTALL_INCLUDEDIR="$outside/all_absolute" -DCMAKE_INSTALL_DATADIR="$work/all_absolute/data"
placed deep "$work/deep/chosen/a/b/share/pkgconfig" "$work/deep/chosen/include/x/y" -DCMAKE_INSTALL_INCLUDEDIR=include/x/y -DCMAKE_INSTALL_DATADIR=a/b/share
placed lib_absolute "$work/lib_absolute/chosen/share/pkgconfig" "$work/lib_absolute/chosen/include" -DCMAKE_INSTALL_LIBDIR="$work/lib_absolute/lib"
if (placed data_absolute x x -DCMAKE_INSTALL_DATADIR="$work/data_absolute/data") >"$work/refused.log" 2>&1; then fail "package files that do not find their headers"; fi
# CMake breaks the lines of a message, depending on the length of the folders.
[[ $(tr -s '[:space:]' ' ' <"$work/refused.log") == *'make both folders absolute, or neither'* ]] || { cat "$work/refused.log"; fail "no message about an absolute CMAKE_INSTALL_DATADIR"; }
