#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds everything and runs every test. RAPTR_BUILD_DIR names another build folder.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${RAPTR_BUILD_DIR:-$root/build/tests}
source "$root/examples/install_packages.sh"
ensure_packages "$build_packages $test_packages"

# The front end's warnings are errors here.
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_COMPILE_WARNING_AS_ERROR=ON -DCMAKE_CXX_COMPILER="${CXX:-g++}"
cmake --build "$build"
ctest --test-dir "$build" --output-on-failure -j "$(nproc)"
