#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Faults of a random rank of two to four at a random moment: killed, stopped, late, ended by an error; a rank at odds with the others in a call, an
# option, its text or its binary; and all of them stopped for longer than the limit and continued, which is no fault. On every MPI of Debian that
# is installed, and as two threads of a process, as far as it applies. Each run has to end within the limit and some seconds for the launcher,
# with an exit code that is not 0, with a sentence that names operation, step and the rank, by a rank that is left or, after a kill, by
# the launcher; and no process may be left. Prints how many did, and the longest time from the fault to the end.
#   TRIALS=100 SEED=1 AT_ONCE=4 MPIS="openmpi mpich threads" ranks.sh BUILD_FOLDER [KIND...]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
trials=${TRIALS:-100} seed=${SEED:-$RANDOM} at_once=${AT_ONCE:-4} limit=${LIMIT:-2}
kinds=("${@:2}")
((${#kinds[@]})) || kinds=(kill stop late error operation count option text binary pause)
mkdir -p "$1/soak_ranks"
work=$(realpath "$1/soak_ranks")
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
most=$(awk "BEGIN { print $limit + 15 }") # a fault after the last step is found after the longer limit
RANDOM=$seed
echo "ranks.sh: seed $seed, $trials trials of each kind, $at_once at once, a limit of $limit s"

# compiled MPI COMPILER SOURCE: the program.
launcher=$(command -v ccache || true)
compiled() {
  local to=$work/$1-$2-$3
  OMPI_CXX="${launcher:+$launcher }$2" MPICH_CXX="${launcher:+$launcher }$2" "mpicxx.$1" -std=c++20 -O1 -w -pthread -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX -I"$root/include" -I"$root/tests/support" \
    "$root/tests/comm/$3.cpp" -o "$to" >&2
  echo "$to"
}
# The time at which a line comes, before the line.
timed() { while IFS= read -r line; do echo "$EPOCHREALTIME $line"; done; }

# trial KIND NUMBER RANKS STEP RANK DELAY: appends "good how seconds" or "bad why" to the results.
trial() {
  local kind=$1 number=$2 ranks=$3 step=$4 rank=$5 delay=$6 code=0 log=$results/$1.$2 mark=trial-$mpi-$1-$2 command=() k
  local arguments=("$kind" "$limit" "$step" "$rank" "$delay" "$mark")
  case $mpi:$kind in
    threads:*) command=("$program" threads "${arguments[@]}") ;;
    *:operation | *:count) command=("${mpirun[@]}" -n "$ranks" "$engine" "${arguments[@]}") ;;
    *:binary)
      command=("${mpirun[@]}")
      if ((rank > 0)); then command+=(-n "$rank" "$program" mpi "${arguments[@]}" :); fi
      command+=(-n 1 "$other" mpi "${arguments[@]}")
      if ((rank + 1 < ranks)); then command+=(: -n $((ranks - rank - 1)) "$program" mpi "${arguments[@]}"); fi
      ;;
    *) command=("${mpirun[@]}" -n "$ranks" "$program" mpi "${arguments[@]}") ;;
  esac
  # Stopped for longer than the limit, and continued, once one of them has come to the step.
  if [[ $kind == pause ]]; then
    (
      for ((k = 0; k < 600; ++k)); do
        ! grep -q 'rank fails' "$log" 2>/dev/null || break
        sleep 0.05
      done
      pkill -STOP -f -- "^$program .*$mark\$"
      sleep "$(awk "BEGIN { print 1.5 * $limit }")"
      pkill -CONT -f -- "^$program .*$mark\$"
    ) >/dev/null 2>&1 &
  fi
  { timeout 90 "${command[@]}" 2>&1 </dev/null; } | timed >"$log" || code=$?
  local end=$EPOCHREALTIME start seconds how=
  start=$(awk '/rank fails: |raptr: / { print $1; exit }' "$log")
  seconds=$(awk "BEGIN { print $end - ${start:-0} }")
  local of='(rank [0-9]+: )?' list="ranks? ([0-9]+(, | and ))*$rank((, | and )[0-9]+)*" at='(step [0-9]+, [a-z ]+[0-9]*|end of the run)'
  case $kind in
    kill)
      if grep -qE "raptr: ${of}$at: rank [0-9]+ has waited .* for $list, which" "$log"; then how=rank
      elif grep -qE "process rank $rank with PID [0-9]+ on node .* exited on signal 9" "$log"; then how=launcher_names_rank
      elif grep -qE 'EXIT CODE: 9$' "$log"; then how=launcher_names_process # by its number and host
      elif grep -qE 'EXIT CODE: 6$' "$log"; then how=library_ends_another_rank; fi # UCX, where it notices first
      ;;
    stop | late)
      if grep -qE "raptr: ${of}$at: rank [0-9]+ has waited .* for $list, which did not come" "$log"; then how=rank
      elif grep -qE "raptr: ${of}$at: rank [0-9]+ cannot go on, because a call of MPI has not returned" "$log"; then how=stuck; fi
      ;;
    error) if grep -qE "raptr: (rank $rank: )?the text has ended" "$log"; then how=rank; fi ;;
    operation | count) if grep -qE "raptr: ${of}rank [0-9]+ is at \"step 5, sum of the [a-z ]+3 .*\", but rank [0-9]+ at \"step 5, " "$log"; then how=rank; fi ;;
    option | text | binary)
      if grep -qE "raptr: ${of}step 1, comparison of the ranks: (rank $rank and rank [0-9]+|rank [0-9]+ and rank $rank) differ in " "$log"; then how=rank; fi ;;
    pause) if ((code == 0)) && grep -q 'rank fails' "$log" && grep -q 'every rank is done' "$log"; then how=goes_on; fi ;;
  esac
  if [[ $kind != pause ]] && ((code == 0)); then how=; fi
  if awk "BEGIN { exit !($seconds > $most) }"; then how=; fi
  for ((k = 0; k < 40; ++k)); do # what was killed may be there for a moment
    pgrep -f -- "^$work/.* $mark\$" >/dev/null || break
    sleep 0.1
  done
  if ((k == 40)); then how=; fi
  if [[ -n $how ]]; then
    echo "good $how $seconds" >"$log.result"
  else
    sed "s/^/  /" "$log" | tail -20
    echo "ranks.sh: $mpi, $kind, trial $number, $ranks ranks, step $step, rank $rank: not as promised (exit code $code, $seconds s)"
    echo "bad" >"$log.result"
  fi
}

failed=0
for mpi in ${MPIS:-openmpi mpich threads}; do
  mpirun=() engine='' other=''
  if [[ $mpi == threads ]]; then
    wrapper=openmpi # the program has ranks on MPI too
    command -v mpicxx.openmpi >/dev/null || wrapper=mpich
  else
    wrapper=$mpi
    mpirun=("mpirun.$mpi")
    [[ $mpi != openmpi ]] || mpirun+=(--oversubscribe --bind-to none)
  fi
  if ! command -v "mpicxx.$wrapper" >/dev/null; then
    echo "$mpi: not here, not tried"
    continue
  fi
  program=$(compiled "$wrapper" "${CXX:-g++}" training_ranks)
  if [[ $mpi != threads ]]; then
    engine=$(compiled "$wrapper" "${CXX:-g++}" mpi_ranks)
    if command -v clang++ >/dev/null; then other=$(compiled "$wrapper" clang++ training_ranks); fi
  fi
  for kind in "${kinds[@]}"; do
    case $mpi:$kind in
      threads:kill | threads:stop | threads:operation | threads:count | threads:binary) continue ;; # of the whole process, or tested elsewhere
    esac
    if [[ $kind == binary && -z $other ]]; then
      echo "$mpi, binary: no clang++ here, not tried"
      continue
    fi
    rm -f "$results"/*
    for ((n = 0; n < trials; ++n)); do
      ranks=$((2 + RANDOM % 3))
      [[ $mpi != threads ]] || ranks=2
      # The last rank is the one at odds in a call.
      draws=("$ranks" $((1 + RANDOM % 20)) $((RANDOM % ranks)) $((RANDOM % 20000)))
      trial "$kind" "$n" "${draws[@]}" &
      while (($(jobs -rp | wc -l) >= at_once)); do wait -n; done
    done
    wait
    cat "$results"/*.result >"$results/all"
    good=$(grep -c '^good' "$results/all" || true)
    echo "$mpi, $kind: $good of $trials as promised ($(awk '/^good/ { n[$2]++ } END { for (h in n) printf "%s%s %d", k++ ? ", " : "", h, n[h] }' "$results/all")); the longest took $(awk '/^good/ && $3 > m { m = $3 } END { print m + 0 }' "$results/all") s"
    ((good == trials)) || failed=1
  done
done
exit "$failed"
