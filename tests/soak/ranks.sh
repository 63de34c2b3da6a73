#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Faults of a random rank of two to four at a random moment, on MPI: killed, stopped, late; and a last rank at odds with the others. Each run has
# to end within the limit and some seconds for the launcher, with an exit code that is not 0, with a sentence that names operation, step and
# rank, by a rank that is left or, after a kill, by the launcher; and no process may be left. Prints how many did, and the longest time from
# the fault to the end.
#   TRIALS=100 MPIRUN=mpirun ranks.sh BUILD_FOLDER
set -euo pipefail
program=$(realpath "$1/tests/comm/raptr_mpi_ranks")
mpirun=${MPIRUN:-mpirun} trials=${TRIALS:-100}
if ! command -v "$mpirun" >/dev/null || [[ ! -x $program ]]; then
  echo "There is no MPI here: not tried."
  exit 0
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
flags=()
if [[ $("$mpirun" --version 2>&1) == *Open* ]]; then flags+=(--oversubscribe); fi
limit=0.5 most=15 # a fault after the last step is found after the longer limit of 10 s
log=$(mktemp)
trap 'rm -f "$log"' EXIT
RANDOM=${SEED:-1}
failed=0

# The time at which a line comes, before the line.
timed() { while IFS= read -r line; do echo "$EPOCHREALTIME $line"; done; }

for kind in kill stop late count operation; do
  good=0 named=0 longest=0
  for ((trial = 0; trial < trials; ++trial)); do
    ranks=$((2 + RANDOM % 3)) step=$((1 + RANDOM % 18)) delay=$((RANDOM % 3000))
    code=0
    { timeout 60 "$mpirun" "${flags[@]}" -n "$ranks" "$program" "$kind" "$limit" "$step" $((RANDOM % ranks)) "$delay" 2>&1 </dev/null; } | timed >"$log" || code=$?
    end=$EPOCHREALTIME
    start=$(awk '/rank fails: |raptr: rank / { print $1; exit }' "$log")
    seconds=$(awk "BEGIN { print $end - ${start:-0} }")
    promised=1
    if ((code == 0)) || awk "BEGIN { exit !($seconds > $most) }"; then promised=0; fi
    if grep -qE 'raptr: rank [0-9]+: ((step [0-9]+, .*|end of the run): rank [0-9]+ has waited .* for rank|rank [0-9]+ is at "step |the end of MPI has waited)' "$log"; then
      named=$((named + 1))
    elif [[ $kind != kill ]]; then
      promised=0
    fi
    for ((k = 0; k < 20; ++k)); do # what was killed may be there for a moment
      pgrep -f "^$program" >/dev/null || break
      sleep 0.1
    done
    if ((k == 20)); then promised=0; fi
    if ((promised)); then
      good=$((good + 1))
    else
      cat "$log"
      echo "ranks.sh: $kind, trial $trial, $ranks ranks, step $step: not as promised (exit code $code, $seconds s)"
    fi
    longest=$(awk "BEGIN { print ($seconds > $longest ? $seconds : $longest) }")
  done
  echo "$kind: $good of $trials ended as promised, $named of them with a sentence of a rank that was left; the longest took $longest s"
  ((good == trials)) || failed=1
done
exit "$failed"
