#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mpi.sh PROGRAM MPIRUN RANKS [WORD...]
# Runs mpi_ranks.cpp with that many ranks: the checks of a communicator, and with 3 ranks or more the faults. Whatever happens to a rank, the
# run ends soon, with an exit code that is not 0 and a sentence of each rank that is left, or of the launcher where that ends them first.
set -euo pipefail
program=$1 mpirun=$2 ranks=$3
words=("${@:4}")
limit=0.5
log=$(mktemp)
trap 'rm -f "$log"' EXIT

if ! command -v "$mpirun" >/dev/null; then
  echo "There is no mpirun here (${mpirun}): not tried."
  exit 77
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# What the libraries of MPI do themselves is not judged.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 TSAN_OPTIONS=${TSAN_OPTIONS:-}:detect_deadlocks=0
flags=(-n "$ranks")
if [[ $("$mpirun" --version 2>&1) == *"Open"* ]]; then flags+=(--oversubscribe); fi

# run WORD: leaves the output in $log, the exit code in $code, the time in $seconds.
run() {
  local start=$EPOCHREALTIME
  code=0
  timeout 60 "$mpirun" "${flags[@]}" "$program" "$1" "$limit" >"$log" 2>&1 </dev/null || code=$?
  seconds=$(awk "BEGIN { print $EPOCHREALTIME - $start }")
}
wrong() {
  cat "$log"
  echo "mpi.sh: $ranks ranks, $word: $* (exit code $code, $seconds s)"
  exit 1
}
says() { grep -qE -- "$1" "$log" || wrong "no line with: $1"; }
# A limit of half a second, the start of the processes, and a busy machine.
ends_soon() { awk "BEGIN { exit !($seconds < 15) }" || wrong "takes too long"; }

last=$((ranks - 1))
all=(checks multiple funneled)
if ((ranks == 1)); then all+=(twice); fi
if ((ranks >= 3)); then all=(checks count call half error exit exit_0 kill stop stuck late early unwind start); fi
((${#words[@]})) || words=("${all[@]}")
for word in "${words[@]}"; do
  run "$word"
  case $word in
    checks | multiple | funneled | twice)
      ((code == 0)) || wrong "fails"
      says '^every rank is done$'
      if [[ $word == funneled && $ranks -gt 1 ]]; then says '^Note: the program has started MPI with MPI_THREAD_FUNNELED'; fi
      if [[ $word == twice ]]; then says 'MPI has been finalised in this process'; fi
      continue
      ;;
  esac
  ((code != 0)) || wrong "ends as if all were well"
  ends_soon
  # A rank that the launcher ends first cannot say why, so one rank of those that see a fault has to.
  case $word in
    count | type | operation | step | call | half) says "^raptr: rank [0-9]+: rank [0-9]+ is at \"step [56], .*\", but rank [0-9]+ at \"step [56], .*: all ranks must run the same" ;;
    error) says "^raptr: rank $last: the text has ended$" ;;
    unwind) says "^raptr: rank [1-9] in main: raptr: the text has ended$" ;;
    stop | late) says "^raptr: rank [0-9]+: step 5, header: rank [0-9]+ has waited $limit s for rank $last, which did not come$" ;;
    stuck) says "^raptr: rank [0-9]+: step 5, header: rank [0-9]+ cannot go on, because a call of MPI has not returned for $limit s$" ;;
    early) says "^raptr: rank [0-9]+: rank [0-9]+ is at \".*\", but rank [0-9]+ at \"(end of the run|step 5, header)" ;;
    start) says "start of the run: rank [0-9]+ has waited $limit s until all $ranks ranks have a communicator" ;;
    exit | exit_0) says "^raptr: rank $last: the program exits before its communicator is destroyed$" ;;
    kill) says "^rank fails: $word$" ;; # and the launcher's exit code says so
  esac
done
if pgrep -f "^$program" >/dev/null; then
  word=end
  wrong "processes are left: $(pgrep -f "^$program")"
fi
