#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run that is stopped, killed or starved and then resumed ends with the same bits as one that never was.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
R=("${B[@]}" --steps 60 --schedule 2-3-4 --at-borders reset --completep-rate 0.5 --accumulate 2
  --checkpoint-every 5 --validate-every 7 --validation-windows 8 --keep-every 20)
expect_done "$P" "${R[@]}" --out whole
[[ $(wc -l <whole/metrics.jsonl) -eq 60 ]] || fail "not one line a step"
[[ -f whole/summary.json && -f whole/curves.svg && -f whole/checkpoints/step-000060/model.safetensors &&
  -f whole/checkpoints/step-000055/manifest.json ]] || fail "files are missing: $(find whole)"
[[ -d whole/checkpoints/step-000020 && -d whole/checkpoints/step-000040 && ! -d whole/checkpoints/step-000050 ]] ||
  fail "other checkpoints were kept: $(ls whole/checkpoints)"
grep -qiE 'nan|inf' whole/metrics.jsonl && fail "metrics.jsonl has numbers that are none"

# The number of threads changes nothing.
sed 's/"threads": 1/"threads": 2/' whole/config.json >two.json
expect_done "$P" --config two.json --out two_threads
expect_same_run whole two_threads

# SIGTERM once: the step ends, everything is saved, 143.
stopped_run() {  # NAME SIGNAL CODE
  "$P" "${R[@]}" --out "$1" >out.log 2>err.log &
  local process=$! code
  while [[ ! -s $1/metrics.jsonl ]]; do sleep 0.005; kill -0 $process 2>/dev/null || break; done
  kill "-$2" $process 2>/dev/null
  wait $process
  code=$?
  if [[ $code -eq 0 ]]; then echo "(the run $1 was faster than the signal)"; return; fi
  [[ $code -eq $3 ]] || fail "exit code $code instead of $3 after $2: $(cat err.log)"
  [[ -d $1/checkpoints/$(printf 'step-%06d' "$(wc -l <"$1/metrics.jsonl")") ]] || fail "the last checkpoint after $2 is not of the last step"
  grep -q -- "--resume" out.log || fail "the command to go on is missing"
  expect_done "$P" --resume "$1" --threads 2
}
stopped_run term TERM 143
expect_same_run whole term

# SIGKILL at any moment, again and again.
for _ in 1 2 3 4 5 6 7 8; do
  if [[ -d killed ]]; then "$P" --resume killed >out.log 2>err.log & else "$P" "${R[@]}" --out killed >out.log 2>err.log & fi
  process=$!
  sleep "0.$(printf '%03d' $((RANDOM % 150)))"
  kill -KILL $process 2>/dev/null
  wait $process 2>/dev/null
done
[[ ! -d killed ]] || echo '{"cut' >killed/.summary.json.partial-1  # a kill while the file was written
if [[ -d killed ]]; then expect_done "$P" --resume killed; else expect_done "$P" "${R[@]}" --out killed; fi
expect_same_run whole killed

# Before the first checkpoint; after a finished one; a torn checkpoint; metrics cut in a line.
cp -r whole young && rm -r young/checkpoints/* young/summary.json
expect_done "$P" --resume young
expect_same_run whole young
expect_done "$P" --resume whole
grep -q "is finished" out.log || fail "a finished run does not say so: $(cat out.log)"
cp -r whole torn && rm torn/summary.json && truncate -s -1 torn/checkpoints/step-000060/model.safetensors && truncate -s -20 torn/metrics.jsonl
expect_done "$P" --resume torn
grep -q "step-000060 is damaged" out.log || fail "the torn checkpoint is not named: $(cat out.log)"
expect_same_run whole torn

# A folder that lost its checkpoints says so, and how to start anew.
cp -r whole bare && rm -r bare/checkpoints
expect_error 3 'bare is the folder of a run, but its folder "checkpoints" is missing, so it has no checkpoint any more' "$P" --resume bare
[[ $(cat err.log) == *'--config bare/config.json --out FOLDER)' ]] || fail "it is not told how to start anew: $(cat err.log)"
expect_error 3 'its folder "checkpoints" is missing' "$G" --run bare
expect_done "$P" --config bare/config.json --out anew
expect_same_run whole anew

# Newest by number, not by name; what the run was started with may not change, the rest may.
cp -r whole other
expect_error 2 '--batch is 3, but the run was started with 2' "$P" --resume other --batch 3
expect_error 2 '--steps is 120, but the run was started with 60 (2-3-4 over 60 steps, stages ending at 20, 40, 60; it would be 2-3-4 over 120' \
  "$P" --resume other --steps 120
expect_error 2 '--schedule is "full"' "$P" --resume other --schedule full
expect_error 2 '--out and --resume' "$P" --resume other --out else
expect_done "$P" --resume other --batch 2 --full-disk continue --keep-checkpoints 9
echo more >>text.txt
expect_error 2 'is not the one that the run was started with' "$P" --resume other
expect_same_run whole other
finish
