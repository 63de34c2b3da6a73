#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Files of other formats, made by the tools that are there: refused by name wherever a text or a shard is taken, and nothing is made.
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
T=$programs/raptr-tokenize

iconv -f UTF-8 -t UTF-16 text.txt >utf16.txt
iconv -f UTF-8 -t UTF-32 text.txt >utf32.txt
tried=0
refused_everywhere() {  # FILE NAME
  tried=$((tried + 1))
  expect_error 3 "$1 is $2 (it begins with the bytes " "$T" --train-bpe 300 --text text.txt "$1" --out none
  expect_error 3 "$1 is $2 " "$T" --tokenizer bytes --text text.txt "$1" --out none
  expect_error 3 "$1 is $2 " "$P" "${B[@]:2}" --text "$1" --steps 1 --out none
  expect_error 3 "$1 is $2 " "$P" "${B[@]:2}" --text text.txt --validation-text "$1" --steps 1 --out none
  expect_error 3 "$1 is $2 " "$P" "${B[@]:2}" --shards "$1" --shard-format nanogpt --steps 1 --out none
  expect_error 3 "$1 is $2 " "$P" "${B[@]:2}" --shards "$1" --steps 1 --out none
  [[ ! -e none && -z $(compgen -G '.none.partial-*') ]] || fail "something was made of $1"
}
refused_everywhere utf16.txt 'a UTF-16 text'
refused_everywhere utf32.txt 'a UTF-32 text'
packed() {  # NAME COMMAND ...: if there is such a program
  command -v "$2" >/dev/null || { echo "($2 is not installed)"; return; }
  "${@:2}" <text.txt >"packed.$2"
  refused_everywhere "packed.$2" "$1"
}
packed 'a gzip file' gzip -c
packed 'an xz file' xz -c
packed 'a bzip2 file' bzip2 -c
packed 'a zstd file' zstd -c
packed 'an lz4 file' lz4 -c
[[ $tried -ge 3 ]] || fail "only $tried formats were tried"
# What the message says works.
expect_error 3 'convert it, as with iconv -f UTF-16 -t UTF-8 <' "$P" "${B[@]:2}" --text utf16.txt
eval "$(sed -n "s/.*as with \(.*>\)NEW, and.*/\1new.txt/p" err.log)"
cmp -s new.txt text.txt || fail "the command of the message does not give the text back: $(cat err.log)"

# Ids without a header, in the default format and in nanoGPT's.
od -An -v -t u1 text.txt | tr -s ' ' '\n' | sed '/^$/d' | while read -r id; do printf '%b' "\\x$(printf %02x "$id")\\0"; done >ids.bin
expect_error 3 '--shard-format nanogpt' "$P" "${B[@]:2}" --shards ids.bin --steps 1 --out none
expect_done "$P" "${B[@]:2}" --shards ids.bin --shard-format nanogpt --steps 1 --out read
# The same beside an index of Megatron.
printf 'MMIDIDX\0\0\1\0\0\0\0\0\0\0\4' >ids.idx
expect_error 3 "ids.bin is the data of a Megatron index ($PWD/ids.idx), with ids of int32" "$P" "${B[@]:2}" --shards ids.bin --shard-format nanogpt --out none
expect_error 3 'ids.bin is the data of a Megatron index' "$P" "${B[@]:2}" --shards ids.bin --out none
[[ ! -e none ]] || fail "a run was made"
finish
