#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tokenizers/fixtures: small vocabularies, and the ids that the `tokenizers` package gives for texts that are hard.

usage: tokenizer_ids.py TEXT FOLDER

TEXT, any English text of a megabyte, trains the vocabularies and is not stored. Bytes that are not UTF-8 are beyond the
package: for these rows the `regex` package splits the text with each such byte as a lone surrogate, which is neither letter,
number nor space, and the model of the package merges the pieces.
"""
import hashlib
import json
import pathlib
import sys

import regex
import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

SPLIT = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

HARD = {
    "spaces": ["", " ", "  ", "a   b", "foo  \n", "hi  ", " \n x", "\t\tx", "a \tb", "x\u00a0y", "x \u00a0y", "\u3000\u3000a", "a\u2028b", "a\u200bb",
               "def f(x):\n    return x\n", "\n\n\nthe", " \x85z", "a\x1cb", "end "],
    "line ends": ["one\r\ntwo\r\n\r\nthree", "one\rtwo", "\r\n", "\v\f\r"],
    "contractions": ["I'll've", "y'all'd", "we 're", "don't", "DON'T", "it’s", "'s", "''s", "'lla", "he'd'm't's", "x'r", "x'v", "' s", "rock'n'roll",
                     "'", "a'", "1's"],
    "numbers": ["12345", "In 2000 and 1999", "10,000,000", "x²", "½ ¾", "Ⅳ ④ ٣٤ १२", "3.14e-10", "1st2nd"],
    "letters": ["naïve Führer", "İstanbul ıI", "ΟΔΥΣΣΕΥΣ ς", "Straße STRASSE", "ﬁne ǅ ŉ", "日本語 テキスト", "한국어 각", "Привет, мир", "שלום עולם",
                "हिन्दी", "ไทย", "豈\U0002f800x", "Å Å \u212b", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "\U00010400\U00010428", "ᲐᲑ", "ꭰᏸ"],
    "marks": ["e\u0301", "\u0301", "a\u0301\u0323b", "\u093f\u094d", "n\u0303o\u0308 ", "\u20dd1"],
    "signs": ["...!?", "a-b_c", "$5 €5 £5", "a@b.c", "<|endoftext|>", "a<|endoftext|>b", "[MASK] [CLS]", "##ing", "。、「」", "¿Qué?", "…—–", "^`~|", "%\u037e\u1fef"],
    "emoji": ["👍🏽", "❤️", "👨\u200d👩\u200d👧", "🇩🇪🇫🇷", "🏳️\u200d🌈 ok", "☺ ☺️"],
    "control": ["ab\0cd", "\0", "a\x01b\x7fc", "\ufeffBOM", "mid\ufeffdle", "\u200e\u200f\u202ax", "soft\u00adhyphen", "\ufffd", "\ue000\U000f0000", "\U000e0001",
                "\ufdd0\uffff", "\u0378"],
    "words": ["the", " The THE", "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "zq" * 60, "supercalifragilisticexpialidocious"],
}
NOT_UTF8 = [b"\xff", b"a\xffb", b" \xff\xfe \xff", b"\xc3", b"caf\xc3 x", b"\xe2\x82", b"a\xed\xa0\x80b", b"\xf4\x90\x80\x80", b"\xc0\x80", b"1\x801",
            b"'\xff's", b"\xe4\xb8\xad\xe4\xb8", b"  \x80", b"\xf0\x9f\x91\x8d\xf0\x9f\x91", bytes(range(128, 256)), bytes(range(256))]
LONG = [("a", 10_000), ("ab", 5_000), (" ", 10_000), ("the", 3_334), ("é", 10_000), ("1", 10_000), ("!", 10_000), ("\n", 10_000)]


def shortened(ids):
    """The ids as one part and how often it comes."""
    for size in range(1, len(ids) + 1):
        if len(ids) % size == 0 and ids == ids[:size] * (len(ids) // size):
            return {"part": ids[:size], "times": len(ids) // size}
    return {"part": [], "times": 0}


def main():
    text = pathlib.Path(sys.argv[1]).read_bytes().decode()
    folder = pathlib.Path(sys.argv[2])
    for name in ("bpe", "wordpiece"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lines = text.splitlines(keepends=True)

    bytes_first = dict(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=1000, special_tokens=["<|endoftext|>"], **bytes_first))
    bpe.model.save(str(folder / "bpe"))
    bpe.save(str(folder / "bpe" / "tokenizer.json"), pretty=False)
    spelled = {}
    beyond = 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
            spelled[byte] = chr(byte)
        else:
            spelled[byte] = chr(beyond)
            beyond += 1
    assert sorted(spelled.values()) == sorted(pre_tokenizers.ByteLevel.alphabet())

    def bpe_of_bytes(data):
        ids = []
        for piece in SPLIT.findall(data.decode(errors="surrogateescape")):
            spelling = "".join(spelled[byte] for byte in piece.encode(errors="surrogateescape"))
            ids += [token.id for token in bpe.model.tokenize(spelling)]
        return ids

    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    wordpiece.train_from_iterator([*lines, *(line.lower() for line in lines)],
                                  trainers.WordPieceTrainer(vocab_size=1000, special_tokens=special, limit_alphabet=150, show_progress=False))
    wordpiece.model.save(str(folder / "wordpiece"))
    # The plain models: without added tokens no text gives a special one.
    plain_bpe = Tokenizer(bpe.model)
    plain_bpe.pre_tokenizer = bpe.pre_tokenizer
    bert = {}
    for name, lower in (("uncased", True), ("cased", False)):
        bert[name] = Tokenizer(models.WordPiece.from_file(str(folder / "wordpiece" / "vocab.txt"), unk_token="[UNK]", max_input_chars_per_word=100))
        bert[name].pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        bert[name].normalizer = normalizers.BertNormalizer(lowercase=lower)

    rows = []
    for kind, texts in HARD.items():
        for one in texts:
            data = one.encode()
            ids = plain_bpe.encode(one).ids
            assert ids == bpe_of_bytes(data), one
            rows.append({"kind": kind, "hex": data.hex(), "bpe": ids, **{name: t.encode(one).ids for name, t in bert.items()}})
    for data in NOT_UTF8:
        rows.append({"kind": "not UTF-8", "hex": data.hex(), "bpe": bpe_of_bytes(data),
                     **{name: t.encode(data.decode(errors="replace")).ids for name, t in bert.items()}})
    long_rows = [{"hex": one.encode().hex(), "repeat": times, "bpe": shortened(plain_bpe.encode(one * times).ids),
                  **{name: shortened(t.encode(one * times).ids) for name, t in bert.items()}} for one, times in LONG]

    trained = []
    for name, texts, size in (("hard texts", [t for texts in HARD.values() for t in texts], 400), ("ties", ["bbbaaaddddcccc"], 260),
                              ("runs", ["aaaaaaaa aaaaaaa aaaaaa"], 262)):
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = bpe.pre_tokenizer
        t.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=size, **bytes_first))
        merges = json.loads(t.to_str())["model"]["merges"]
        trained.append({"name": name, "texts": [one.encode().hex() for one in texts], "size": size + 1,
                        "merges": [m if isinstance(m, str) else " ".join(m) for m in merges]})

    made_by = {"script": "tests/oracle/tokenizer_ids.py", "sha256": hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest(),
               "tokenizers": tokenizers.__version__, "regex": regex.__version__}
    dump = lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    with open(folder / "ids.json", "w") as file:
        file.write('{"made_by":' + dump(made_by) + ",\n")
        for name, items in (("rows", rows), ("long", long_rows), ("trained", trained)):
            file.write(f'"{name}":[\n' + ",\n".join(dump(item) for item in items) + "\n]" + ("," if name != "trained" else "") + "\n")
        file.write("}\n")


main()
