#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The masked rows of the README: a BERT of 12 blocks, trained in full and with 6, 8, 10 and 12 of them, at each of three learning rates.
#
#   bash benchmarks/masked_lm.sh                             after examples/quickstart.sh, which writes the text
#   TEXT=my.txt RATES=5e-4 bash benchmarks/masked_lm.sh
#
# All output is in build/masked_lm, replaced every time: vocab.txt, a folder for each run, and a report for each rate.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
programs=$root/build/masked_lm_programs
out=$root/build/masked_lm
TEXT=$(realpath "${TEXT:-$root/build/quickstart/text.txt}")
[[ -e $TEXT ]] || { echo "$TEXT is missing: run examples/quickstart.sh first, or name a text as TEXT"; exit 1; }
cmake -S "$root" -B "$programs" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRAPTR_BUILD_TESTS=OFF -DRAPTR_BUILD_BENCHMARKS=OFF -DRAPTR_INSTALL=OFF \
  -DRAPTR_PRETRAIN_FAMILIES=bert
cmake --build "$programs" --target raptr-pretrain raptr-compare
PATH=$programs/examples:$PATH
rm -rf "$out"
mkdir -p "$out"
cd "$out"

# A WordPiece vocabulary of 1,024 tokens: BERT's five special ones, all letters and signs (as words, and inside words), the most frequent words.
export LC_ALL=C
tr '[:upper:]' '[:lower:]' <"$TEXT" >lower.txt
{
  printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]'
  grep -o '[!-~]' lower.txt | sort -u
  printf '##%s\n' {a..z} {0..9}
  grep -oE '[a-z]{2,}' lower.txt | sort | uniq -c | sort -k1,1nr -k2 | awk '{ print $2 }'
} >all.txt
head -1024 all.txt >vocab.txt

options=(--text "$TEXT" --documents blank-line --model bert --tokenizer vocab.txt --vocab 1024 --layers 12 --width 64 --heads 4 --context 16 --batch 16
  --steps 6000 --warmup 200 --optimizer bert-adam --rate-rule linear --validate-every 300 --validation-windows 512 --checkpoint-every 0)
for rate in ${RATES:-2.5e-4 5e-4 1e-3}; do
  raptr-pretrain "${options[@]}" --learning-rate "$rate" --schedule full --out "full-$rate"
  raptr-pretrain "${options[@]}" --learning-rate "$rate" --schedule 6-8-10-12 --out "progressive-$rate"
  raptr-compare "full-$rate" "progressive-$rate" --out "report-$rate"
done
