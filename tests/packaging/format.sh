#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C++ and CUDA file is formatted as .clang-format says, and text files end as .editorconfig says.
#   format.sh SOURCE_FOLDER CLANG_FORMAT
# Other versions of clang-format than 14 format some lines in another way: they are refused.
set -euo pipefail
cd "$1"
"$2" --version | grep -q 'version 14\.' || { echo "$("$2" --version): version 14 is needed (Debian 12: clang-format)"; exit 1; }
files() { find include examples tests benchmarks -type f \( "$@" \) -not -path '*/fixtures/*' -not -path '*/corpus/*' | sort; }
mapfile -t code < <(files -name '*.hpp' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu' -o -name '*.h')
(( ${#code[@]} > 300 )) || { echo "only ${#code[@]} files found"; exit 1; }
"$2" --dry-run -Werror "${code[@]}"

failed=0
mapfile -t text < <(files -name '*.sh' -o -name '*.txt' -o -name '*.py' -o -name '*.hpp' -o -name '*.cpp'; ls ./*.md docs/*.md CMakeLists.txt cmake/*)
for file in "${text[@]}"; do
  [[ $file != tests/mutants/list.txt ]] || continue  # quotes lines as they stand, blanks at their ends included
  if grep -nE '[[:blank:]]+$' "$file" /dev/null; then failed=1; fi
  [[ -z $(tail -c 1 "$file") ]] || { echo "$file: no line end at its end"; failed=1; }
done
exit $failed
