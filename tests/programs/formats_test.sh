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

# Without a mark, as texts; the same bytes are the ids of bytes in a shard of nanoGPT.
expect_done "$P" "${B[@]}" --steps 1 --tokenizer bytes --out read
for kind in UTF-16LE UTF-16BE UTF-32LE UTF-32BE; do
  iconv -f UTF-8 -t $kind text.txt >"$kind.txt"
  expect_error 3 "$kind.txt is a ${kind%?E} text without a mark (it begins with the bytes " "$P" "${B[@]:2}" --text $kind.txt --steps 1 --out none
  expect_error 3 "as with iconv -f $kind -t UTF-8 <'$kind.txt'" "$T" --train-bpe 300 --text $kind.txt --out none
done
expect_done "$P" "${B[@]:2}" --shards UTF-16LE.txt --shard-format nanogpt --steps 1 --tokenizer bytes --out unmarked
# A prompt is a text too; its byte order mark is no part of it.
for file in utf16.txt utf32.txt UTF-16LE.txt packed.*; do
  expect_error 3 "$file is a" "$G" --run read --prompt-file "$file"
  [[ $(cat err.log) == *', not plain text'* ]] || fail "not as a text: $(cat err.log)"
done
printf '\xef\xbb\xbfline 3' >marked.txt
expect_done "$G" --run read --temperature 0 --tokens 5 --prompt 'line 3'
cp out.log plain.log
expect_done "$G" --run read --temperature 0 --tokens 5 --prompt-file marked.txt
cmp -s out.log plain.log || fail "a byte order mark is a part of the prompt: $(cat out.log)"
printf 'line\0 3' >nul.txt
expect_done "$G" --run read --temperature 0 --tokens 5 --prompt-file nul.txt
rm -r read

# Ids without a header, in the default format and in nanoGPT's.
od -An -v -t u1 text.txt | tr -s ' ' '\n' | sed '/^$/d' | while read -r id; do printf '%b' "\\x$(printf %02x "$id")\\0"; done >ids.bin
expect_error 3 '--shard-format nanogpt' "$P" "${B[@]:2}" --shards ids.bin --steps 1 --out none
expect_done "$P" "${B[@]:2}" --shards ids.bin --shard-format nanogpt --steps 1 --out read
# As datatrove keeps them, with a file of document ends beside; and Megatron's data of uint16 away from its index.
cp ids.bin 00000_unshuffled.ds && head -c 64 ids.bin >00000_unshuffled.ds.index
expect_done "$P" "${B[@]:2}" --shards 00000_unshuffled.ds --shard-format nanogpt --steps 1 --out datatrove
cmp -s {read,datatrove}/checkpoints/step-000001/model.safetensors || fail "other ids from a .ds"
printf 'MMIDIDX\0\0\1\0\0\0\0\0\0\0\10' >data.idx && cp ids.bin data.bin
expect_error 3 'data.bin is the data of a Megatron index' "$P" "${B[@]:2}" --shards data.bin --shard-format nanogpt --out none
mkdir away && mv data.bin away
expect_done "$P" "${B[@]:2}" --shards away/data.bin --shard-format nanogpt --steps 1 --out megatron
cmp -s {read,megatron}/checkpoints/step-000001/model.safetensors || fail "other ids from a Megatron .bin"
# The same beside an index of Megatron.
printf 'MMIDIDX\0\0\1\0\0\0\0\0\0\0\4' >ids.idx
expect_error 3 "ids.bin is the data of a Megatron index ($PWD/ids.idx), with ids of int32" "$P" "${B[@]:2}" --shards ids.bin --shard-format nanogpt --out none
expect_error 3 'ids.bin is the data of a Megatron index' "$P" "${B[@]:2}" --shards ids.bin --out none
[[ ! -e none ]] || fail "a run was made"
finish
