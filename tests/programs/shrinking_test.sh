#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files that become shorter while a program uses them: what was known to be there is required, nothing is published without it, and
# a shard that is cut under a run ends it with a line that names the file, not with a bare SIGBUS.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize

# Texts that are cut or emptied before their turn comes; the first one is a pipe, so that the program is waiting.
mkfifo pipe
while_reading() {  # NAME COMMAND ...: runs the command while raptr-tokenize waits for the pipe
  local name=$1
  shift
  cp text.txt late.txt
  rm -rf "$name"
  "$T" --tokenizer bytes --text pipe late.txt --out "$name" >out.log 2>err.log &
  local process=$!
  exec 9<>pipe
  printf 'first' >&9
  until compgen -G ".$name.partial-*" >/dev/null; do sleep 0.01; kill -0 $process 2>/dev/null || break; done
  "$@"
  exec 9>&-
  wait $process
  code=$?
}
size=$(stat -c %s text.txt)
for left in 0 1 5000; do
  while_reading cut truncate -s $left late.txt
  [[ $code -eq 3 && $(wc -l <err.log) -eq 1 ]] || fail "exit code $code for a text cut to $left bytes: $(cat err.log out.log)"
  [[ $(cat err.log) == "raptr: late.txt became shorter while it was read: it had $size bytes, and ends after $left"* ]] || fail "another sentence: $(cat err.log)"
  [[ ! -e cut && -z $(compgen -G '.cut.partial-*') ]] || fail "shards without the end of a text were published"
done
while_reading removed rm late.txt
[[ $code -eq 3 && $(cat err.log) == *"cannot open late.txt"* && ! -e removed ]] || fail "exit code $code for a text that was removed: $(cat err.log)"
while_reading whole true
[[ $code -eq 0 && -e whole/shards.json ]] || fail "exit code $code without a change: $(cat err.log)"
while_reading grown eval 'echo more >>late.txt'
[[ $code -eq 0 && -e grown/shards.json ]] || fail "exit code $code for a text that grew: $(cat err.log)"

# A shard that is cut under a run. Its pages are gone, or read as zeros.
for ((i = 0; i < 20; ++i)); do cat text.txt; done >long.txt
R=("${B[@]:2}" --tokenizer bytes --steps 1000000 --validate-every 0 --checkpoint-every 1000000)
cut_under_run() {  # LEFT FILE
  rm -rf run "$2"
  expect_done "$T" --tokenizer bytes --text long.txt --out "$(dirname "$2")"
  "$P" --shards "$2" "${R[@]}" --out run >out.log 2>err.log &
  local process=$!
  until [[ -s run/metrics.jsonl ]]; do sleep 0.05; kill -0 $process 2>/dev/null || break; done
  truncate -s "$1" "$2"
  wait $process
  code=$?
}
mkdir 'of run'
for left in 0 100 4096 10000; do
  rm -rf 'of run'
  cut_under_run $left 'of run/train_000000.bin'
  [[ $code -eq 3 && $(wc -l <err.log) -eq 1 ]] || fail "exit code $code for a shard cut to $left bytes: $(cat err.log)"
  [[ $(cat err.log) == "raptr: "*"of run/train_000000.bin became shorter while it was read"*" ends after $left"* ]] || fail "another sentence: $(cat err.log)"
done

# A SIGBUS that is of no file ends a program as before.
"$P" --shards whole "${R[@]}" --out other >/dev/null 2>err.log &
process=$!
until [[ -s other/metrics.jsonl ]]; do sleep 0.05; kill -0 $process 2>/dev/null || break; done
kill -BUS $process
wait $process 2>/dev/null
code=$?
[[ $code -eq 135 && ! -s err.log ]] || fail "exit code $code after a SIGBUS from outside: $(cat err.log)"
finish
