#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to two trained models, a table, a plot and a generated text: a 12-layer GPT trained in full, and
# again with 6, 8, 10 and finally all 12 layers, for the same number of steps on the same data.
#
#   bash examples/quickstart.sh                      about 3 minutes on two fast cores, without downloads
#   TEXT=my.txt STEPS=2000 bash examples/quickstart.sh
#
# All output is in build/: programs/ (the compiled programs, for GPT-2 only) and quickstart/ (the results, replaced every time).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=$root/build/programs
out=$root/build/quickstart
steps=${STEPS:-500}
source "$root/examples/install_packages.sh"

say() { printf '\n[%d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

if [[ -n ${TEXT:-} ]]; then
  [[ -e $TEXT ]] || { echo "TEXT is $TEXT: no such file or folder."; exit 1; }
  TEXT=$(realpath "$TEXT")
  ensure_packages "$build_packages"
else
  ensure_packages "$build_packages bible-kjv"
  own="Use another text: TEXT=my.txt bash examples/quickstart.sh"
  command -v bible >/dev/null || { echo "The program bible (Debian: bible-kjv) is missing. $own"; exit 1; }
fi

say "1 of 5: building three programs into build/programs (about a minute; a few seconds if they exist already) ..."
mkdir -p "$programs"
build_log=$programs/quickstart.log
if ! { cmake -S "$root" -B "$programs" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRAPTR_BUILD_TESTS=OFF -DRAPTR_BUILD_BENCHMARKS=OFF -DRAPTR_INSTALL=OFF \
  -DRAPTR_PRETRAIN_FAMILIES=gpt2 &&
  cmake --build "$programs" --target raptr-pretrain raptr-generate raptr-compare; } >"$build_log" 2>&1; then
  cat "$build_log"
  echo "The build failed; the lines above are in $build_log"
  exit 1
fi
PATH=$programs/examples:$PATH

rm -rf "$out"
mkdir -p "$out"
cd "$out"
documents="file"
if [[ -n ${TEXT:-} ]]; then
  say "2 of 5: the text is $TEXT"
else
  say "2 of 5: writing the King James Bible to build/quickstart/text.txt (a second) ..."
  # Lines are like "Ge1:1 In the beginning": the reference is removed, and a blank line separates chapters.
  bible -f gen1:1-rev22:21 </dev/null |
    awk '{ chapter = $1; sub(/:.*/, "", chapter); if (NR > 1 && chapter != last) print ""; last = chapter; sub(/^[^ ]+ /, ""); print }' >text.txt
  [[ $(wc -c <text.txt) -gt 3000000 ]] || { echo "The program bible gave only $(wc -c <text.txt) bytes. $own"; exit 1; }
  TEXT=text.txt
  documents=blank-line
fi

# The two runs differ only in the schedule.
options=(--text "$TEXT" --documents "$documents" --layers 12 --width 128 --heads 4 --context 128 --batch 16 --steps "$steps" --learning-rate 0.002
  --rate-rule wsd --validate-every $(((steps + 9) / 10)) --checkpoint-every 0)
say "3 of 5: training all 12 layers in all $steps steps ..."
raptr-pretrain "${options[@]}" --schedule full --out full
say "4 of 5: training 6, 8, 10, then 12 of the 12 layers, a quarter of the $steps steps each ..."
raptr-pretrain "${options[@]}" --schedule 6-8-10-12 --out progressive

say "5 of 5: comparing, and generating a text with the second model ..."
echo
raptr-generate --run progressive --prompt 'And God said' --tokens 300 --temperature 0.7 | tee sample.txt
echo
raptr-compare full progressive --out .
say "Done. In build/quickstart: report.md, curves.svg (the plot), sample.txt, full/ and progressive/."
