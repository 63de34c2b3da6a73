#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Texts that other programs lost or misread, each said with its numbers: docs/field_cases.md, tok-2 to tok-8, data-1, data-4.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize
M=(--layers 1 --width 16 --heads 1 --batch 2 --steps 3 --threads 1 --validate-every 0)
said() { grep -qF -- "$1" out.log || fail "\"$1\" is missing in: $(cat out.log)"; }

# data-1: around the least text of one window of 32 + 1 tokens; the end of the text is one.
for n in 0 1 31 32 33 34; do
  head -c $n text.txt >"text$n"
  case $n in
    0) expect_error 3 'the text is empty' "$P" "${M[@]}" --context 32 --text text$n --out run$n ;;
    1 | 31)
      expect_error 2 "the text has $((n + 1)) tokens (ends of documents included), but one sequence of a context of 32 needs 33" \
        "$P" "${M[@]}" --context 32 --text text$n --out run$n
      ;;
    *) expect_done "$P" "${M[@]}" --context 32 --text text$n --out run$n && said "$n bytes, $((n + 1)) tokens" ;;
  esac
  [[ $n -gt 31 || ! -e run$n ]] || fail "a text of $n bytes left a folder"
done

# data-4: an empty file among others, and nothing but empty ones.
mkdir some none
: >some/a.txt && cp text.txt some/b.txt && : >none/a.txt && : >none/b.txt
expect_done "$P" "${M[@]}" --context 32 --text some --out some_run
said '2 files, 1 document'
said '1 file without a document'
expect_error 3 'the text is empty: 2 files without a document' "$P" "${M[@]}" --context 32 --text none --out none_run

# tok-5: a byte order mark in front of each of two files goes, is counted, and changes nothing else.
mkdir marked bare
for name in a b; do
  cp text.txt bare/$name.txt
  { printf '\xef\xbb\xbf'; cat text.txt; } >marked/$name.txt
done
expect_done "$P" "${M[@]}" --context 32 --text bare --out bare_run
bytes=$(sed -nE 's/^text: .* ([0-9,]+ bytes, [0-9,]+ tokens).*/\1/p' out.log)
expect_done "$P" "${M[@]}" --context 32 --text marked --out marked_run
said "$bytes"
said '2 byte order marks left out'
cmp -s bare_run/checkpoints/step-000003/model.safetensors marked_run/checkpoints/step-000003/model.safetensors ||
  fail "two byte order marks train another model"

# tok-6: five bytes with a NUL are five tokens and the end of the text.
printf 'ab\0cd' >nul
expect_done "$P" "${M[@]}" --context 4 --text nul --out nul_run
said '5 bytes, 6 tokens'

# tok-7: one bad byte in a megabyte stops neither a tokenizer nor a run, and is told with its place.
head -c 500000 <(while cat text.txt; do :; done 2>/dev/null) >bad.txt
printf '\xff' >>bad.txt
head -c 499999 <(while cat text.txt; do :; done 2>/dev/null) >>bad.txt
[[ $(wc -c <bad.txt) -eq 1000000 ]] || fail "the text of this test has $(wc -c <bad.txt) bytes"
expect_done "$T" --train-bpe 300 --text bad.txt --out of_bad
said '1,000,000 bytes'
said '1 file that is not UTF-8, kept as it is (bad.txt, byte 500000)'
expect_done "$P" "${M[@]}" --context 32 --text bad.txt --out bad_run
said '1,000,000 bytes, 1,000,001 tokens'
said 'byte 500000'

# tok-8: pairs that are equally frequent, twenty times, in two orders of files: the same bytes.
printf 'bbbaaaddddcccc' >ties && printf 'bbbaaa' >one && printf 'ddddcccc' >two
expect_done "$T" --train-bpe 261 --text ties --out tie
[[ $(tr '\n' '|' <tie/merges.txt) == '#version: 0.2|c c|d d|a a|b b|' ]] || fail "other merges: $(cat tie/merges.txt)"
expect_done "$T" --train-bpe 261 --text one two --out pair
for ((i = 1; i <= 20; ++i)); do
  expect_done "$T" --train-bpe 261 --text ties --out tie$i
  cmp -s tie/merges.txt tie$i/merges.txt || fail "run $i has other merges"
done
expect_done "$T" --train-bpe 261 --text two one --out riap
cmp -s pair/merges.txt riap/merges.txt || fail "merges depend on the order of the files"

# tok-2: merges that begin with #, with the line #version and without it: the same tokenizer, the same run.
for ((i = 0; i < 400; ++i)); do echo '## #### ### # version ##x'; done >hash.txt
expect_done "$T" --train-bpe 267 --text hash.txt --out hash
grep -q '^# #$' hash/merges.txt || fail "no merge of two #: $(cat hash/merges.txt)"
mkdir cut && cp hash/vocab.json cut && tail -n +2 hash/merges.txt >cut/merges.txt
sed -i '/^# #$/!b;h;d' cut/merges.txt && { echo '# #'; cat cut/merges.txt; } >first && mv first cut/merges.txt # where a comment would be
mkdir whole && cp hash/vocab.json whole && { echo '#version: 0.2'; cat cut/merges.txt; } >whole/merges.txt
for name in cut whole; do expect_done "$P" "${M[@]}" --context 8 --vocab 267 --text hash.txt --tokenizer $name --out of_$name; done
cmp -s of_cut/checkpoints/step-000003/model.safetensors of_whole/checkpoints/step-000003/model.safetensors ||
  fail "the first line of merges.txt was taken for a comment, or a comment for a merge"

# tok-3: one word of two megabytes.
tr -cd a-z <bad.txt >word
cat word word word word word | head -c 2000000 >long.txt
expect_done "$T" --train-bpe 290 --text long.txt --out of_long
said '1 distinct word'

# tok-4: a mark that is spelled out in the text is text; the end of a document is not.
printf 'a<|endoftext|>b' >mark
expect_done "$P" "${M[@]}" --context 4 --text mark --out mark_run
said '15 bytes, 16 tokens'
finish
