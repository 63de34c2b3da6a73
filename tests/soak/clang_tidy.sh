#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy over the programs and examples, with the list in .clang-tidy. The suite runs it over the headers.
#   clang_tidy.sh BUILD_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tidy=$(command -v clang-tidy-14 || command -v clang-tidy) || { echo "clang-tidy is missing (Debian: clang-tidy)"; exit 1; }
cd "$root"
mapfile -t sources < <(find examples -name '*.cpp' | sort)
printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -I{} "$tidy" --quiet {} -- -std=c++20 -Iinclude -w
echo "clang-tidy: ${#sources[@]} files, no warning"
