#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A BERT as it was published: frames, whole words, the bound on predictions, its Adam and its rate; what a resume may not change, and
# the losses without context beside every validation loss.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
{
  printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' line holds and
  for d in {0..9}; do printf '%s\n' "$d" "##$d"; done
} >vocab.txt
M=("${B[@]}" --model bert --tokenizer vocab.txt --vocab 28 --steps 12 --checkpoint-every 4 --validate-every 6 --validation-windows 8)
losses() { sed -E 's/.*"step":([0-9]+).*"loss":([-0-9.e+]+).*/\1 \2/' "$1/metrics.jsonl"; }
differ() { ! diff <(losses "$1") <(losses "$2") >/dev/null || fail "$1 and $2 do not differ"; }

# Frames are the default where the tokenizer has [CLS] and [SEP], and can be switched off.
expect_done "$P" "${M[@]}" --out framed
expect_done "$P" "${M[@]}" --frame cls-sep --out asked
expect_done "$P" "${M[@]}" --frame none --out bare
diff <(losses framed) <(losses asked) >/dev/null || fail "--frame cls-sep is not what a tokenizer with both tokens gets"
differ framed bare
# Each of the others does something.
expect_done "$P" "${M[@]}" --masking whole-words --out words
expect_done "$P" "${M[@]}" --max-predictions 1 --out bounded
expect_done "$P" "${M[@]}" --optimizer bert-adam --out adam
expect_done "$P" "${M[@]}" --rate-rule bert --warmup 5 --out rate
for run in words bounded adam rate; do differ framed $run; done
[[ $(head -1 bounded/metrics.jsonl) == *'"targets":2,'* ]] || fail "not one target in each of two sequences: $(head -1 bounded/metrics.jsonl)"
grep -q '"weight-decay": 0.01' adam/config.json || fail "the decay of bert-adam is not BERT's: $(grep weight-decay adam/config.json)"
grep -q '"weight-decay": 0.1' framed/config.json || fail "the decay of adamw changed: $(grep weight-decay framed/config.json)"
rates=$(sed -nE '1p;5p;6p;12p' rate/metrics.jsonl | sed -E 's/.*"learning_rate":([-0-9.e+]+).*/\1/' | tr '\n' ' ')
[[ $rates =~ ^0\.0\ 0\.0008\ 0\.00058333[0-9]*\ 8\.3333[0-9]*e-05\ $ ]] || fail "not the rates of BERT: $rates"

# All of it together, growing, stopped and resumed: the same bits; other options are refused.
A=(--masking whole-words --max-predictions 3 --optimizer bert-adam --rate-rule bert --schedule 2-4)
expect_done "$P" "${M[@]}" "${A[@]}" --out whole
cp -r whole again && rm -r again/summary.json again/checkpoints/step-000012
expect_done "$P" --resume again
expect_same_run whole again
expect_error 2 '--masking is "bert", but the run was started with "whole-words"' "$P" --resume again --masking bert
expect_error 2 '--frame is "none", but the run was started with "automatic"' "$P" --resume again --frame none
expect_error 2 '--max-predictions is 4, but the run was started with 3' "$P" --resume again --max-predictions 4
expect_error 2 '--optimizer is "adamw", but the run was started with "bert-adam"' "$P" --resume again --optimizer adamw
expect_error 2 '--rate-rule is "linear", but the run was started with "bert"' "$P" --resume again --rate-rule linear
expect_done "$P" --resume again "${A[@]}"
# A run of a version without frames goes on without them.
cp -r bare older && rm -r older/summary.json older/checkpoints/step-000012
sed -i '/"frame"/d' older/config.json
expect_done "$P" --resume older
diff <(losses bare) <(losses older) >/dev/null || fail "a run of a version without frames got them at its resume"

# What does not fit is refused before anything is written.
bad() {  # PART OPTION ...
  local part=$1
  shift
  expect_error 2 "$part" "$P" "${B[@]}" --steps 4 --out bad "$@"
  [[ ! -e bad ]] || fail "a refused run left a folder: $*"
}
bad '--masking whole-words hides the tokens of a word together' --model bert --masking whole-words
bad 'this tokenizer of 259 ids has no [CLS] or no [SEP]' --model bert --frame cls-sep
bad '--max-predictions is of the objective masked_lm, and that of this run is causal_lm' --max-predictions 3
bad '--frame is of the objective masked_lm' --frame none
bad 'independent masking draws for each token alone' --model bert --masking independent --max-predictions 3
bad '--max-predictions is given, but a sequence has 16 tokens' --model bert --max-predictions 17
bad '(the nearest is whole-words)' --model bert --masking whole
bad '(the nearest is bert-adam)' --optimizer bert
expect_error 2 'a context of 2 has no room for a token between [CLS] and [SEP]' "$P" --text text.txt --width 16 --heads 2 --context 2 --threads 1 \
  --model bert --tokenizer vocab.txt --vocab 28 --out bad
[[ ! -e bad ]] || fail "a refused run left a folder"

# A comparison names other masks and other frames.
expect_done "$C" framed words bare --out report
for line in 'words differs from framed in masking, whole-words instead of bert: their losses are not comparable.' \
  'bare differs from framed in frame, none instead of automatic: their losses are not comparable.'; do
  grep -qxF "$line" report/report.md || fail "\"$line\" is missing: $(cat report/report.md)"
done

# The losses without context: before the run, in its summary, and beside the losses that are compared.
expect_done "$P" "${M[@]}" --plan
grep -qE '^Without context: unigram loss 3\.[0-9]+, with the visible token 2\.[0-9]+ on' out.log || fail "no loss without context: $(cat out.log)"
grep -qE '"unigram_loss": 3\.[0-9]+' framed/summary.json && grep -qE '"visible_token_loss": 2\.' framed/summary.json ||
  fail "no losses without context in the summary: $(cat framed/summary.json)"
expect_done "$C" framed adam --out report
grep -q '| unigram loss *| visible token *|' report/report.md || fail "the table has no losses without context: $(cat report/report.md)"
grep -q '^framed has learnt nothing from context: its validation loss' report/report.md || fail "a run that learnt nothing is not named: $(cat report/report.md)"
expect_done "$P" "${B[@]}" --steps 8 --out causal
grep -qE '^Without context: unigram loss [23]\.[0-9]+ on' out.log || fail "no loss without context: $(cat out.log)"
grep -q '^Done: .* (unigram loss [23]\.' out.log || fail "no loss without context at the end: $(cat out.log)"
grep -q '"visible_token_loss": null' causal/summary.json || fail "a causal run has a visible token"

# A validation without a target has no loss, and none of 0.
head -c 12 text.txt >short.txt
expect_error 2 'no token of the validation text is a target in its first 1 windows' "$P" --text text.txt --layers 2 --width 16 --heads 2 \
  --context 4 --batch 2 --threads 1 --steps 4 --model bert --masking independent --validation-text short.txt --validation-windows 1 --out none
[[ ! -e none ]] || fail "a refused run left a folder"
finish
