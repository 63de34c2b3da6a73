#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run that starts from a Hugging Face folder: here a checkpoint, which is one. Shape and objective come from it, what contradicts it
# is refused, a resume is exact.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
expect_done "$P" "${B[@]}" --steps 6 --out first --tokenizer bytes
from=first/checkpoints/step-000006
T=(--text text.txt --batch 2 --threads 1 --steps 20 --checkpoint-every 5 --validate-every 0 --tokenizer bytes)
F=(--from "$from" "${T[@]}")

expect_done "$P" "${F[@]}" --schedule 2-3-4 --out next
grep -q "Weights: those of \"\?$PWD/$from" out.log || fail "the folder is not named: $(cat out.log)"
for option in '"layers": 4' '"width": 16' '"heads": 2' '"context": 16' '"objective": "causal_lm"'; do
  grep -q "$option" next/config.json || fail "$option is not in config.json: $(cat next/config.json)"
done
grep -qE '"from": "[0-9a-f]{8}"' next/config.json || fail "config.json has no checksum of the weights"
expect_done "$P" "${T[@]}" --layers 4 --width 16 --heads 2 --context 16 --schedule 2-3-4 --out random
first_loss() { head -1 "$1/metrics.jsonl" | sed -E 's/.*"loss":([-0-9.e+]+).*/\1/'; }
[[ $(first_loss next) != "$(first_loss random)" ]] || fail "the run from a folder begins like one with random weights"

# What agrees may be given; what does not is refused with both numbers.
expect_done "$P" "${F[@]}" --layers 4 --width 16 --neurons 0 --objective causal_lm --plan
expect_error 2 '--layers is 6, but ' "$P" "${F[@]}" --layers 6
expect_error 2 'has 4 as "n_layer": leave --layers out' "$P" "${F[@]}" --layers 6
expect_error 2 'has 259 as "vocab_size"' "$P" "${F[@]}" --vocab 258
expect_error 2 'has 64 as "n_inner"' "$P" "${F[@]}" --neurons 80
expect_error 2 '--objective is masked_lm, but ' "$P" "${F[@]}" --objective masked_lm
expect_error 2 'is of a gpt2, whose head is for causal_lm' "$P" "${F[@]}" --objective masked_lm
expect_error 2 '--kv-heads is 1, but ' "$P" "${F[@]}" --kv-heads 1
# The tokenizer is in the checkpoint, which the manifest names; without it one has to be given.
grep -q '"name": "tokenizer.json"' $from/manifest.json || fail "the manifest does not name the tokenizer"
expect_done "$P" --from $from --text text.txt --batch 2 --steps 2 --validate-every 0 --out from_folder
grep -q '"tokenizer": "bytes, 259 ids' from_folder/config.json || fail "not the bytes: $(cat from_folder/config.json)"
cp -r $from bare && rm bare/tokenizer.json
expect_error 2 'holds no tokenizer' "$P" --from bare --text text.txt --steps 20
# A folder of another library has no manifest: it is continued with its own tokenizer; a checkpoint that lost its manifest is damaged.
greedy() { "$G" --checkpoint "$1" --temperature 0 --tokens 20 --prompt line 2>err.log; }
cp -r $from foreign && rm foreign/{manifest,state}.json
[[ -n $(greedy $from) && $(greedy foreign) == "$(greedy $from)" ]] || fail "another text without a manifest: $(cat err.log)"
sed -i 's/"eos_token_id": 256/"eos_token_id": null/' foreign/config.json
[[ $(greedy foreign) == "$(greedy $from)" ]] || fail "an eos_token_id of null is refused: $(cat err.log)"
sed -i 's/"eos_token_id": null/"eos_token_id": 7/' foreign/config.json
expect_error 3 'the id of "<|endoftext|>"' "$G" --checkpoint foreign
cp -r $from torn && rm torn/manifest.json
expect_error 3 'manifest.json' "$G" --checkpoint torn
# README.md may be edited, the tokenizer may not.
cp -r $from edited && echo >>edited/README.md
expect_done "$G" --checkpoint edited --tokens 1
echo >>edited/tokenizer.json
expect_error 3 'tokenizer.json' "$G" --checkpoint edited
expect_error 3 'nowhere' "$P" "${T[@]}" --from nowhere
cp -r $from changed
sed -i 's/"model_type": "gpt2"/"model_type": "mistral"/' changed/config.json
expect_error 3 '"model_type" is "mistral"; supported: "gpt2" or "bert" or "llama"' "$P" "${T[@]}" --from changed --out no
sed -i 's/"model_type": "mistral"/"model_type": "gpt2"/; s/"n_layer": 4/"n_layer": 3/' changed/config.json
expect_error 3 'not in the model: transformer.h.3.' "$P" "${T[@]}" --from changed --out no
[[ ! -e no && ! -e runs ]] || fail "a refused run left a folder"

# A growing schedule says what it does to the weights.
expect_done "$P" "${F[@]}" --schedule stack:1-2-4 --out grown
grep -q 'Note: this schedule begins with some of the blocks' out.log || fail "nothing is said of blocks that are lost: $(cat out.log)"

# Resume: from a checkpoint without the folder, and from the folder while there is no checkpoint.
cp -r next whole
rm -r next/summary.json next/checkpoints/step-000020
mv first away
expect_done "$P" --resume next
expect_same_run whole next
rm -r next/summary.json next/checkpoints/*
expect_error 3 'step-000006' "$P" --resume next
mv away first
expect_error 2 '--from is ' "$P" --resume next --from changed
expect_done "$P" --resume next --from $from
expect_same_run whole next
rm -r next/summary.json next/checkpoints/*
rm -r $from
cp -r next/../whole/checkpoints/step-000020 $from
expect_error 3 'does not hold the weights that it was started from' "$P" --resume next

# A shorter context takes the first positions, which is said; a longer one is refused.
expect_done "$P" --from whole/checkpoints/step-000020 "${T[@]}" --context 8 --out shorter
[[ $(grep -c '^Note: .*16 positions, of which the first 8 are used' out.log) -eq 1 ]] || fail "nothing is said of the positions: $(cat out.log)"
grep -q '"n_positions": 8' shorter/checkpoints/step-000020/config.json || fail "another context"
expect_done "$P" --from whole/checkpoints/step-000020 "${T[@]}" --context 8 --plan
grep -q 'of which the first 8 are used' out.log || fail "--plan says nothing of the positions: $(cat out.log)"
expect_done "$P" --from whole/checkpoints/step-000020 "${T[@]}" --context 16 --plan
! grep -q 'positions' out.log || fail "all positions are used: $(cat out.log)"
expect_error 2 'has 16 as "n_positions"' "$P" --from whole/checkpoints/step-000020 "${T[@]}" --context 17
cp -r shorter shorter_whole
rm -r shorter/summary.json shorter/checkpoints/*
expect_done "$P" --resume shorter
expect_same_run shorter_whole shorter

# Neurons that 16 does not divide: the largest group that does, said in the plan; a group that is asked for must divide them.
expect_done "$P" "${B[@]}" --neurons 60 --steps 2 --out of_60
grep -q '^Note: the 60 neurons are kept or dropped in groups of 15, because 16 does not divide them; --neuron-group' out.log ||
  fail "the group is not said: $(cat out.log)"
grep -q '"neuron-group": 15' of_60/config.json || fail "another group: $(cat of_60/config.json)"
expect_done "$P" --from of_60/checkpoints/step-000002 "${T[@]}" --schedule 'neurons 1/2-full' --plan
grep -q 'in groups of 15' out.log || fail "the group of a folder is not said: $(cat out.log)"
expect_done "$P" --from of_60/checkpoints/step-000002 "${T[@]}" --neuron-group 20 --plan
! grep -q 'in groups of' out.log || fail "a group that was asked for is noted: $(cat out.log)"
for source in "--neurons 60 ${B[*]}" "--from of_60/checkpoints/step-000002 ${T[*]}"; do
  # shellcheck disable=SC2086
  expect_error 2 '--neuron-group 16 does not divide the 60 neurons: give --neuron-group 15 or 20, or leave it out' "$P" $source --neuron-group 16
done
expect_done "$P" "${B[@]}" --neurons 17 --plan
grep -q 'in groups of 1,' out.log || fail "a prime number of neurons: $(cat out.log)"
expect_done "$P" --text text.txt --layers 4 --width 30 --heads 2 --context 16 --threads 1 --plan
grep -q 'the 120 neurons are kept or dropped in groups of 15' out.log || fail "neurons by the width: $(cat out.log)"
expect_done "$P" "${B[@]}" --neurons 64 --plan
! grep -q 'in groups of' out.log || fail "a note where 16 divides: $(cat out.log)"
expect_done "$P" --resume of_60
expect_error 2 '--neuron-group is 20, but the run was started with 15' "$P" --resume of_60 --neuron-group 20

# A BERT, whose objective follows from its folder; the neighbour's option is refused.
expect_done "$P" "${B[@]}" --objective masked_lm --steps 6 --out bert
expect_done "$P" --from bert/checkpoints/step-000006 "${T[@]}" --schedule 2-4 --out bert_next
grep -q '"objective": "masked_lm"' bert_next/config.json || fail "the objective of a BERT is not masked_lm"
expect_error 2 'is of a bert, whose head is for masked_lm' "$P" --from bert/checkpoints/step-000006 "${T[@]}" --objective causal_lm
finish
