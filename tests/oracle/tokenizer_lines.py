#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the ids of every line of texts with those of the `tokenizers` package, and the speed on whole texts.

usage: tokenizer_lines.py PROGRAM BPE_FOLDER WORDPIECE_FOLDER TEXT ...
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import tokenizers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def packages(bpe_folder, wordpiece_folder):
    bpe = Tokenizer(models.BPE.from_file(f"{bpe_folder}/vocab.json", f"{bpe_folder}/merges.txt"))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    yield "byte-level BPE", bpe_folder, "-", bpe
    bpe = Tokenizer(models.BPE.from_file(f"{bpe_folder}/vocab.json", f"{bpe_folder}/merges.txt", ignore_merges=True))
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                                 pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    with tempfile.TemporaryDirectory() as folder:
        bpe.save(folder + "/tokenizer.json")
        yield "byte-level BPE, splitting of Llama 3", folder, "-", bpe
    for name in ("uncased", "cased"):
        wordpiece = Tokenizer(models.WordPiece.from_file(f"{wordpiece_folder}/vocab.txt", unk_token="[UNK]", max_input_chars_per_word=100))
        wordpiece.normalizer = normalizers.BertNormalizer(lowercase=name == "uncased")
        wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        yield "WordPiece " + name, wordpiece_folder, name, wordpiece
        with tempfile.TemporaryDirectory() as folder:  # what the package writes, with no other file beside it
            wordpiece.save(folder + "/tokenizer.json")
            yield f"WordPiece {name}, tokenizer.json", folder, "-", wordpiece


def main():
    program, bpe_folder, wordpiece_folder, *files = sys.argv[1:]
    texts = [pathlib.Path(file).read_bytes().decode() for file in files]
    lines = [line for text in texts for line in re.findall(r"[^\n]*\n|[^\n]+", text)]
    size = sum(len(text.encode()) for text in texts)
    failed = False
    for name, folder, case, theirs in packages(bpe_folder, wordpiece_folder):
        *ours, seconds = subprocess.run([program, folder, case, *files], check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
        begin = time.perf_counter()
        for text in texts:
            theirs.encode(text)
        their_seconds = time.perf_counter() - begin
        fast = getattr(theirs, "encode_batch_fast", None)
        begin = time.perf_counter()
        if fast:
            fast(texts)
        fast_seconds = time.perf_counter() - begin
        wrong = count = 0
        assert len(ours) == len(lines), (len(ours), len(lines))
        for line, got in zip(lines, ours):
            expected = theirs.encode(line).ids
            count += len(expected)
            if got.split() != [str(i) for i in expected]:
                wrong += 1
                if wrong <= 3:
                    print(f"{line!r}: expected {expected}, got {got}")
        rate = lambda seconds: f"{size / seconds / 1e6:.1f} MB/s"
        print(f"{name}: {len(lines)} lines, {count} ids, {wrong} lines differ; ours {rate(float(seconds))}, tokenizers {tokenizers.__version__} "
              f"{rate(their_seconds)}" + (f" ({rate(fast_seconds)} without offsets)" if fast else ""))
        failed = failed or wrong > 0
    sys.exit(failed)


main()
