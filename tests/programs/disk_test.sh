#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A full disk, by a limit of the file size: the old checkpoint stays, and the run stops or goes on as it was asked to.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
limited() { (ulimit -f "$1" && shift && exec "$@"); }
R=("${B[@]}" --steps 30 --schedule 2-4 --checkpoint-every 4 --validate-every 0)
expect_done "$P" "${R[@]}" --out whole
size=$(($(stat -c %s whole/checkpoints/step-000030/model.safetensors) / 1024))

# Not even the first file of the run; not the first checkpoint; not one after some.
limited 0 "$P" "${R[@]}" --out none 2>&1 >/dev/null | cat >err.log  # through a pipe, which has no limit
[[ ${PIPESTATUS[0]} -eq 3 && $(cat err.log) == "raptr: cannot write"* ]] || fail "no room at all: $(cat err.log)"
[[ ! -e none ]] || fail "a run without a config.json was made"
expect_error 3 'File too large' limited $((size - 4)) "$P" "${R[@]}" --out first
[[ -z $(ls -A first/checkpoints) ]] || fail "a torn checkpoint is left: $(ls -A first/checkpoints)"
expect_done "$P" --resume first
expect_same_run whole first

cp -r whole later && rm -r later/summary.json later/checkpoints/step-000030
expect_error 3 'File too large' limited $((size - 4)) "$P" --resume later
[[ -f later/checkpoints/step-000028/manifest.json ]] || fail "the old checkpoint is gone"
limited $((size - 4)) "$P" --resume later --full-disk continue >out.log 2>err.log
[[ $? -eq 3 ]] || fail "a run that could not save its end ended well"
grep -q 'continuing' err.log || fail "a failed save is not told: $(cat err.log)"
grep -q 'the newest good checkpoint is of step 28' err.log || fail "the checkpoint that is left is not told: $(cat err.log)"
expect_done "$P" --resume later
expect_same_run whole later

# The log alone: the lines wait in memory.
cp -r whole log && rm -r log/summary.json log/checkpoints/step-000030
expect_error 3 'metrics.jsonl' limited 4 "$P" --resume log
expect_done "$P" --resume log
expect_same_run whole log

# No room for the last files: the checkpoint of the end stays, and the next resume needs no step more.
cp -r whole ending && rm ending/summary.json ending/curves.svg
expect_error 3 'curves.svg' limited 4 "$P" --resume ending
[[ ! -e ending/summary.json && -z $(find ending -name '.*') ]] || fail "a run without its last files has a summary, or torn files: $(find ending -name '.*')"
expect_done "$P" --resume ending
[[ $(grep -c '^step ' out.log) -eq 0 ]] || fail "a run that only lacked its last files trained again: $(cat out.log)"
expect_same_run whole ending
cmp -s whole/curves.svg ending/curves.svg || [[ -s ending/curves.svg ]] || fail "the curves are missing"

# A disk that is full for a while only: under `continue` the log and the later checkpoints are whole again.
cp -r whole young && rm -r young/summary.json young/checkpoints/*
expect_error 3 'File too large' limited 4 "$P" --resume young --full-disk stop
[[ -z $(ls -A young/checkpoints) ]] || fail "something is left of a checkpoint: $(ls -A young/checkpoints)"
limited 4 "$P" --resume young --full-disk continue >out.log 2>err.log
[[ $? -eq 3 ]] || fail "a run without log and checkpoint ended well"
[[ $(grep -c 'continuing' err.log) -eq 2 ]] || fail "the log and the checkpoint are not told once each: $(cat err.log)"
grep -q 'metrics.jsonl' err.log || fail "the log is not named: $(cat err.log)"
grep -q 'the newest good checkpoint is of step 0; free disk space and give --resume young' err.log || fail "what to do is not told: $(cat err.log)"
[[ -z $(tail -c 1 young/metrics.jsonl | tr -d '\n') ]] || fail "the log ends in the middle of a line"
expect_done "$P" --resume young
expect_same_run whole young
finish
