#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Signals and company: one signal saves, two end at once and lose nothing that was saved, and a run has one process.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
set -m # so that SIGINT is not ignored by what runs in the background
R=("${B[@]}" --steps 100000 --checkpoint-every 20 --validate-every 0 --schedule 2-4)
start() { # ARGUMENTS OF raptr-pretrain; sets process
  rm -f out.log err.log # so that nobody reads those of the process before
  "$P" "$@" >out.log 2>err.log &
  process=$!
}
wait_for_line() { # PART OF IT
  for ((k = 0; k < 2000; ++k)); do [[ -f out.log ]] && grep -q "$1" out.log && return; sleep 0.005; done
  fail "\"$1\" does not appear: $(cat out.log err.log)"
}
wait_for() { # FILE OR FOLDER
  for ((k = 0; k < 2000; ++k)); do [[ -e $1 ]] && return; sleep 0.005; done
  fail "$1 does not appear: $(cat out.log err.log)"
}

start "${R[@]}" --out one
wait_for one/checkpoints/step-000020
expect_error 2 'in use by another process' "$P" --resume one
kill -INT $process
wait $process
[[ $? -eq 130 ]] || fail "SIGINT gives another exit code than 130"
[[ -d one/checkpoints/$(printf 'step-%06d' "$(wc -l <one/metrics.jsonl)") ]] || fail "the last step was not saved"

# A terminal that is closed, unless the run was started to outlive it.
start --resume one
wait_for_line 'resuming after step'
kill -HUP $process
wait $process
[[ $? -eq 129 ]] || fail "SIGHUP gives another exit code than 129: $(cat err.log)"
grep -q 'everything is saved' out.log || fail "SIGHUP saves nothing: $(cat out.log)"
rm -f out.log
nohup "$P" --resume one >out.log 2>err.log &
process=$!
wait_for_line 'resuming after step'
kill -HUP $process
sleep 0.3
kill -TERM $process
wait $process
[[ $? -eq 143 ]] || fail "SIGHUP ends a run under nohup: $(cat out.log err.log)"

for pause in 0 0.001 0.004; do
  start --resume one
  sleep 0.2
  kill -TERM $process
  sleep $pause
  kill -TERM $process 2>/dev/null
  wait $process
  code=$?
  [[ $code -eq 143 ]] || fail "two SIGTERM give the exit code $code instead of 143: $(cat err.log)"
done
start --resume one
wait_for_line 'resuming after step'
kill -TERM $process
wait $process
[[ -z $(find one/checkpoints -name '.*partial*') ]] || fail "torn folders are left: $(ls -A one/checkpoints)"

# Two signals a millisecond apart while a checkpoint is written, and a kill: what had its name is whole, the rest is gone
# after the next start, and the run goes on from the newest step by number with the same last two checkpoints.
newest_step() { # RUN
  local last
  last=$(cd "$1/checkpoints" && printf '%s\n' step-* | tail -1)
  echo $((10#${last#step-}))
}
R=(--text text.txt --layers 4 --width 64 --heads 2 --context 16 --batch 2 --threads 1 --steps 100000 --checkpoint-every 1 --validate-every 0)
start "${R[@]}" --out saving
for ((k = 0; k < 2000; ++k)); do [[ -f saving/metrics.jsonl && $(wc -l <saving/metrics.jsonl) -ge 12 ]] && break; sleep 0.002; done
kill -KILL $process
wait $process 2>/dev/null
for signals in "INT INT" "TERM INT" "INT TERM" "KILL" "INT INT" "KILL"; do
  [[ -n $(find saving/checkpoints -maxdepth 1 -name 'step-*') ]] || fail "no checkpoint is left"
  before=$(newest_step saving)
  start --resume saving
  wait_for_line "resuming after step $before of"
  grep -q 'damaged' out.log && fail "a checkpoint with a name is damaged: $(cat out.log)"
  for ((k = 0; k < 2000; ++k)); do compgen -G 'saving/checkpoints/.step-*.partial-*' >/dev/null && break; done
  for signal in $signals; do
    kill -$signal $process 2>/dev/null
    sleep 0.001
  done
  wait $process 2>/dev/null
  code=$?
  [[ $code -eq 130 || $code -eq 143 || $code -eq 137 ]] || fail "$signals give the exit code $code: $(cat err.log)"
  [[ $(newest_step saving) -ge $before ]] || fail "steps were lost: $before, then $(newest_step saving)"
done
start --resume saving
wait_for_line 'resuming after step'
kill -INT $process
wait $process
[[ $? -eq 130 ]] || fail "SIGINT gives another exit code than 130: $(cat err.log)"
[[ -z $(find saving/checkpoints -name '.*') ]] || fail "torn folders are left: $(ls -A saving/checkpoints)"
last=$(newest_step saving)
[[ $(ls saving/checkpoints) == "$(printf 'step-%06d\nstep-%06d' $((last - 1)) "$last")" ]] || fail "other checkpoints than the last two: $(ls saving/checkpoints)"
[[ $(wc -l <saving/metrics.jsonl) -eq $last ]] || fail "the log has $(wc -l <saving/metrics.jsonl) lines after step $last"

# A signal is heard inside long work, within two seconds and what a loaded machine adds: in a step of many micro-batches, in
# validation, while steps are measured, and while the hash of shards is computed.
ended_soon() { # WHERE
  local begin code took
  begin=$(date +%s%N)
  kill -TERM $process
  wait $process
  code=$?
  took=$((($(date +%s%N) - begin) / 1000000))
  [[ $code -eq 143 ]] || fail "exit code $code instead of 143 $1: $(cat out.log err.log)"
  [[ $took -le 4000 ]] || fail "$took ms from the signal to the end $1"
}
for _ in {1..40}; do cat text.txt; done >long.txt
L=(--layers 12 --width 64 --heads 2 --context 16 --batch 2 --threads 1)
start --text text.txt "${L[@]}" --steps 3 --accumulate 20000 --validate-every 0 --out long
wait_for long/config.json
sleep 0.7
ended_soon 'in a long step'
grep -q 'Stopped after step 0 of 3; everything is saved' out.log || fail "the long step was not abandoned: $(cat out.log)"
[[ -d long/checkpoints/step-000000 ]] || fail "the state before the long step was not saved"
start --resume long
wait_for_line 'resuming after step 0 of 3'
sleep 0.7
ended_soon 'in a long step of a resumed run'

start --text text.txt --validation-text long.txt "${L[@]}" --steps 9 --validate-every 2 --validation-windows 0 --out validates
for ((k = 0; k < 2000; ++k)); do [[ -s validates/metrics.jsonl ]] && break; sleep 0.005; done
sleep 0.5
ended_soon 'in validation'
[[ $(wc -l <validates/metrics.jsonl) -eq 2 ]] || fail "not after step 2: $(cat validates/metrics.jsonl)"
grep -q validation_loss validates/metrics.jsonl && fail "validation was not ended"
[[ -d validates/checkpoints/step-000002 ]] || fail "step 2 was not saved"
start --resume validates
wait_for_line 'resuming after step 2 of 9'
sleep 0.5
ended_soon 'in a validation that is repeated'
[[ $(wc -l <validates/metrics.jsonl) -eq 2 ]] || fail "a step was done before the validation of the one before it"

start --text text.txt "${L[@]}" --accumulate 20000 --schedule 'ramp:?-full' --solve-for 0.75 --solve-cost time --out measures
wait_for_line 'Measuring steps'
sleep 0.5
ended_soon 'while steps are measured'
truncate -s 4G zeros.bin
start --shards zeros.bin --shard-format nanogpt "${L[@]}" --steps 3 --out hashes
wait_for_line '^Schedule:'
sleep 0.5
ended_soon 'while shards are hashed'
grep -q 'Stopped before the first step; nothing was changed' out.log || fail "what a stop does is not told: $(cat out.log)"
[[ ! -e measures && ! -e hashes ]] || fail "a run that did not begin left a folder"
finish
