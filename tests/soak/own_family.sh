#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# docs/families.md followed to the letter: a family in a folder of its own and a variant of GPT-2 in raptr-pretrain, a run of each, and a
# continued folder. Where nvcc is, the same for cpu and cuda is compiled too.
#   own_family.sh BUILD_FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$1/own_family"
work=$(realpath "$1/own_family")
rm -rf "$work"
mkdir -p "$work/folder"
fail() { echo "own_family.sh: $*" >&2; exit 1; }

# The header of the page: its blocks of code.
{ echo '#pragma once'; echo '#include <raptr/models/gpt2.hpp>'; awk '/^```cpp$/ { code = 1; next } /^```$/ { code = 0 } code' "$root/docs/families.md"; } >"$work/folder/slim.hpp"
# The two lines of the page, with the folder's name.
line() { grep -o -- "-DRAPTR_FAMILY_$1=[^']*" "$root/docs/families.md" | head -1 | sed "s|/folder|$work/folder|"; }
configure() { # FOLDER ARGUMENTS...
  cmake -S "$root" -B "$1" -G Ninja -DCMAKE_BUILD_TYPE=Release -DRAPTR_BUILD_TESTS=OFF -DRAPTR_BUILD_BENCHMARKS=OFF "${@:2}" >"$work/log" 2>&1
}
configure "$work/cpu" "$(line slim)" "$(line gpt2_erf)" '-DRAPTR_PRETRAIN_FAMILIES=gpt2;slim;gpt2_erf' || { cat "$work/log"; fail "does not configure"; }
cmake --build "$work/cpu" --target raptr-pretrain >"$work/log" 2>&1 || { cat "$work/log"; fail "does not build"; }
P=$work/cpu/examples/raptr-pretrain
cd "$work"
seq 3000 >book.txt
options=(--text book.txt --layers 4 --width 16 --heads 2 --context 16 --batch 2 --steps 4)
"$P" --model slim "${options[@]}" --schedule 2-4 --out slim >log
grep -q '"model_type": "slim-gpt"' slim/checkpoints/*/config.json || fail "the checkpoint is not of the family"
"$P" --model slim --from slim/checkpoints/step-000004 --tokenizer bytes --text book.txt --batch 2 --steps 2 --out onward >log
"$P" --model gpt2_erf "${options[@]}" --out erf >log
grep -q '"activation_function": "gelu"' erf/checkpoints/*/config.json || fail "the checkpoint is not of the variant"
"$P" --from erf/checkpoints/step-000004 --tokenizer bytes --text book.txt --batch 2 --steps 2 --out chosen >log
grep -q '"model": "gpt2_erf"' chosen/config.json || fail "--from did not choose the variant: $(cat chosen/config.json)"

# What is wrong in a line is said.
refused() { # SENTENCE ARGUMENTS...
  if configure "$work/refused" "${@:2}"; then fail "configures with ${*:2}"; fi
  tr '\n' ' ' <"$work/log" | tr -s ' ' | grep -qF "$1" || { cat "$work/log"; fail "no message: $1"; }
}
refused 'RAPTR_PRETRAIN_FAMILIES has slim, and RAPTR_FAMILY_slim is ""' -DRAPTR_PRETRAIN_FAMILIES=slim
refused 'RAPTR_FAMILY_slim is "slim.hpp;slim_block"' -DRAPTR_PRETRAIN_FAMILIES=slim '-DRAPTR_FAMILY_slim=slim.hpp;slim_block'
refused 'RAPTR_PRETRAIN_FAMILIES has my-gpt' -DRAPTR_PRETRAIN_FAMILIES=my-gpt '-DRAPTR_FAMILY_my-gpt=slim.hpp;slim_block;raptr::causal_lm'

if command -v nvcc >/dev/null; then
  configure "$work/cuda" "$(line slim)" '-DRAPTR_PRETRAIN_FAMILIES=gpt2;bert;slim' '-DRAPTR_PRETRAIN_DEVICES=cpu;cuda' || { cat "$work/log"; fail "cuda does not configure"; }
  cmake --build "$work/cuda" --target raptr-pretrain >"$work/log" 2>&1 || { cat "$work/log"; fail "cuda does not build"; }
  "$work/cuda/examples/raptr-pretrain" --help run | grep -q 'cpu, cuda' || fail "raptr-pretrain does not offer cuda"
fi
echo "A family and a variant of docs/families.md train in raptr-pretrain."
