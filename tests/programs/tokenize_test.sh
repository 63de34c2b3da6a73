#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A tokenizer of one's own: learned, used for a run, asked for by the run's other programs; and what is refused.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize

# Learning says what was read, and gives the same files every time, also from the same text in two files.
expect_done "$T" --train-bpe 300 --text text.txt --out tok
[[ $(cat out.log) == *"1 file, 1 document, "*" distinct words"*"300 tokens, 43 merges"* ]] || fail "not told what was learned: $(cat out.log)"
[[ $(find tok -type f | sort | tr '\n' ' ') == "tok/merges.txt tok/tokenizer.json tok/tokenizer_config.json tok/vocab.json " ]] || fail "not the four files: $(ls -A tok)"
for member in '"tokenizer_class": "PreTrainedTokenizerFast"' '"eos_token": "<|endoftext|>"' '"pad_token": "<|endoftext|>"'; do
  grep -qF "$member" tok/tokenizer_config.json || fail "no $member: $(cat tok/tokenizer_config.json)"
done
! grep -q 'model_max_length' tok/tokenizer_config.json || fail "a tokenizer has no context"
split -n l/2 text.txt half.
expect_done "$T" --train-bpe 300 --text half.ab half.aa --out again
for file in vocab.json merges.txt tokenizer.json tokenizer_config.json; do cmp -s "tok/$file" "again/$file" || fail "$file depends on the order of the files"; done

# Bytes that are not UTF-8 are kept and told.
{ head -c 5000 text.txt; printf '\xff'; tail -c 5000 text.txt; } >bad.txt
expect_done "$T" --train-bpe 300 --text bad.txt --out of_bad
[[ $(cat out.log) == *"1 file that is not UTF-8, kept as it is (bad.txt, byte 5000)"* ]] || fail "the byte is not told: $(cat out.log)"

# A run with it. 300 tokens fit 300 rows, not fewer, and the texts are shorter than with bytes.
expect_done "$P" "${B[@]}" --steps 3 --tokenizer tok --vocab 300 --out run
grep -q '"eos_token_id": 299' run/checkpoints/step-*/config.json || fail "the checkpoint does not know the end of a text"
expect_done "$P" --resume run
expect_error 2 'the tokenizer has 300 ids, but the embedding has 299 rows' "$P" "${B[@]}" --tokenizer tok --vocab 299
expect_error 2 'the tokenizer has 300 ids, but the embedding has 259 rows' "$P" "${B[@]}" --tokenizer tok/tokenizer.json
expect_error 3 'nowhere' "$P" "${B[@]}" --tokenizer nowhere
mkdir hollow
expect_error 3 'contains no tokenizer' "$P" "${B[@]}" --tokenizer hollow
expect_error 2 'mask' "$P" "${B[@]}" --tokenizer tok --vocab 300 --objective masked_lm

# The model goes on in its own tokens, wherever it is told from.
expect_done "$G" --run run --tokens 5 --temperature 0 --prompt 'line 1'
cp out.log one.log
[[ $(cat one.log) == 'line 1'* ]] || fail "the prompt is not written: $(cat one.log)"
expect_done "$G" --checkpoint run/checkpoints/step-000003 --tokenizer again --tokens 5 --temperature 0 --prompt 'line 1'
cmp -s out.log one.log || fail "the same tokenizer from another place gives another text"
expect_error 2 'the id 299 ends a text, but for the tokenizer bytes it is 256' "$G" --run run --tokenizer bytes

# What cannot be.
expect_error 2 'there is no text' "$T" --out new
expect_error 2 'give --out DIR' "$T" --text text.txt
expect_error 2 'tok/vocab.json exists already' "$T" --text text.txt --out tok
mkdir settings && echo '{"eos_token": "</s>"}' >settings/tokenizer_config.json
expect_error 2 'settings/tokenizer_config.json exists already' "$T" --text text.txt --out settings
expect_error 2 'a whole number from 257 to 65536' "$T" --train-bpe 256 --text text.txt --out new
expect_error 2 'use more text or a smaller size' "$T" --train-bpe 60000 --text text.txt --out new
expect_error 3 'nothing.txt' "$T" --text nothing.txt --out new
[[ ! -e new ]] || fail "something was made for a tokenizer that could not be"
finish
