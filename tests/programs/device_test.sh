#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The same run on raptr::cpu and raptr::eigen: losses side by side, checkpoints that either continues, and texts of either.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# A device that is not compiled in, or does not exist, is refused with those that are.
expect_error 2 'compiled without cuda, or build it with -DRAPTR_PRETRAIN_DEVICES="' "$P" "${B[@]}" --steps 1 --out none --device cuda
expect_error 2 'compiled without cuda' "$G" --run none --device cuda
expect_error 2 'cpu' "$P" "${B[@]}" --steps 1 --out none --device gpu
"$P" --help run | grep -A1 -- '--device' | grep -q eigen || { echo "raptr-pretrain was built without eigen: the rest is skipped"; finish; }

losses() { sed -nE 's/.*"loss": ?([0-9.]+).*/\1/p' "$1/metrics.jsonl"; }
R=("${B[@]}" --schedule '2-4 with heads 1/2-full' --steps 12 --checkpoint-every 4 --validate-every 0 --keep-checkpoints 9)
expect_done "$P" "${R[@]}" --out cpu
expect_done "$P" "${R[@]}" --device eigen --out eigen
grep -q 'eigen [0-9]' out.log || fail "the device is not said: $(cat out.log)"
[[ $(losses cpu | wc -l) -eq 12 ]] || fail "$(losses cpu | wc -l) losses"
paste <(losses cpu) <(losses eigen) | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-3) exit 1 }' || fail "the losses differ: $(paste <(losses cpu) <(losses eigen))"

# A run goes on from the middle on the other device, and to the same losses.
for from in cpu eigen; do
  other=$([[ $from == cpu ]] && echo eigen || echo cpu)
  cp -r $from moved && rm -r moved/summary.json moved/checkpoints/step-000012
  expect_done "$P" --resume moved --device $other
  grep -q 'resuming after step 8 of 12' out.log || fail "$from to $other: $(cat out.log)"
  paste <(losses $from) <(losses moved) | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-3) exit 1 }' || fail "$from to $other: other losses"
  rm -r moved
done

for run in cpu eigen; do
  for device in cpu eigen; do
    "$G" --run $run --device $device --prompt 'line 1' --tokens 20 --temperature 0 --threads 1 >$run.$device 2>err.log || fail "no text: $(cat err.log)"
  done
  cmp -s $run.cpu $run.eigen || fail "the texts of $run differ: $(cat $run.cpu $run.eigen)"
done
finish
