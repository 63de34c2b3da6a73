#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to three trained models, a table, a plot and a generated text. A 12-layer GPT on the same data,
#   full              with all 12 layers
#   progressive       with 6, 8, 10 and finally all 12 layers, for the same number of steps, at 3/4 of the cost
#   full-equal-cost   with all 12 layers, for 3/4 of the steps: at the cost of `progressive`, with a decay of its own
#
#   bash examples/quickstart.sh                      under 4 minutes on two cores, without downloads
#   TEXT=my.txt STEPS=4000 bash examples/quickstart.sh
#
# The learning rate of each arm is the best of 0.001, 0.002 and 0.004 for the text and the steps given here, with one seed; the nine losses
# are in docs/strategies.md. For another text or number of steps it is only a start.
#
# All output is in build/: programs/ (the compiled programs, for GPT-2 only) and quickstart/ (the results, replaced every time).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=$root/build/programs
out=$root/build/quickstart
steps=${STEPS:-800}
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

say "1 of 6: building three programs into build/programs (about a minute; a few seconds if they exist already) ..."
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
  say "2 of 6: the text is $TEXT"
else
  say "2 of 6: writing the King James Bible to build/quickstart/text.txt (a second) ..."
  # Lines are like "Ge1:1 In the beginning": the reference is removed, and a blank line separates chapters.
  bible -f gen1:1-rev22:21 </dev/null |
    awk '{ chapter = $1; sub(/:.*/, "", chapter); if (NR > 1 && chapter != last) print ""; last = chapter; sub(/^[^ ]+ /, ""); print }' >text.txt
  [[ $(wc -c <text.txt) -gt 3000000 ]] || { echo "The program bible gave only $(wc -c <text.txt) bytes. $own"; exit 1; }
  TEXT=text.txt
  documents=blank-line
fi

# train NAME SCHEDULE STEPS RATE: the runs differ in these alone. Each has its own curve of learning rates, which decays to 0.
train() {
  raptr-pretrain --text "$TEXT" --documents "$documents" --layers 12 --width 128 --heads 4 --context 64 --batch 8 --rate-rule wsd \
    --validation-windows 256 --validate-every $((($3 + 9) / 10)) --checkpoint-every 0 --out "$1" --schedule "$2" --steps "$3" --learning-rate "$4"
}
fewer=$((steps * 3 / 4 > 0 ? steps * 3 / 4 : 1))
say "3 of 6: training all 12 layers in all $steps steps ..."
train full full "$steps" 0.002
say "4 of 6: training 6, 8, 10, then 12 of the 12 layers, a quarter of the $steps steps each ..."
train progressive 6-8-10-12 "$steps" 0.002
say "5 of 6: training all 12 layers in $fewer steps, which cost as much as the $steps before ..."
train full-equal-cost full "$fewer" 0.002

say "6 of 6: comparing, and generating a text with the second model ..."
echo
raptr-generate --run progressive --prompt 'And God said' --tokens 300 --temperature 0.7 | tee sample.txt
echo
raptr-compare full progressive full-equal-cost --out .
say "Done. In build/quickstart: report.md, curves.svg (the plot), sample.txt, full/, progressive/ and full-equal-cost/."
