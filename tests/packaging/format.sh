#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# No text file has a blank or a carriage return at the end of a line, each ends with a line end (.editorconfig), and every C++ and
# CUDA file is formatted as .clang-format says. Stored files of tests (fixtures/, corpus/) are exempt.
#   format.sh SOURCE_FOLDER CLANG_FORMAT
# Other versions of clang-format than 14 format some lines in another way: without version 14 the test is skipped (77).
set -euo pipefail
cd "$1"
clang_format=$2
files() { find include examples tests benchmarks docs cmake -type f \( "$@" \) -not -path '*/fixtures/*' -not -path '*/corpus/*' | sort; }
mapfile -t code < <(files -name '*.hpp' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu' -o -name '*.h')
mapfile -t text < <(files -name '*.sh' -o -name '*.py' -o -name '*.txt' -o -name '*.cmake' -o -name '*.in' -o -name '*.json' -o -name '*.md')
text+=("${code[@]}" ./*.md CMakeLists.txt CMakePresets.json .ci/run .clang-format .clang-tidy .editorconfig)
(( ${#code[@]} > 300 )) || { echo "only ${#code[@]} files of code found"; exit 1; }

failed=0
for file in "${text[@]}"; do
  [[ -z $(tail -c 1 "$file") ]] || { echo "$file: no line end at its end"; failed=1; }
  [[ $file != tests/mutants/list.txt ]] || continue  # quotes lines as they stand, blanks at their ends included
  if grep -naH $'[[:blank:]\r]$' "$file"; then failed=1; fi
done
(( failed == 0 )) || exit 1

"$clang_format" --version 2>/dev/null | grep -q 'version 14\.' || { echo "$clang_format is not clang-format 14 (Debian 12: clang-format)"; exit 77; }
"$clang_format" --dry-run -Werror "${code[@]}"
