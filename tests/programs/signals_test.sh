#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Signals and company: one signal saves, two end at once and lose nothing that was saved, and a run has one process.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
set -m # so that SIGINT is not ignored by what runs in the background
R=("${B[@]}" --steps 100000 --checkpoint-every 20 --validate-every 0 --schedule 2-4)
wait_for() { # FILE OR FOLDER
  for ((k = 0; k < 2000; ++k)); do [[ -e $1 ]] && return; sleep 0.005; done
  fail "$1 does not appear: $(cat out.log err.log)"
}

"$P" "${R[@]}" --out one >out.log 2>err.log &
process=$!
wait_for one/checkpoints/step-000020
expect_error 2 'in use by another process' "$P" --resume one
kill -INT $process
wait $process
[[ $? -eq 130 ]] || fail "SIGINT gives another exit code than 130"
[[ -d one/checkpoints/$(printf 'step-%06d' "$(wc -l <one/metrics.jsonl)") ]] || fail "the last step was not saved"

for pause in 0 0.001 0.004; do
  "$P" --resume one >out.log 2>err.log &
  process=$!
  sleep 0.2
  kill -TERM $process
  sleep $pause
  kill -TERM $process 2>/dev/null
  wait $process
  code=$?
  [[ $code -eq 143 ]] || fail "two SIGTERM give the exit code $code instead of 143: $(cat err.log)"
done
"$P" --resume one >out.log 2>err.log &
process=$!
for ((k = 0; k < 2000; ++k)); do grep -q 'going on after step' out.log && break; sleep 0.005; done
[[ $k -lt 2000 ]] || fail "the run does not go on after two signals: $(cat out.log err.log)"
kill -TERM $process
wait $process
[[ -z $(find one/checkpoints -name '.*partial*') ]] || fail "torn folders are left: $(ls -A one/checkpoints)"
finish
