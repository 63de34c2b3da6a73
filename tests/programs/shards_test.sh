#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Text to shards and a run on them: the bits of a run on the text, the same shards from any number of threads, nothing left of
# a run that was stopped, and a sentence for every shard that is none.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize
M=("${B[@]:2}" --vocab 300)  # the model without its text
expect_done "$T" --train-bpe 300 --text text.txt --out tok

# Little-endian numbers: numbers BYTES VALUE ...
numbers() {
  local bytes=$1 value i
  shift
  for value; do for ((i = 0; i < bytes; ++i)); do printf '%b' "\\x$(printf %02x $((value >> 8 * i & 255)))"; done; done
}
# A shard of llm.c: header MAGIC VERSION COUNT
header() { numbers 4 "$1" "$2" "$3"; head -c 1012 /dev/zero; }
field() { od -An -t d4 -j "$2" -N 4 "$1" | tr -d ' '; }

# Shards say what they hold, are written whole, and are the same from 1, 2 and 3 threads.
split -n l/7 text.txt part. && mkdir texts && for f in part.*; do mv "$f" "texts/$f.txt"; done
for n in 1 2 3; do
  expect_done "$T" --tokenizer tok --text texts --out "shards$n" --shard-tokens 1000 --threads $n
  diff -r shards1 "shards$n" >/dev/null || fail "the shards depend on the number of threads"
done
[[ $(cat out.log) == *"7 files, 7 documents, "*" training shards with "*"16 bits per token, tokenizer bpe-300-"* ]] || fail "not told what was written: $(cat out.log)"
[[ $(cat out.log) == *" with 3 threads"* ]] || fail "not told how many threads encoded: $(cat out.log)"
grep -q $'[\r\e]' out.log && fail "control characters outside of a terminal"
grep -q '100 %' out.log || fail "no progress: $(cat out.log)"
# By default one thread for each processor that the process may use; the other programs ask the same way.
first=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)
expect_done taskset -c "$first" "$T" --tokenizer tok --text texts --out shards_of_one
[[ $(cat out.log) == *" with 1 thread" ]] || fail "more threads than the affinity has processors: $(cat out.log)"
expect_done taskset -c "$first" "$P" --text text.txt "${B[@]:2:8}" --plan
[[ $(cat out.log) == *", 1 thread"* ]] || fail "raptr-pretrain has more threads than processors: $(cat out.log)"
[[ $(field shards1/train_000000.bin 0) == 20240520 && $(field shards1/train_000000.bin 4) == 1 && $(field shards1/train_000000.bin 8) == 1000 ]] ||
  fail "another header"
[[ $(stat -c %s shards1/train_000000.bin) -eq 3024 ]] || fail "another length"
[[ -z $(find . -maxdepth 1 -name '.*partial*') ]] || fail "something partial is left"

# A run on the shards has the bits of one on the text, also when it is stopped and goes on.
R=("${M[@]}" --tokenizer tok --steps 20 --checkpoint-every 5 --validate-every 5)
expect_done "$P" "${R[@]}" --text texts --out of_text
expect_done "$P" "${R[@]}" --shards shards1 --out of_shards
[[ $(cat out.log) == *"shards: "*" files, "*" tokens are held out for validation"* ]] || fail "not told what is trained on: $(cat out.log)"
same_bits() {  # but for the options
  diff <(contents "$1" | sed '/config.json/,+1d') <(contents "$2" | sed '/config.json/,+1d') >diff.log || fail "$1 and $2 differ: $(head -4 diff.log)"
}
same_bits of_text of_shards
rm -r of_shards/checkpoints/step-000020 of_shards/summary.json
expect_done "$P" --resume of_shards
same_bits of_text of_shards
expect_done "$P" "${R[@]}" --shards shards1/*.bin --out by_name
same_bits of_text by_name
grep -q '"eos_token_id": 299' of_shards/checkpoints/step-000020/config.json || fail "the end of a text is not known"

# Validation documents, evenly spread, are measured and not trained on.
expect_done "$T" --tokenizer tok --text texts --out parted --validation-share 0.3
[[ $(cat out.log) == *"1 training shard with "*", 1 validation shard with "* ]] || fail "no validation shard: $(cat out.log)"
grep -A4 '"validation"' parted/shards.json | grep -q '"documents": 2' || fail "not two of seven documents"
expect_done "$P" "${R[@]}" --shards parted --out two_parts
grep -q '; validation shards: 1 file, ' out.log || fail "the validation shard is not used: $(cat out.log)"
expect_done "$P" "${R[@]}" --text texts/part.a{a,b,c,e,f}.txt --validation-text texts/part.a{d,g}.txt --out two_texts
same_bits two_texts two_parts
expect_done "$P" "${R[@]}" --text texts/part.a{a,b,c,e,f}.txt --validation-shards parted --out mixed
same_bits two_texts mixed
expect_error 2 'a validation share of 0.1 of 7 documents leaves no validation document' "$T" --tokenizer tok --text texts --out none --validation-share 0.1
expect_error 2 'leaves no training document' "$T" --tokenizer tok --text texts --out none --validation-share 1

# Text that spells out the end of a text is text; the id stands between documents only.
printf 'a<|endoftext|>b' >spelled.txt
expect_done "$T" --tokenizer tok --text spelled.txt spelled.txt --out spelled
[[ $(od -An -v -t u2 -j 1024 spelled/train_000000.bin | tr -s ' \n' '\n' | grep -cx 299) -eq 2 ]] || fail "not two ends of text"
printf 'ab\0cd' >nul.txt
expect_done "$T" --tokenizer bytes --text nul.txt --out nul
[[ $(od -An -t u2 -j 1024 nul/train_000000.bin | xargs) == "97 98 0 99 100 256" ]] || fail "a NUL byte is not kept"

# Whose ids the shards hold is known.
expect_error 2 'the shards were made with the tokenizer bpe-300-' "$P" "${M[@]}" --shards shards1
[[ $(cat err.log) == *"give --tokenizer $PWD/tok" ]] || fail "the right tokenizer is not told: $(cat err.log)"
expect_done "$P" "${M[@]}" --shards shards1 --tokenizer none --steps 2 --out unknown
grep -q '"eos_token_id": 299' unknown/checkpoints/step-000002/config.json || fail "shards.json is not asked"
expect_error 2 '300 ids, but the embedding has 259 rows' "$P" "${B[@]:2}" --shards shards1 --tokenizer none
expect_error 2 'none is for shards only' "$P" "${B[@]}" --tokenizer none

# A missing, another and a damaged shard show; so does another text at a resume.
cp -r shards1 missing && rm missing/train_000001.bin
expect_error 3 'expected the number of shards ' "$P" "${R[@]}" --shards missing
cp -r shards1 flipped && printf '\x2a' | dd of=flipped/train_000001.bin bs=1 seek=1100 conv=notrunc status=none
expect_error 3 'expected the hash ' "$P" "${R[@]}" --shards flipped --out flipped_run
[[ ! -e flipped_run ]] || fail "a run was made on damaged shards"
cp -r shards1 swapped && expect_done "$P" "${R[@]}" --shards swapped/*.bin --out on_swapped
mv swapped/train_000000.bin x && mv swapped/train_000001.bin swapped/train_000000.bin && mv x swapped/train_000001.bin
rm on_swapped/summary.json
expect_error 2 'the text of --shards is not the one' "$P" --resume on_swapped

# Every kind of shard that is none.
mkdir bad
S=("$P" "${M[@]}" --tokenizer tok --steps 1 --shards)
bad() {  # PART: of the sentence; the bytes come from stdin
  cat >bad/x.bin
  expect_error 3 "$1" "${S[@]}" bad
  [[ $(cat err.log) == *"bad/x.bin, byte "*"expected "*", got "* ]] || fail "not file, byte, expected and got: $(cat err.log)"
}
ids=$(seq 1 40)
# shellcheck disable=SC2086
{
  { header 20240520 1 40; numbers 2 $ids; printf x; } | bad 'byte 1104: expected a whole token of 2 bytes'
  { header 20240521 1 40; numbers 2 $ids; } | bad 'byte 0: expected the magic number 20240520 or 20240801'
  { header 20240520 2 40; numbers 2 $ids; } | bad 'byte 4: expected version 1'
  { header 20240520 1 41; numbers 2 $ids; } | bad 'byte 1104: expected the 41 tokens of the header, got the end of the file after 40'
  { header 20240520 1 39; numbers 2 $ids; } | bad 'byte 1102: expected the end of the file after the 39 tokens of the header, got 2 more bytes'
  { header 20240520 1 40; numbers 2 $ids; head -c 100 /dev/zero; } | bad 'got 100 more bytes'
  { header 20240520 1 -1; } | bad 'byte 8: expected a count of 0 to 2147483647 tokens, got -1'
  { printf '\x01\x34\xd8\x88'; head -c 1020 /dev/zero; } | bad 'in reverse byte order'
  { header 20240520 1 40 | head -c 1000; } | bad 'byte 1000: expected a header of 1024 bytes'
  { numbers 2 $ids; } | bad 'expected the magic number 20240520'
  { header 20240520 1 40; numbers 2 $ids; } >bad/x.bin
  expect_error 2 '--documents is given without --text' "${S[@]}" bad --documents blank-line
  expect_error 3 'expected tokens without a header' "${S[@]}" bad --shard-format nanogpt
  numbers 2 $ids >bad/x.bin
  expect_done "${S[@]}" bad --shard-format nanogpt --out nanogpt
  { header 20240801 7 40; numbers 4 $ids; } >bad/x.bin
  expect_done "${S[@]}" bad --out wide
  cmp -s nanogpt/checkpoints/step-000001/model.safetensors wide/checkpoints/step-000001/model.safetensors || fail "the forms give other bits"
  { header 20240520 1 41; numbers 2 $ids 300; } >bad/x.bin
  expect_error 3 'byte 1104: token number 40 is the id 300, but the tokenizer has the ids 0 to 299' "${S[@]}" bad
}
: >bad/x.bin
expect_error 3 'the shards contain no tokens: 1 empty file' "${S[@]}" bad
header 20240520 1 0 >bad/y.bin
expect_error 3 'the shards contain no tokens: 2 empty files' "${S[@]}" bad
cp shards1/train_000000.bin bad
expect_done "${S[@]}" bad --plan
grep -q 'shards: 1 file, 1,000 tokens, 2 files without a token' out.log || fail "empty shards are not counted: $(cat out.log)"

# Numbers of tokens are of 64 bits.
mkdir big && for n in 1 2 3; do header 20240520 1 2147483647 >big/$n.bin && truncate -s 4294968318 big/$n.bin; done
expect_done "${S[@]}" big --plan
grep -q '3 files, 6,442,450,941 tokens' out.log || fail "another number: $(cat out.log)"
rm -r big

# What cannot be.
expect_error 2 'give --text FILE|DIR or --shards FILE|DIR' "$P" "${M[@]}"
expect_error 2 '--text and --shards are given' "$P" "${B[@]}" --shards shards1
expect_error 2 '--shard-format is given without --shards' "$P" "${B[@]}" --shard-format nanogpt
expect_error 3 'cannot read the shard' "${S[@]}" nowhere
expect_error 3 'contains no training shards' "${S[@]}" texts
expect_error 2 'shards1 exists already and is not an empty folder' "$T" --tokenizer tok --text texts --out shards1
expect_error 2 '--train-bpe and --tokenizer are given' "$T" --tokenizer tok --train-bpe 300 --text texts --out none
expect_error 2 '--shard-tokens is for shards' "$T" --shard-tokens 5 --text texts --out none
expect_error 2 '--out is missing: give --out DIR, a folder for the shards' "$T" --tokenizer tok --text texts
expect_error 2 'a whole number from 1 to 2147483647' "$T" --tokenizer tok --text texts --out none --shard-tokens 0
: >empty.txt
expect_error 3 'the text is empty' "$T" --tokenizer tok --text empty.txt --out none
expect_error 2 'the tokenizer is none, but one is needed here' "$T" --tokenizer none --text texts --out none
expect_error 3 'nowhere' "$T" --tokenizer nowhere --text texts --out none
[[ ! -e none && -z $(find . -maxdepth 1 -name '.*partial*') ]] || fail "something was made for shards that could not be"

# A run that is killed leaves nothing that reads as whole; the next one removes what it left. Text comes through a pipe, so
# that the program is in the middle of it.
mkfifo pipe
begin() {
  "$T" --tokenizer bytes --text pipe --out killed --shard-tokens 1000000 >out.log 2>err.log &
  process=$!
  exec 9>pipe
  for _ in 1 2 3 4 5 6 7 8; do head -c 1048576 /dev/zero | tr '\0' 'x'; printf ' '; done >&9
  while [[ ! -s $(find . -path './.killed.partial-*/train_000002.bin') ]]; do sleep 0.01; kill -0 $process 2>/dev/null || break; done
}
begin
kill -KILL $process
wait $process 2>/dev/null
exec 9>&-
[[ ! -e killed ]] || fail "a killed run left its shards"
[[ -n $(find . -maxdepth 1 -name '.killed.partial-*') ]] || fail "there was nothing to remove"
begin
kill -TERM $process
printf 'more' >&9
exec 9>&-
wait $process
[[ $? -eq 143 ]] || fail "not 143 after SIGTERM: $(cat err.log)"
[[ ! -e killed && -z $(find . -maxdepth 1 -name '.killed.partial-*') ]] || fail "something is left: $(ls -A)"
bash -c 'trap "" XFSZ; ulimit -f 64; exec "$@"' limited "$T" --tokenizer bytes --text text.txt text.txt text.txt text.txt --out full >out.log 2>err.log
[[ $? -eq 3 && $(cat err.log) == *"cannot write"* && ! -e full ]] || fail "a full disk: $(cat err.log)"

# A text larger than the memory that is allowed, in one document. (A sanitizer needs more than that by itself.)
limited() { MALLOC_ARENA_MAX=1 bash -c 'ulimit -v 70000; exec "$@"' limited "$T" "$@"; }
if limited --help >/dev/null 2>&1; then
  for _ in 1 2 3 4 5 6 7 8 9 10; do cat text.txt text.txt text.txt text.txt; done >more.txt
  for ((i = 0; i < 80000000; i += $(stat -c %s more.txt))); do cat more.txt; done >large.txt
  size=$(stat -c %s large.txt)
  limited --tokenizer bytes --text large.txt --out large --threads 1 >out.log 2>err.log || fail "exit code $? with little memory: $(cat err.log)"
  grep -q "\"tokens\": $((size + 1))," large/shards.json || fail "not all of $size bytes: $(cat out.log)"
else
  echo "(memory was not limited)"
fi
finish
