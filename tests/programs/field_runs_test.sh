#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs that other trainers resumed, scaled or masked wrongly: docs/field_cases.md, res-1 to res-4, drop-1, drop-4, num-3, gen-1.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
M=(--width 16 --heads 1 --threads 1 --validate-every 0)
losses() { sed -E 's/.*"step":([0-9]+).*"loss":([-0-9.e+]+|null).*/\1 \2/' "$1/metrics.jsonl"; }
# forget RUN STEP: as if the run had been killed after the checkpoint of that step.
forget() {
  local folder
  rm -f "$1/summary.json" "$1/curves.svg"
  for folder in "$1"/checkpoints/step-*; do [[ $((10#${folder##*-})) -le $2 ]] || rm -r "$folder"; done
}

# res-1: 40 windows, three epochs, killed at 90 % of the first: every later step is that of the unbroken run.
head -c 1280 text.txt >forty.txt
E=(--layers 2 --context 32 --batch 1 --steps 120 --checkpoint-every 36 --keep-checkpoints 9 --validation-text text.txt)
expect_done "$P" "${M[@]}" "${E[@]}" --text forty.txt --out epochs
grep -q '1,280 bytes, 1,281 tokens' out.log || fail "not 40 windows: $(cat out.log)"
cp -r epochs late && forget late 36
expect_done "$P" --resume late
grep -q 'resuming after step 36 of 120' out.log || fail "not resumed at 36: $(cat out.log)"
diff <(losses epochs) <(losses late) >/dev/null || fail "a resume in the first epoch changes later ones"
expect_same_run epochs late

# res-2: a checkpoint after each step, killed after 12: 12 is newer than 9, and 999999 is older than 1080000.
expect_done "$P" "${M[@]}" --text text.txt --layers 2 --context 16 --batch 1 --steps 20 --checkpoint-every 1 --keep-checkpoints 20 --out each
cp -r each killed && forget killed 12
sed -i 's/"keep-checkpoints": 20/"keep-checkpoints": 3/' killed/config.json
expect_done "$P" --resume killed --keep-checkpoints 3
grep -q 'resuming after step 12 of 20' out.log || fail "not resumed at 12: $(cat out.log)"
[[ $(cd killed/checkpoints && echo *) == 'step-000018 step-000019 step-000020' ]] || fail "not the last three are kept: $(ls killed/checkpoints)"
cmp -s {each,killed}/checkpoints/step-000020/model.safetensors || fail "a resume at step 12 ends with other weights"

# res-3: what would move rates and borders is refused, with both plans.
expect_done "$P" "${M[@]}" --text text.txt --layers 12 --context 16 --batch 1 --steps 120 --schedule 6-8-10-12 --rate-rule cosine \
  --checkpoint-every 60 --out moved
forget moved 60
find moved -type f -exec sha256sum {} + | sort >before
expect_error 2 '--steps is 240, but the run was started with 120 (6-8-10-12 over 120 steps, stages ending at 30, 60, 90, 120; it would be 6-8-10-12 over 240 steps, stages ending at 60, 120, 180, 240)' \
  "$P" --resume moved --steps 240
expect_error 2 '--batch is 2, but the run was started with 1' "$P" --resume moved --batch 2
cp text.txt other.txt && echo more >>other.txt
expect_error 2 '--text is ' "$P" --resume moved --text other.txt
diff before <(find moved -type f -exec sha256sum {} + | sort) >/dev/null || fail "a resume that was refused changed the run"

# res-4: blocks that were never drawn have moments and counts of 0, and the checkpoint loads.
expect_done "$P" "${M[@]}" --text text.txt --layers 8 --context 16 --batch 1 --steps 6 --schedule 2-3 --checkpoint-every 1 --keep-checkpoints 9 --out young
cp -r young one && forget one 1
expect_done "$P" --resume one
for file in model optimizer; do cmp -s {young,one}/checkpoints/step-000006/$file.safetensors || fail "$file differs after a resume at step 1"; done

# drop-1: validation is of the full network with factors of 1: at a rate of 0 the same number under every scale, after every step.
for scale in unscaled sqrt_gap sqrt_inverse inverse inverse_per_branch; do
  expect_done "$P" "${M[@]:0:6}" --validate-every 1 --text text.txt --layers 4 --context 16 --batch 2 --steps 4 --learning-rate 0 --schedule 2-3 \
    --scale $scale --out scale_$scale
  sed -E 's/.*"validation_loss":([0-9.]+).*/\1/' scale_$scale/metrics.jsonl
done | sort | uniq -c >validation
[[ $(wc -l <validation) -eq 1 && $(cat validation) =~ ^\ *20\ [0-9]+\.[0-9]+$ ]] || fail "not one validation loss in 20: $(cat validation)"

# drop-4: the plan says which end of the network keeps what.
plan() { expect_done "$P" "${M[@]}" --text text.txt --layers 12 --context 16 --steps 1000 --plan --allow-shrinking --schedule "$1"; }
plan 'layers(linear_from_first) constant:3/4'
grep -qx 'By depth, step 1,000 keeps 100 % of layers in the first block and 50 % in the last one.' out.log || fail "no ends of the profile: $(cat out.log)"
plan 'layers(linear) 3/4-full'
grep -qx 'By depth, step 500 keeps 96.1538 % of layers in the first block and 53.8462 % in the last one.' out.log || fail "no ends: $(cat out.log)"
[[ $(grep -c '^By depth' out.log) -eq 1 ]] || fail "a full stage has a profile: $(cat out.log)"
plan 6-8-10-12
grep -q '^By depth' out.log && fail "a profile where none is: $(cat out.log)"

# num-3: masks by coins on windows of 8 tokens: about 27 % of 200 batches are empty (54, deviation 6.3), counted, and no NaN.
expect_done "$P" "${M[@]}" --text text.txt --objective masked_lm --masking independent --layers 2 --context 8 --batch 1 --steps 200 --out coins
empty=$(grep -c '"loss":null.*"skipped":"no token to predict"' coins/metrics.jsonl)
[[ $empty -ge 32 && $empty -le 76 ]] || fail "$empty of 200 batches are empty"
grep -q "\"skipped_steps\": $empty," coins/summary.json || fail "$empty steps are not counted in: $(cat coins/summary.json)"
grep -qiE 'nan|inf' coins/metrics.jsonl && fail "metrics.jsonl has numbers that are none"

# gen-1: no temperature is greedy and the same every time; no prompt is a new document; a long one is told what is cut.
greedy() { "$G" --run epochs --temperature "$1" --tokens 30 --prompt "$2" 2>err.log | sha256sum; }
[[ $(greedy 0 line) == "$(greedy 0 line)" && $(greedy 0 line) == "$(greedy -0 line)" ]] || fail "greedy texts differ"
for t in -1 nan inf -inf; do expect_error 2 "--temperature is \"$t\": give a number from 0" "$G" --run epochs --temperature $t; done
expect_done "$G" --run epochs --tokens 3 --temperature 0 --prompt ''
expect_done "$G" --run epochs --tokens 3 --temperature 1e-300 --prompt l
"$G" --run epochs --temperature 0 --tokens 3 --prompt "$(head -c 90 text.txt)" >out.log 2>err.log || fail "a long prompt fails: $(cat err.log)"
grep -q '90 tokens and the context of the model 32: only the last 32' err.log || fail "it is not told what is cut: $(cat err.log)"
finish
