#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Several ranks, as threads and as processes on MPI: the same run, one folder, resumed by any number; faults end it with one sentence.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
set -m # so that SIGINT is not ignored by what runs in the background
M=(--text text.txt --layers 4 --width 16 --heads 2 --context 16 --threads 1 --checkpoint-every 4 --validate-every 4 --schedule 2-4)
R=("${M[@]}" --batch 6 --steps 12)

# The losses of two runs, within the rounding of sums in another order.
expect_close_losses() { # RUN RUN
  paste -d' ' <(sed -nE 's/.*"loss":([0-9.]+).*/\1/p' "$1/metrics.jsonl") <(sed -nE 's/.*"loss":([0-9.]+).*/\1/p' "$2/metrics.jsonl") >losses
  [[ $(wc -l <losses) -eq 12 ]] || fail "not 12 losses: $1 $2"
  awk '{ d = $1 - $2; if (d < 0) d = -d; if (!(d < 1e-4)) exit 1 }' losses || fail "the losses of $1 and $2 differ: $(cat losses)"
}

expect_done "$P" "${R[@]}" --out one
if [[ $(nproc) -ge 2 ]]; then
  expect_done "$P" "${R[@]}" --ranks 2 --out threads
  grep -qx 'Ranks: 2, each with 1 thread' out.log || fail "no line about the ranks: $(cat out.log)"
  expect_close_losses one threads
  expect_done "$P" --resume threads --ranks 2 --trace none.json
  [[ ! -e none.json ]] || fail "a finished run has a trace"
  grep -q 'This run is finished' out.log || fail "a finished run is not seen as one"
  expect_done "$P" "${R[@]}" --ranks 2 --shard-optimizer --out sharded
  expect_close_losses threads sharded
  size() { stat -c %s "$1/checkpoints/step-000012/optimizer.safetensors"; }
  [[ $(size threads) -eq $(size sharded) ]] || fail "a sharded checkpoint has another size: $(size threads), $(size sharded)"
  expect_error 2 'divides the moments of the optimizer among ranks, and this run has one' "$P" --resume sharded --shard-optimizer
  expect_done "$P" "${R[@]}" --ranks 2 --out traced --trace trace.json
  grep -qE '^Trace: .*trace.json, 12 steps; sums were under way for [0-9.]+ ms of a step, 0 % of it while rank 0 computed$' out.log ||
    fail "no line about the trace: $(cat out.log)"
  # A step has the sums of its blocks, of the embedding and of the loss and its groups, on each rank; half of the steps train 2 of 4 blocks.
  [[ $(grep -c '"ph":"b"' trace.json) -eq $((2 * 12 * (3 + 1 + 2))) ]] || fail "other sums in the trace: $(grep -c '"ph":"b"' trace.json)"
  [[ $(grep -c '"name":"rank [01]"' trace.json) -eq 2 ]] || fail "not two ranks in the trace"
  ! grep -q trace traced/config.json || fail "the trace is a property of the run"
  expect_same_run threads traced
  expect_error 2 '--trace shows what several ranks send' "$P" "${R[@]}" --out one_traced --trace one.json
  expect_error 2 'a batch of 1 sequences cannot be divided over 2 ranks' "$P" "${M[@]}" --batch 1 --steps 12 --ranks 2 --out few
  [[ ! -e few ]] || fail "the folder of a refused run exists"
  # A plan for each rank: another run for each of the three, which is resumed as it was started.
  O=("${R[@]/#2-4/3-4}" --ranks 2)
  expect_done "$P" "${O[@]}" --out shared
  for kind in mean_over_trained mean_over_all; do
    expect_done "$P" "${O[@]}" --rank-plans $kind --out $kind
    grep -qx "Ranks: 2, each with 1 thread and a plan of its own, $kind" out.log || fail "no line about the plans: $(cat out.log)"
    ! diff -q <(grep -o '"loss":[0-9.]*' shared/metrics.jsonl) <(grep -o '"loss":[0-9.]*' $kind/metrics.jsonl) >/dev/null || fail "$kind is shared"
    expect_error 2 '--rank-plans is "shared", but the run was started with "'$kind'"' "$P" --resume $kind --ranks 2 --rank-plans shared
  done
  expect_error 2 'keeps 3 of 4 layers on average, not in every draw' "$P" "${O[@]}" --selector bernoulli --rank-plans mean_over_all --out few
  expect_error 2 'on this schedule drops sequences' "$P" "${R[@]/#2-4/sequences 1/2-full}" --ranks 2 --rank-plans mean_over_all --out few
  [[ ! -e few ]] || fail "the folder of a refused run exists"
fi
expect_error 2 ', but this process may use ' "$P" "${R[@]}" --ranks 1024 --out many

# Without MPI in the program, or with another launcher than its own: a sentence in place of several runs that overwrite each other.
if OMPI_COMM_WORLD_SIZE=2 "$P" "${R[@]}" --out twice >out.log 2>err.log; then fail "two processes without MPI train"; fi
grep -qE "a launcher has started 2 processes of this program, (which is compiled without MPI|but its MPI sees only one)" err.log ||
  fail "no sentence about the launcher: $(cat err.log)"
[[ ! -e twice ]] || fail "one of several processes without MPI has made a folder"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun=()
MPIRUN=${MPIRUN:-mpirun} # that of the MPI in the program
if command -v "$MPIRUN" >/dev/null && ldd "$P" | grep -q libmpi; then
  mpirun=(timeout 60 "$MPIRUN")
  if [[ $("$MPIRUN" --version 2>&1) == *Open* ]]; then mpirun+=(--oversubscribe); fi
fi
if [[ ${#mpirun[@]} -gt 0 ]]; then
  expect_done "${mpirun[@]}" -n 2 "$P" "${R[@]}" --out processes
  [[ $(grep -c '^Run: ' out.log) -eq 1 ]] || fail "not one rank reports: $(cat out.log)"
  [[ ! -e threads ]] || expect_same_run threads processes
  expect_done "${mpirun[@]}" -n 3 "$P" "${R[@]}" --shard-optimizer --out parts
  expect_close_losses processes parts
  # Stopped by a signal, and continued by 3 ranks and by one.
  "${mpirun[@]}" -n 2 "$P" "${M[@]}" --batch 6 --steps 100000 --out stopped >out.log 2>err.log </dev/null &
  process=$!
  for ((k = 0; k < 2000; ++k)); do [[ -e stopped/checkpoints/step-000008 ]] && break; sleep 0.005; done
  pkill -TERM -o -f -- "^$P .*--out stopped"
  wait $process
  [[ $? -ne 0 ]] || fail "a stopped run ends with 0"
  steps=$(wc -l <stopped/metrics.jsonl)
  [[ -d stopped/checkpoints/$(printf 'step-%06d' "$steps") ]] || fail "the last step was not saved: $steps, $(ls stopped/checkpoints), $(cat out.log err.log)"
  for until in 40 80; do
    rm -rf copy
    cp -r stopped copy
    ranks=3
    [[ $until -eq 40 ]] || ranks=1
    "${mpirun[@]}" -n "$ranks" "$P" --resume copy >out.log 2>err.log </dev/null &
    process=$!
    for ((k = 0; k < 2000; ++k)); do grep -q '^Run: copy, resuming after step' out.log && [[ $(wc -l <copy/metrics.jsonl) -gt $((steps + until)) ]] && break; sleep 0.005; done
    pkill -TERM -o -f -- "^$P --resume copy"
    wait $process
    [[ $(wc -l <copy/metrics.jsonl) -gt $((steps + until)) ]] || fail "$ranks ranks do not go on: $(cat out.log err.log)"
    diff <(head -"$steps" stopped/metrics.jsonl) <(head -"$steps" copy/metrics.jsonl) || fail "a resume changes the log"
  done
  # What cannot run says so and leaves nothing.
  for words in '--batch 1' '--batch 6 --ranks 2' '--batch 6 --validation-text missing.txt'; do
    read -r -a more <<<"$words"
    if "${mpirun[@]}" -n 2 "$P" "${M[@]}" --steps 12 "${more[@]}" --out refused >out.log 2>err.log </dev/null; then fail "$words is not refused"; fi
    grep -q '^raptr: rank 0: ' err.log || fail "$words without a sentence of rank 0: $(cat err.log)"
    [[ ! -e refused ]] || fail "$words leaves a folder"
  done
  if "${mpirun[@]}" -n 1 "$P" "${R[@]}" --out refused : -n 1 "$P" "${R[@]}" --seed 2 --out refused >out.log 2>err.log </dev/null; then
    fail "other options on two ranks are not refused"
  fi
  grep -q 'rank 1 was started with other arguments than rank 0' err.log || fail "no sentence about other options: $(cat err.log)"
fi

finish
