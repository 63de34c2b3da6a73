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
bad '(the nearest is reset)' --at-borders reste
bad '(the nearest is copied)' --grown copy
bad '--completep-rate is "-1": give a number from 0 to 8' --completep-rate -1
finish
