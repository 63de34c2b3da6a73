#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run of raptr-pretrain that is killed 20 times, a random rank at a random moment, and resumed each time until its end: always by two ranks, as
# processes or threads; and by one, two or three in turn. The newest checkpoint loads after every kill, each step and so each sample is in the log
# once, and the result is that of a run nobody disturbed: to the bit with the same number of ranks, and within the rounding of sums in another
# order with others.
#   KILLS=20 SEED=1 MPIRUN=mpirun kills.sh BUILD_FOLDER
set -euo pipefail
program=$(realpath "$1/examples/raptr-pretrain")
kills=${KILLS:-20} seed=${SEED:-$RANDOM} steps=${STEPS:-3000}
mpirun=("${MPIRUN:-mpirun}")
if ! command -v "${mpirun[0]}" >/dev/null || [[ $(ldd "$program") != *libmpi* ]]; then
  echo "There is no MPI here, or not in raptr-pretrain: not tried."
  exit 0
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
if [[ $("${mpirun[0]}" --version 2>&1) == *Open* ]]; then mpirun+=(--oversubscribe --bind-to none); fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
RANDOM=$seed
echo "kills.sh: seed $seed, $kills kills in each of two runs of $steps steps"
# 12 sequences a step, and a text of at least as many windows: every one is read at most once.
for ((i = 0; i < steps * 22; ++i)); do echo "line $i holds $((i * i % 97)) and $((i * 7 % 31))"; done >text.txt
options=(--text text.txt --layers 4 --width 32 --heads 2 --context 32 --batch 12 --threads 1 --steps "$steps" --schedule 2-4 --learning-rate 1e-4 --validate-every 0
  --checkpoint-every 20)

die() {
  echo "kills.sh: $*"
  cat out.log
  exit 1
}
newest() { { find "$1/checkpoints" -maxdepth 1 -name 'step-*' 2>/dev/null || true; } | sed 's/.*step-0*//' | sort -n | tail -1; }
lines() { wc -l 2>/dev/null <"$1/metrics.jsonl" || echo 0; }
# go RANKS WORDS...: in the background; 0 ranks are two threads.
go() {
  local ranks=$1
  shift
  if ((ranks == 0)); then
    "$program" "$@" --ranks 2 >out.log 2>&1 </dev/null &
  else
    timeout 600 "${mpirun[@]}" -n "$ranks" "$program" "$@" >out.log 2>&1 </dev/null &
  fi
  job=$!
}
# disturbed RUN RANKS...: the numbers of ranks to draw from.
disturbed() {
  local run=$1 done=0 threads=0 during=0 ranks target before pids newest_before
  shift
  local counts=("$@") words=("${options[@]}" --out "$run")
  while ((done < kills)); do
    ranks=${counts[RANDOM % ${#counts[@]}]}
    before=$(lines "$run") newest_before=$(newest "$run")
    go "$ranks" "${words[@]}"
    # Mostly in the middle of steps, else at the start.
    if ((RANDOM % 4)); then
      for ((k = 0; k < 3000; ++k)); do
        (($(lines "$run") <= before + 5)) || break
        kill -0 "$job" 2>/dev/null || break
        sleep 0.02
      done
    else
      sleep "$(awk "BEGIN { print $((RANDOM % 1000)) / 1000 }")"
    fi
    sleep "$(awk "BEGIN { print $((RANDOM % 600)) / 1000 }")"
    mapfile -t pids < <(pgrep -f -- "^$program .*$run")
    if ((${#pids[@]} == 0)); then # not started yet, or at its end
      wait "$job" 2>/dev/null && die "$run came to its end after $done kills: give more STEPS"
      continue
    fi
    target=${pids[RANDOM % ${#pids[@]}]}
    kill -KILL "$target" 2>/dev/null || true
    if wait "$job" 2>/dev/null; then die "a run with a killed rank ends with 0"; fi
    for ((k = 0; k < 100; ++k)); do
      pgrep -f -- "^$program .*$run" >/dev/null || break
      sleep 0.05
    done
    ((k < 100)) || die "ranks are left after a kill"
    done=$((done + 1))
    ((ranks)) || threads=$((threads + 1))
    if grep -q '^Run: ' out.log; then
      during=$((during + 1))
      if [[ -n $newest_before ]]; then grep -qE "resuming after step $newest_before of" out.log || die "not resumed after step $newest_before"; fi
    fi
    if [[ -e $run/config.json ]]; then words=(--resume "$run"); else rm -rf "$run"; fi
  done
  while [[ ! -e $run/summary.json ]]; do
    go "${counts[RANDOM % ${#counts[@]}]}" "${words[@]}"
    wait "$job" || die "the last resume fails"
  done
  [[ $(sed -nE 's/.*"step":([0-9]+).*/\1/p' "$run/metrics.jsonl") == "$(seq "$steps")" ]] || die "the log of $run has not each step once"
  echo "$run: $done kills, $during of them after training began, $threads of two threads; each step is in the log once"
}

go 2 "${options[@]}" --out whole
wait "$job" || die "the run that nobody disturbs fails"
last=checkpoints/$(printf 'step-%06d' "$steps")
disturbed same 2 2 0
for file in model optimizer; do cmp "whole/$last/$file.safetensors" "same/$last/$file.safetensors"; done
diff <(sed -E 's/.*("step":[0-9]+).*("loss":[0-9.]+).*/\1 \2/' whole/metrics.jsonl) <(sed -E 's/.*("step":[0-9]+).*("loss":[0-9.]+).*/\1 \2/' same/metrics.jsonl)
echo "same: losses, weights and moments have the bits of the run that nobody disturbed"
disturbed other 1 2 3
python3 - whole other "$last" <<'END'
import json, struct, sys

def weights(run):
    data = open(f"{run}/{sys.argv[3]}/model.safetensors", "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    for name, about in sorted(json.loads(data[8:8 + size]).items()):
        if name != "__metadata__":
            first, last = about["data_offsets"]
            yield from struct.unpack(f"<{(last - first) // 4}f", data[8 + size + first:8 + size + last])

def losses(run):
    return [json.loads(line)["loss"] for line in open(f"{run}/metrics.jsonl")]

whole, other = losses(sys.argv[1]), losses(sys.argv[2])
apart = max(abs(a - b) for a, b in zip(whole, other))
between = max(abs(a - b) for a, b in zip(whole[1:], other))  # if a sample were lost: the losses of other batches
weight = max(abs(a - b) for a, b in zip(weights(sys.argv[1]), weights(sys.argv[2])))
print(f"other: the losses of a step differ by {apart:.2g} at most (those of two steps by {between:.2g}), the final weights by {weight:.2g}")
sys.exit(not (apart < 1e-4 and between > 1e-2 and weight < 1e-2))
END
