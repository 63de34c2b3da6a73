#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/regressions/fixtures/gpt2_rows.json: the ids of the published GPT-2 vocabulary for texts that other tokenizers got wrong.

usage: gpt2_rows.py TOKENIZER OUT      TOKENIZER: a folder with GPT-2's vocab.json and merges.txt

The ids are those of the `tokenizers` package. With them go the merges that these texts need, which are enough for the same ids:
at each step of merging the pair of lowest rank is one of them. A second implementation, below, finds them and has to agree.
"""
import hashlib
import json
import pathlib
import sys

import regex
import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

TEXTS = {
    "spaces": ["a   b", "foo  \n", "hi  ", "a\u00a0b", " ", "def f(x):\n    return x\n"],
    "contractions": ["I'll've", "y'all'd", "we 're"],
    "digits": ["12345", "In 2000 and 1999", "10,000,000"],
    "letters": ["na\u00efve", "F\u00fchrer", "\u65e5\u672c\u8a9e", "x\u00b2"],
    "marks": ["e\u0301", "\u0939\u093f\u0928\u094d\u0926\u0940"],
    "emoji": ["\U0001f44d\U0001f3fd", "\u2764\ufe0f"],
    "hash": ["##", "######## x"],
    "byte order mark": ["\ufeffHello"],
    "NUL": ["ab\0cd"],
    "special": ["<|endoftext|>", "a<|endoftext|>b"],
    "line ends": ["x\r\n\r\ny", "a\nb\n"],
}
REPEATED = [("a", 100_000), ("a", 10_000), ("_", 50_000)]
SPLIT = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")


def alphabet():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + n) for n, b in enumerate(others)}}


class Slow:
    """Byte pair encoding by its definition; keeps the ranks that it used."""

    def __init__(self, vocab, merges):
        self.vocab, self.rank, self.letter, self.used = vocab, {m: i for i, m in enumerate(merges)}, alphabet(), set()

    def word(self, piece):
        parts = [self.letter[b] for b in piece.encode()]
        while len(parts) > 1:
            rank = min(self.rank.get(pair, 1 << 30) for pair in zip(parts, parts[1:]))
            if rank == 1 << 30:
                break
            self.used.add(rank)
            joined, k = [], 0
            while k < len(parts):
                both = self.rank.get(tuple(parts[k : k + 2])) == rank
                joined.append("".join(parts[k : k + 2 if both else k + 1]))
                k += 2 if both else 1
            parts = joined
        return [self.vocab[p] for p in parts]

    def ids(self, text):
        return [i for piece in SPLIT.findall(text) for i in self.word(piece)]


def runs(ids):
    found = []
    for i in ids:
        if found and found[-1][0] == i:
            found[-1][1] += 1
        else:
            found.append([i, 1])
    return found


def main(folder, out):
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    merges = [tuple(line.split(" ")) for line in lines[1:] if line]
    package = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    package.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    package.decoder = decoders.ByteLevel()
    slow = Slow(vocab, merges)
    rows = []
    for kind, texts in TEXTS.items():
        for text in texts:
            ids = package.encode(text).ids
            assert slow.ids(text) == ids and package.decode(ids) == text, text
            rows.append({"kind": kind, "hex": text.encode().hex(), "ids": ids})
    repeated = []
    for text, times in REPEATED:
        ids = package.encode(text * times).ids
        repeated.append({"text": text, "times": times, "runs": runs(ids)})
        for n in (600, times % 1024, 2047):  # needs every merge that more of the same needs
            assert slow.ids(text * n) == package.encode(text * n).ids
    used = [[*merges[r], vocab["".join(merges[r])]] for r in sorted(slow.used)]
    table = {
        "made by": f"tests/regressions/gpt2_rows.py, sha256 {hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()}",
        "tokenizers": tokenizers.__version__,
        "bytes": [vocab[slow.letter[b]] for b in range(256)],
        "merges": used,
        "rows": rows,
        "repeated": repeated,
    }
    parts = []
    for key, value in table.items():
        spread = key in ("merges", "rows", "repeated")
        text = "[\n" + ",\n".join("  " + json.dumps(v) for v in value) + "\n ]" if spread else json.dumps(value)
        parts.append(f" {json.dumps(key)}: {text}")
    out.write_text("{\n" + ",\n".join(parts) + "\n}\n")
    print(f"{len(used)} merges, {len(rows)} texts, {len(repeated)} of one letter")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
