#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What belongs to a run: its checkpoints by an id, its tokenizer and its text by their contents, wherever they are now; which
# checkpoints stay; and a network that still grows.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize
R=("${B[@]}" --steps 12 --checkpoint-every 4 --validate-every 0 --keep-checkpoints 9)
id() { sed -nE 's/.*"id": "([0-9a-f]{16})".*/\1/p' "$1/config.json"; }
earlier() { rm "$1"/checkpoints/*/tokenizer.json; } # RUN: no tokenizer in its checkpoints, as in runs of earlier versions
again() { rm -rf "$2" && cp -r "$1" "$2" && rm "$2/summary.json" "$2/curves.svg" && rm -r "$2/checkpoints/step-000012"; } # FROM TO: up to step 8

# The id follows from what the run computes, and stands in manifest and state.
expect_done "$P" "${R[@]}" --out one
expect_done "$P" "${R[@]}" --seed 2 --out two
cp text.txt copy.txt
expect_done "$P" "${R[@]:2}" --text copy.txt --tensorboard --out three
[[ -n $(id one) && $(id one) != "$(id two)" && $(id one) == "$(id three)" ]] || fail "the ids are $(id one), $(id two) and $(id three)"
for file in state manifest; do
  grep -q "\"run\": \"$(id one)\"" one/checkpoints/step-000012/$file.json || fail "no id in $file.json"
done
cmp -s one/checkpoints/step-000012/manifest.json three/checkpoints/step-000012/manifest.json || fail "equal runs have other manifests"

# A checkpoint of another run, and one of another step, are named and passed over.
again one mixed && cp -r two/checkpoints/step-000012 mixed/checkpoints
expect_done "$P" --resume mixed
grep -q "step-000012 is not what it should be and skipped: .*was written by the run $(id two), and this is the run $(id one)" out.log ||
  fail "another run's checkpoint: $(cat out.log)"
grep -q 'resuming after step 8 of 12' out.log || fail "not from its own checkpoint: $(cat out.log)"
expect_same_run one mixed
again one renamed && mv renamed/checkpoints/step-000008 renamed/checkpoints/step-000012
expect_done "$P" --resume renamed
grep -q 'holds the state after step 8' out.log || fail "a wrong name: $(cat out.log)"
grep -q 'resuming after step 4 of 12' out.log || fail "not from step 4: $(cat out.log)"
expect_same_run one renamed
cp -r two/checkpoints/step-000012 mixed/checkpoints/step-000099
"$G" --run mixed --tokens 2 >out.log 2>err.log || fail "no text: $(cat err.log)"
grep -q 'step-000099 is not what it should be' err.log || fail "generated from another run: $(cat err.log)"

# Where all whole checkpoints are of another run, nothing is overwritten; damaged ones alone are no reason to stop.
again one strangers && rm -r strangers/checkpoints/* && cp -r two/checkpoints/step-00000{4,8} strangers/checkpoints
cp -r strangers before
expect_error 3 'has 2 whole checkpoints of another run or of other steps and none of this run' "$P" --resume strangers
diff -r before strangers || fail "a refused resume changed the folder"
again one broken && truncate -s 100 broken/checkpoints/*/model.safetensors
expect_done "$P" --resume broken
grep -q 'no checkpoint is good, so the run starts again from step 0' out.log || fail "nothing about damaged checkpoints: $(cat out.log)"
expect_same_run one broken

# A run without an id goes on, and says so.
again one old && rm -r old/checkpoints/*
sed -zi 's/,\n  "id": "[0-9a-f]*"//; s/"tokenizer": "bytes, [^"]*",\n *//' old/config.json
expect_done "$P" --resume old
grep -q 'Note: this run was started by an earlier version and has no id' out.log || fail "nothing about the id: $(cat out.log)"
grep -q '"run"' old/checkpoints/step-000012/*.json && fail "an id came from nowhere"
cmp -s {one,old}/checkpoints/step-000012/model.safetensors || fail "a run without an id ends with other weights"

# The place of a text may change, the text may not.
again one moved && mv text.txt elsewhere.txt
expect_error 3 'text.txt, from which the run was started with --text, is not there: give its new place as --text' "$P" --resume moved
echo more >>copy.txt
expect_error 2 'the text of --text is not the one that the run was started with' "$P" --resume moved --text copy.txt
expect_error 2 '--shards is ' "$P" --resume moved --shards copy.txt
expect_done "$P" --resume moved --text elsewhere.txt
mv elsewhere.txt text.txt
expect_same_run one moved

# The same for a tokenizer. [MASK] and an unused token change places: the ids of the text stay.
mkdir words
{
  printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' '[unused]' line holds and
  for c in {a..z} {0..9}; do printf '%s\n##%s\n' "$c" "$c"; done
} >words/vocab.txt
W=(--text text.txt --tokenizer words --objective masked_lm --layers 2 --width 16 --heads 2 --context 16 --batch 2 --threads 1 --steps 12
  --checkpoint-every 4 --validate-every 0 --keep-checkpoints 9)
expect_done "$P" "${W[@]}" --out masked
again masked swapped && cp -r words kept && cp -r swapped current && earlier swapped
sed -i '5s/.*/[unused]/; 6s/.*/[MASK]/' words/vocab.txt
expect_error 2 'words is not the one that the run was started with (wordpiece-' "$P" --resume swapped
[[ $(cat err.log) == *'the tokenizer '*', mask 5'*' instead of '*', mask 4'* ]] || fail "the tokenizer is not blamed: $(cat err.log)"
cp kept/vocab.txt words && echo '[more]' >>words/vocab.txt
expect_error 2 'words is not the one that the run was started with (wordpiece-' "$P" --resume swapped
mv words away
expect_error 3 'words, from which the run was started with --tokenizer, is not there: give its new place as --tokenizer' "$P" --resume swapped
expect_error 2 'is not the one that the run was started with' "$P" --resume swapped --tokenizer bytes
expect_error 2 'away is not the one that the run was started with' "$P" --resume swapped --tokenizer away
rm -r swapped && mv current swapped && cp -r swapped again
expect_done "$P" --resume swapped --tokenizer kept/vocab.txt
expect_same_run masked swapped
expect_done "$P" --resume again # the tokenizer of its checkpoint, wherever the folder is
expect_same_run masked again

# Of a byte-level tokenizer, for shards too, and for what is generated.
expect_done "$T" --train-bpe 300 --text text.txt --out tok
tr a-y b-z <text.txt >other.txt
expect_done "$T" --train-bpe 300 --text other.txt --out tok2
expect_done "$T" --tokenizer tok --text text.txt --out shards
S=("${R[@]:2}" --shards shards --tokenizer tok --vocab 300)
expect_done "$P" "${S[@]}" --out sharded
again sharded later && mv shards parts && mv tok tok1
cp -r later older && earlier older
expect_error 3 'tok, from which the run was started with --tokenizer, is not there' "$P" --resume older --shards parts
expect_error 3 'shards, from which the run was started with --shards, is not there' "$P" --resume later --tokenizer tok1
expect_error 2 'is not the one that the run was trained with' "$G" --run later --tokenizer tok2
expect_done "$G" --run later --tokenizer tok1 --tokens 2
expect_done "$G" --run later --tokens 2
cp -r later unplaced
expect_done "$P" --resume later --shards parts --tokenizer tok1
expect_same_run sharded later
expect_done "$P" --resume unplaced --shards parts # with the tokenizer of its checkpoint
expect_same_run sharded unplaced

# Both intervals save, whatever the other one is, and what is not kept goes.
kept() { (cd "$1/checkpoints" && printf '%s ' step-*) | sed 's/step-0*//g'; }
for pair in '5 3:3 6 9 12 15 16 ' '0 7:7 14 16 ' '4 6:6 12 16 ' '3 16:15 16 ' '16 5:5 10 15 16 ' '7 0:14 16 '; do
  read -r every keep <<<"${pair%%:*}"
  expect_done "$P" "${B[@]}" --steps 16 --checkpoint-every "$every" --keep-every "$keep" --validate-every 0 --out "pair$every-$keep"
  [[ $(kept "pair$every-$keep") == "${pair#*:}" ]] || fail "every $every and $keep: $(kept "pair$every-$keep") instead of ${pair#*:}"
done

# A network that still grows: what uses its checkpoint has the blocks that exist.
expect_done "$P" "${R[@]}" --schedule stack:1-2-4 --rate-rule constant --out grown
young=grown/checkpoints/step-000004
grep -q '"n_layer": 1' $young/config.json && grep -q '"grows_to": 4' $young/config.json || fail "not one block of four: $(cat $young/config.json)"
grep -q 'transformer.h.1.' $young/model.safetensors && fail "a block that does not exist yet is in model.safetensors"
grep -q '"n_layer": 4' grown/checkpoints/step-000012/config.json || fail "not four blocks at the end"
expect_done "$P" --from $young --tokenizer bytes --text text.txt --batch 2 --threads 1 --steps 1 --learning-rate 0 --validate-every 0 --out on
grep -q '"layers": 1,' on/config.json || fail "a run from it has other blocks: $(cat on/config.json)"
greedy() { "$G" --checkpoint "$1" --tokenizer bytes --temperature 0 --tokens 40 --prompt line 2>err.log; }
[[ $(greedy $young) == "$(greedy on/checkpoints/step-000001)" && -n $(greedy $young) ]] || fail "not the text of its one block: $(cat err.log)"
cp -r grown anew && rm -r anew/summary.json anew/curves.svg anew/checkpoints/step-000008 anew/checkpoints/step-000012
expect_done "$P" --resume anew
grep -q 'resuming after step 4 of 12' out.log || fail "not resumed while it grows: $(cat out.log)"
expect_same_run grown anew
finish
