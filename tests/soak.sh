#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that takes too long for every change: the suite with g++ and clang, under the sanitizers, and then the
# campaigns, which are the executable scripts tests/soak/*.sh. A campaign is called with the g++ build folder as its one argument.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export RAPTR_BUILD_DIR=${RAPTR_BUILD_DIR:-$root/build/tests}

bash "$root/tests/run.sh"
cd "$root"
for preset in clang asan tsan; do
  echo "== $preset"
  cmake --preset "$preset" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
  cmake --build --preset "$preset"
  ctest --preset "$preset" -j "$(nproc)"
done
for campaign in "$root"/tests/soak/*.sh; do
  [[ -x $campaign ]] || continue
  echo "== ${campaign##*/}"
  "$campaign" "$RAPTR_BUILD_DIR" || [[ $? -eq 77 ]] # what it needs is not here
done
echo "The long tests passed."
