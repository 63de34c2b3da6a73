#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Folders of tokenizers as other tools leave them, from the command line: end of text from special_tokens_map.json, a model without one,
# a text of which much is [UNK], blank lines that have blanks.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize
small=(--layers 2 --width 16 --heads 2 --context 8 --batch 2 --threads 1 --steps 2)

# A byte-level tokenizer without merges whose end of text has a name of its own.
expect_done "$T" --train-bpe 257 --text text.txt --out own
rm own/tokenizer{,_config}.json
sed -i 's/<|endoftext|>/<eos>/' own/vocab.json
cp -r own unnamed
echo '{"eos_token": "<eos>"}' >own/special_tokens_map.json
expect_done "$P" --text text.txt "${small[@]}" --tokenizer own --vocab 257 --out run
grep -q '"eos_token_id": 256' run/checkpoints/step-*/config.json || fail "the end of text of special_tokens_map.json is not known"
expect_done "$G" --run run --tokens 3
echo '{"eos_token": "<other>"}' >own/tokenizer_config.json
expect_error 3 'tokenizer_config.json' "$P" --text text.txt "${small[@]}" --tokenizer own --vocab 257 --out refused
[[ $(cat err.log) == *special_tokens_map.json* ]] || fail "only one of two files is named: $(cat err.log)"

# Without a name nothing separates documents, which is said once there are two; the model has no end of text and is still used.
expect_done "$P" --text text.txt "${small[@]}" --tokenizer unnamed --vocab 257 --out one
[[ $(cat out.log) != *separate* ]] || fail "one document needs no separator: $(cat out.log)"
head -c 3000 text.txt >second.txt
expect_done "$P" --text text.txt second.txt "${small[@]}" --tokenizer unnamed --vocab 257 --out two
grep '^text: ' out.log | grep -q 'nothing separates the documents: the tokenizer has no end of text' || fail "not said: $(cat out.log)"
grep -q '"eos_token_id": null' two/checkpoints/step-*/config.json || fail "there is an end of text: $(cat two/checkpoints/step-*/config.json)"
expect_done "$G" --run two --tokens 3 --prompt 'line'
expect_done "$G" --checkpoint two/checkpoints/step-000002 --tokenizer unnamed --tokens 3 --prompt 'line'

# A WordPiece vocabulary that lacks most letters: the share of [UNK] and what became it.
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' line holds and 1 '##1' >few.txt
expect_done "$P" --text text.txt "${small[@]}" --tokenizer few.txt --vocab 10 --out unknown
grep '^text: ' out.log | grep -q ' 47.7 % of the tokens are \[UNK\] (the vocabulary lacks, most often, 2, 3, ' || fail "the share of [UNK] is not said: $(cat out.log)"
expect_done "$T" --text text.txt --tokenizer few.txt --out shards
grep '^text: ' out.log | grep -q ' 47.7 % of the tokens are \[UNK\] (the vocabulary lacks, most often, 2, 3, ' || fail "raptr-tokenize does not say it: $(cat out.log)"
printf 'line 1 holds 1 and 11\n' >known.txt
for ((i = 0; i < 100; ++i)); do cat known.txt; done >all_known.txt
expect_done "$P" --text all_known.txt "${small[@]}" --tokenizer few.txt --vocab 10 --out known
[[ $(cat out.log) != *UNK* ]] || fail "nothing is unknown: $(cat out.log)"

# Lines of blanks end a document.
for ((i = 0; i < 9; ++i)); do printf 'first line %s\n \nsecond\n\t\nthird\n\n fourth\n\xc2\xa0\n' $i; done >blank.txt
expect_done "$P" --text blank.txt --documents blank-line "${small[@]}" --out blank
[[ $(cat out.log) == *"1 file, 36 documents, "* ]] || fail "not 36 documents: $(cat out.log)"
finish
