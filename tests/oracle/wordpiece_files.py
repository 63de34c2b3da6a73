#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tokenizers/fixtures/wordpiece_files.json: folders of WordPiece tokenizers as libraries write them, and the ids that the
`tokenizers` package gives from their tokenizer.json for texts that are hard.

usage: wordpiece_files.py FILE

The folders "saved" are those that `transformers` writes, with a tokenizer.json and no vocab.txt. The texts spell no special token: in the
package a spelled one becomes the token, here it stays text.
"""
import hashlib
import json
import pathlib
import sys
import tempfile

import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

WORDS = ["hello", "abc", "the", "un", "##aff", "##able", "##s", "naive", "na\u00efve", "Hello", "ABC", "The", "\u6d4b", "\u8bd5", "\u6d4b\u8bd5", "##\u8bd5",
         "strasse", "stra\u00dfe", "i", "##stanbul", "i\u0307", "\u0130", "caf", "##e", "##\u00e9", "e", "\u00e9", "1", "##2", "##3", "!", "?", ".", ",",
         "-", "'", "$", "a", "##a", "b", "##b", "##\u0301", "\u0441", "##\u043b\u043e\u0432\u043e", "\u0421", "\u1112", "##\u1161", "\ud55c",
         "aaaaaa", "x" * 8, "<s>", "<t>"]
TEXTS = ["Hello ABC \u6d4b", "hello, unaffable the abcs!", "na\u00efve NA\u00cfVE Na\u00efve nai\u0308ve", "\u6d4b\u8bd5 a\u6d4bb", "Stra\u00dfe STRASSE strasse",
         "\u0130stanbul istanbul i\u0307", "caf\u00e9 CAF\u00c9 cafe\u0301 e\u0301", "123 1-2 $1", "the\u00a0the\u3000the\tthe\nthe", "a\u0000b a\u00adb a\u200db",
         "", " ", "unknown zzz qqq", "\u0421\u043b\u043e\u0432\u043e \u0441\u043b\u043e\u0432\u043e", "\ud55c \u1112\u1161\u11ab", "a" * 6, "a" * 7, "a" * 100, "a" * 101,
         "x" * 8, "'hello'", "a.b,c?d!", "<q> <S", "\U0001f44d\U0001f3fd a", "\ufffda", "the \u2028 the"]
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def made(marks, unknown, lower, strip=None, ideographs=True, longest=100, special=None):
    vocab = {token: number for number, token in enumerate(dict.fromkeys(marks + WORDS))}
    made_of = Tokenizer(models.WordPiece(vocab, unk_token=unknown, max_input_chars_per_word=longest))
    made_of.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=strip, handle_chinese_chars=ideographs)
    made_of.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made_of.add_special_tokens([AddedToken(mark, special=True) for mark in (special or marks)])
    return made_of


def main():
    folders = []

    def add(name, tokenizer, files):
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
        folders.append({"name": name, "files": {"tokenizer.json": json.loads(tokenizer.to_str()), **files}, "ids": ids})

    other = ["<pad>", "<unk>", "<cls>", "<sep>", "<mask>", "<eos>"]
    add("uncased", made(MARKS, "[UNK]", True), {})
    add("cased", made(MARKS, "[UNK]", False), {})
    add("lower case with accents", made(MARKS, "[UNK]", True, strip=False), {})
    add("cased without accents", made(MARKS, "[UNK]", False, strip=True), {})
    add("joined ideographs", made(MARKS, "[UNK]", True, ideographs=False), {})
    add("words of at most six letters", made(MARKS, "[UNK]", True, longest=6), {})
    add("other marks", made(other, "<unk>", True),
        {"special_tokens_map.json": {"eos_token": "<eos>", "mask_token": {"content": "<mask>", "lstrip": True}, "pad_token": "<pad>", "cls_token": "<cls>",
                                     "sep_token": "<sep>", "unk_token": "<unk>"}})
    add("marks behind the words", made(MARKS[1:2], "[UNK]", True, special=["[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", "[extra]"]), {})
    for name, lower in (("saved uncased", True), ("saved cased", False)):
        with tempfile.TemporaryDirectory() as folder:
            vocab = {token: number for number, token in enumerate(dict.fromkeys(MARKS + WORDS))}
            transformers.BertTokenizer(vocab=vocab, do_lower_case=lower).save_pretrained(folder)
            files = {path.name: json.loads(path.read_text()) for path in sorted(pathlib.Path(folder).iterdir())}
            assert sorted(files) == ["tokenizer.json", "tokenizer_config.json"], files.keys()
            read = Tokenizer.from_file(folder + "/tokenizer.json")
            del files["tokenizer.json"]
            add(name, read, files)

    made_by = {"script": "tests/oracle/wordpiece_files.py", "sha256": hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest(),
               "tokenizers": tokenizers.__version__, "transformers": transformers.__version__}
    dump = lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    with open(sys.argv[1], "w") as file:
        file.write('{"made_by":' + dump(made_by) + ",\n")
        file.write('"texts":' + dump([text.encode().hex() for text in TEXTS]) + ",\n")
        file.write('"folders":[\n' + ",\n".join(dump(folder) for folder in folders) + "\n]}\n")


main()
