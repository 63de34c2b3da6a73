#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A schedule that is solved for a cost, what happens to the optimizer at borders, rates that follow the depth: what they do,
# what the folder of a run keeps of them, and what a resume may not change.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
bad() {  # PART OPTION ...
  local part=$1
  shift
  expect_error 2 "$part" "$P" "${B[@]}" --steps 40 "$@"
}
plan() { expect_done "$P" "${B[@]}" --steps 400 --plan "$@"; }
# expect_row PATTERN: the last row of the table of a plan.
expect_row() { grep -E '^(all|1) ' out.log | tail -1 | grep -qE "$1" || fail "\"$1\" is not in the last row of: $(cat out.log)"; }

# A ? is found for the block FLOPs, for all FLOPs, and for a time that is measured.
plan --schedule '2-?-full' --solve-for 0.8
grep -qE '^Solved: 2-\?-full is 2-0\.[0-9]+-full, for 80\.0 % of the block FLOPs of full training$' out.log || fail "no solved text: $(cat out.log)"
grep -qE '^Schedule: 2-0\.[0-9]+-full$' out.log || fail "the solved text is not the schedule: $(cat out.log)"
expect_row '^all +400 .* 80\.0 % '
plan --schedule '2-3-4@^?' --solve-for 0.9 --solve-cost total-flops
grep -q 'for 90.0 % of all FLOPs of full training' out.log || fail "another cost was solved for: $(cat out.log)"
expect_row '^all +400 .* 90\.0 % '
plan --schedule 'full for 1/4 then heads ?-full' --solve-for 0.9
expect_row ' 90\.0 % '
plan --schedule 'pld:?' --solve-for 0.8 --allow-shrinking
expect_row ' 80\.0 % '
plan --schedule '2-?-full' --solve-for 0.85 --solve-cost time
grep -q 'for 85.0 % of the time of full training' out.log || fail "no time was solved for: $(cat out.log)"
grep -q 'from measured steps' out.log || fail "the expected time does not rest on the measured steps: $(cat out.log)"
echo '{"schedule": "2-?-full", "solve-for": 0.8, "solve-cost": "total-flops"}' >c.json
plan --config c.json
grep -q 'for 80.0 % of all FLOPs of full training' out.log || fail "a configuration file does not solve: $(cat out.log)"
bad 'has a ?, but the cost of the run is not given: give --solve-for' --schedule 'pld:?'
bad 'is 0.75, but --schedule "2-4" has no ?' --schedule 2-4 --solve-for 0.75
bad 'is 0.75, but --schedule "full" has no ?' --solve-for 0.75
bad 'but --solve-for is not given' --schedule 2-4 --solve-cost time
bad 'has 2 unknown numbers' --schedule '?-?' --solve-for 0.75
bad 'gives a cost of 0.1: the cost ranges from' --schedule '2-?-full' --solve-for 0.1
bad 'give --allow-shrinking' --schedule 'pld:?' --solve-for 0.8
bad '--solve-for is "1.5": give a number from 0 to 1' --schedule '2-?' --solve-for 1.5
bad 'position' --schedule '2-?-x' --solve-for 0.75
bad '(the nearest is time)' --schedule '2-?' --solve-for 0.75 --solve-cost times
[[ ! -e runs ]] || fail "a refused run left a folder"

# The answer is stored, so that neither a resume nor a run with the same config.json solves anything.
S=(--schedule '2-?-full' --solve-for 0.8 --steps 40 --checkpoint-every 10 --validate-every 0)
expect_done "$P" "${B[@]}" "${S[@]}" --out solved
found=$(sed -nE 's/^ *"schedule": "(2-0\.[0-9]+-full)",?$/\1/p' solved/config.json)
[[ -n $found ]] || fail "config.json has no solved schedule: $(cat solved/config.json)"
expect_done "$P" "${B[@]}" "${S[@]:4}" --schedule "$found" --out written
untimed() { sed -E 's/"(step_seconds|tokens_per_second)":[-0-9.e+]+//g' "$1/metrics.jsonl"; }
diff <(untimed solved) <(untimed written) >diff.log ||
  fail "the solved text trains something else than it says: $(head -2 diff.log)"
cp -r solved again && rm -r again/summary.json again/checkpoints/step-000040
expect_done "$P" --resume again
grep -q '^Solved' out.log && fail "a resume solves again"
expect_same_run solved again
expect_done "$P" --resume again --schedule '2-?-full' --solve-for 0.8
expect_done "$P" --resume again --schedule "$found"
expect_error 2 '--solve-for is 0.7, but the run was started with 0.8' "$P" --resume again --solve-for 0.7
expect_error 2 '--solve-cost is "time", but the run was started with "block-flops"' "$P" --resume again --solve-cost time
expect_error 2 '--schedule is "4-?", but the run was started with "2-?-full"' "$P" --resume again --schedule '4-?'
expect_done "$P" --config solved/config.json --out from_config
[[ $(sed -n '/"schedule"/p' from_config/config.json | head -1) == *"$found"* ]] || fail "config.json of a solved run starts another one"

# The expected time of every stage, and what it rests on.
plan --schedule 2-3-full
[[ $(grep -cE '^(stage|[123]|all) .*(time|[0-9] (ms|s))$' out.log) -eq 5 ]] || fail "not a time for each stage: $(cat out.log)"
grep -q 'at half of the FMA peak of this machine; nothing was timed' out.log || fail "the plan does not say what the time rests on: $(cat out.log)"

# Moments at borders, of blocks that were copied, and rates that follow the depth: the same up to the first step that differs.
losses() { sed -E 's/.*"step":([0-9]+).*"loss":([-0-9.e+]+).*/\1 \2/' "$1/metrics.jsonl"; }
# differ_from STEP RUN RUN: equal losses before that step, and not all of them afterwards.
differ_from() {
  diff <(losses "$2" | head -n $(($1 - 1))) <(losses "$3" | head -n $(($1 - 1))) >/dev/null || fail "$2 and $3 differ before step $1"
  diff <(losses "$2") <(losses "$3") >/dev/null && fail "$2 and $3 do not differ"
}
T=("${B[@]}" --steps 24 --checkpoint-every 6 --validate-every 0)
expect_done "$P" "${T[@]}" --schedule 2-4 --out kept
expect_done "$P" "${T[@]}" --schedule 2-4 --at-borders reset --out reset
differ_from 14 kept reset  # the step 13 is the first of the stage; it trains what the steps before it left
expect_done "$P" "${T[@]}" --schedule stack:2-4 --out copied
expect_done "$P" "${T[@]}" --schedule stack:2-4 --grown reset --out begun
differ_from 14 copied begun
expect_done "$P" "${T[@]}" --schedule 2-4 --completep-rate 0.5 --out by_depth
differ_from 2 kept by_depth
expect_done "$P" "${T[@]}" --schedule 2-4 --completep-rate 1 --out off
expect_same_run kept off
for run in reset begun by_depth; do
  cp -r $run resumed && rm -r resumed/summary.json resumed/checkpoints/step-000024
  expect_done "$P" --resume resumed
  expect_same_run $run resumed
  rm -r resumed
done
expect_error 2 '--at-borders is "kept", but the run was started with "reset"' "$P" --resume reset --at-borders kept
expect_error 2 '--grown is "copied", but the run was started with "reset"' "$P" --resume begun --grown copied
expect_error 2 '--completep-rate is 1.0, but the run was started with 0.5' "$P" --resume by_depth --completep-rate 1
expect_done "$P" --resume reset --at-borders reset
# Options that nothing reads are refused, with a sentence that names them. T trains 4 blocks.
unread() {  # NAME SENTENCE OPTION ...
  local name=$1 part=$2
  shift 2
  expect_error 2 "--$name is given, but " "$P" "${T[@]}" --plan "$@"
  [[ $(cat err.log) == *"$part"*"leave --$name out" ]] || fail "\"$part\" or what to do is missing in: $(cat err.log)"
}
for schedule in pld:0.5 est decreasing:0.5 stack:2-4 'heads 1/2-full' 'sublayers 4-full' 'layers(first) 2-4 with heads 1/2-full'; do
  A=(--schedule "$schedule" --allow-shrinking)
  [[ $schedule == layers* ]] || unread scale 'draws layers by it' "${A[@]}" --scale sqrt_gap
  [[ $schedule == layers* ]] || unread scale 'pld(unscaled):0.5' "${A[@]}" --scale unscaled
  unread selector 'draws layers by it' "${A[@]}" --selector bernoulli
  unread keep-first 'draws layers by it' "${A[@]}" --keep-first 0
  unread keep-last 'draws layers by it' "${A[@]}" --keep-last 1
done
unread keep-first 'draws layers by it' --schedule 'layers(fixed:0:0) 2-4' --keep-first 2
unread scale 'draws layers by it' --schedule 'layers(sqrt_inverse) 2-4' --scale sqrt_gap
unread selector 'draws layers by it' --schedule 'layers(bernoulli) 2-4' --selector bernoulli
unread completep-rate 'the whole depth' --schedule 'heads 1/2-full' --completep-rate 0.5
unread dropped-update 'drops no weights' --dropped-update zero_gradient
unread dropped-update 'drops no weights' --schedule 'sequences 1/2-full' --dropped-update decay_only
unread rank-plans 'drops no weights' --rank-plans mean_over_all
unread at-borders 'has one stage' --at-borders reset
unread at-borders 'has one stage' --schedule ramp:2-4 --at-borders reset
unread at-borders 'has one stage' --schedule constant:2 --at-borders kept
unread grown 'copies no block' --grown reset
unread grown 'copies no block' --schedule 2-4 --grown copied
unread masking '--objective is causal_lm' --masking independent
unread masking '--objective is causal_lm' --masking bert
unread validation-windows '--validate-every is 0' --validation-windows 8
expect_done "$P" "${T[@]}" --plan --validation-text text.txt
grep -q '^Note: --validate-every is 0, so no loss is measured on the validation text' out.log || fail "a text that is not validated on: $(cat out.log)"
unread keep-every 'the run has 24 steps and keeps the last checkpoint anyway' --keep-every 25
expect_done "$P" "${T[@]}" --plan --keep-every 24
expect_error 2 '--keep-every is given, but the run has 24 steps' "$P" --resume kept --keep-every 25
unread shard-format 'there are no shards' --shard-format llm.c
echo '{"scale": "sqrt_gap", "grown": "copied"}' >c.json
unread scale 'draws layers by it' --config c.json --schedule pld:0.5 --allow-shrinking
echo '{"scale": "unscaled", "selector": "exactly", "grown": "copied", "masking": "bert"}' >c.json
expect_done "$P" "${T[@]}" --plan --config c.json --schedule pld:0.5 --allow-shrinking  # a file may list everything
expect_done "$P" "${T[@]}" --plan --config kept/config.json --schedule 'heads 1/2-full'
# They are read where the schedule draws layers by them, and in full training the plan names them.
expect_done "$P" "${T[@]}" --plan --schedule 'layers(bernoulli) 2-4 with heads 1/2-full' --scale sqrt_gap --keep-first 0 --keep-last 0 --completep-rate 0.5
grep -q 'Note:' out.log && fail "a note about options that are read: $(cat out.log)"
expect_done "$P" "${T[@]}" --plan --scale sqrt_gap --selector bernoulli --keep-first 1 --completep-rate 0.5
for option in scale selector keep-first completep-rate; do
  grep -qx "Note: the schedule drops nothing, so nothing reads --$option" out.log || fail "no note about --$option: $(cat out.log)"
done
bad '--schedule is "": give a text that is not empty' --schedule ''
bad '--schedule is "  ": give a text that is not empty' --schedule='  '
bad '--tokenizer is "": give a text that is not empty' --tokenizer ''
bad '--scale is "": give one of' --scale ''
echo '{"schedule": ""}' >c.json
bad '"schedule" is "": give a text that is not empty' --config c.json

# Policies in the text of recipes.
plan --schedule 'pld(unscaled):0.5' --allow-shrinking
grep -qx 'Schedule: pld(unscaled):0.5' out.log || fail "no such schedule: $(cat out.log)"
plan --schedule 'est(bernoulli, sqrt_gap)'
plan --schedule 'stack(completep:0.5):2-4'
bad 'expected a scale' --schedule 'stack(bernoulli):2-4'

# What a network has learnt is not lost without a word.
for schedule in 'full for 1/3 then stack:2-3-4' 'stack:2-4 for 1/2 then stack:2-4' '(full for 1/3 then stack:2-4) with heads 1/2-full'; do
  bad 'give --allow-shrinking' --schedule "$schedule"
  expect_done "$P" "${T[@]}" --plan --schedule "$schedule" --allow-shrinking
done
bad 'block 3 joins the network at step 20, but nothing is copied to it' --schedule 'stack:2-3 for 1/2 then full'
expect_done "$P" "${T[@]}" --schedule 'full for 1/3 then stack:2-4' --allow-shrinking --out shrunk
bad '(the nearest is reset)' --at-borders reste
bad '(the nearest is copied)' --grown copy
# Dropout and the multiplier of the residual change what is learnt, and a resume ends with the same bits.
losses_of() { grep -o '"loss":[^,]*' "$1/metrics.jsonl"; }
expect_done "$P" "${B[@]}" --steps 8 --out plain
for option in embedding-dropout residual-dropout attention-dropout residual-multiplier; do
  expect_done "$P" "${B[@]}" --steps 8 --checkpoint-every 4 --out "with-$option" "--$option" 0.5
  [[ $(losses_of "with-$option" | sort -u | wc -l) -eq 8 ]] || fail "--$option: not eight losses: $(losses_of "with-$option")"
  [[ -z $(comm -12 <(losses_of plain | sort) <(losses_of "with-$option" | sort)) ]] || fail "--$option does not change every loss"
done
for kind in residual attention; do
  cp with-$kind-dropout/checkpoints/step-000008/model.safetensors whole.safetensors
  rm -r with-$kind-dropout/checkpoints/step-000008 with-$kind-dropout/summary.json
  expect_error 2 "--$kind-dropout is 0.4, but the run was started with 0.5" "$P" --resume with-$kind-dropout --$kind-dropout 0.4
  expect_done "$P" --resume with-$kind-dropout
  cmp whole.safetensors with-$kind-dropout/checkpoints/step-000008/model.safetensors || fail "a resume draws another $kind dropout"
done
# A checkpoint states its rates, --from takes them, and an option goes before them.
F=(--text text.txt --batch 2 --threads 1 --steps 2 --from with-attention-dropout/checkpoints/step-000008)
expect_done "$P" "${F[@]}" --embedding-dropout 0.25 --out from
grep -q 'dropout of embedding 0.25, of residual branches 0, of attention 0.5$' out.log || fail "--from does not tell its dropout: $(cat out.log)"
grep -q '"attention-dropout": 0.5' from/config.json || fail "--from does not keep its dropout: $(cat from/config.json)"
expect_done "$P" "${F[@]}" --attention-dropout 0 --out from-without
grep -q 'of attention 0$' out.log || fail "an option does not go before --from: $(cat out.log)"
bad '--residual-dropout is 1: give a share from 0 to below 1' --residual-dropout 1
bad '--attention-dropout is 1: give a share from 0 to below 1' --attention-dropout 1
bad '--embedding-dropout is "-0.1": give a number from 0 to 1' --embedding-dropout -0.1

bad '--completep-rate is "-1": give a number from 0 to 8' --completep-rate -1
finish
