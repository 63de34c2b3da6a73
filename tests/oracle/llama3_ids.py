#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/tokenizers/fixtures/llama3: a small tokenizer.json in the form of Llama 3, and the ids that the `tokenizers` package gives.

usage: llama3_ids.py FOLDER

The vocabulary is learned from the texts themselves. More tokens show ignore_merges: words that no merge makes, one whose merges lead
elsewhere (kvj: vj is merged first), and two words, which no pre-token is. Bytes that are not UTF-8 are beyond the package: for these rows the `regex`
package splits the text with each such byte as a lone surrogate, and the model of the package merges the pieces.
"""
import hashlib
import json
import pathlib
import random
import sys

import regex
import tokenizers
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors, trainers

PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

HARD = {
    "spaces": ["", " ", "  ", "a   b", "foo  \n", "hi  ", " \n x", "\t\tx", "a \tb", "x\u00a0y", "x \u00a0y", "\u3000\u3000a", "a\u2028b", "a\u200bb",
               "def f(x):\n    return x\n", "\n\n\nthe", " \x85z", "a\x1cb", "end ", "  1", "\t1", " \t !", "\n \n  x", "   \n   \n  "],
    "line ends": ["one\r\ntwo\r\n\r\nthree", "one\rtwo", "\r\n", "\v\f\r", "Stop.\n\nGo", "Stop!\r\n Go", "a)\n\n\n  b", " ...\n", "x \n", "12\n3", "?\n!\n"],
    "contractions": ["I'll've", "y'all'd", "we 're", "don't", "DON'T", "IT'S I'M WE'VE YOU'RE", "it’s", "'s", "''s", "'lla", "he'd'm't's", "x'r", "x'v",
                     "' s", "rock'n'roll", "'", "a'", "1's", "'Re'rE'vE'lL", "'ſt'ſ", "'tis"],
    "numbers": ["1", "12", "123", "1234", "12345", "1234567", "In 2000 and 1999", "10,000,000", "x²", "½ ¾", "Ⅳ ④ ٣٤٥٦ १२", "3.14e-10", "1st2nd", "a1b22c333d4444"],
    "letters": ["naïve Führer", "İstanbul ıI", "ΟΔΥΣΣΕΥΣ ς", "Straße STRASSE", "ﬁne ǅ ŉ", "日本語 テキスト", "한국어 각", "Привет, мир", "שלום עולם", "हिन्दी", "ไทย",
                "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "\U00010400\U00010428", "(word", "_word _ word", "“quote”", "\tword", "#tag @name"],
    "marks": ["e\u0301", "\u0301", "a\u0301\u0323b", "\u093f\u094d", "n\u0303o\u0308 ", "\u20dd1"],
    "signs": ["...!?", "a-b_c", "$5 €5 £5", "a@b.c", "<|end_of_text|>", "a<|begin_of_text|>b", "。、「」", "¿Qué?", "…—–", "^`~|", "!!a", " !!a", "((a))"],
    "emoji": ["👍🏽", "❤️", "👨\u200d👩\u200d👧", "🇩🇪🇫🇷", "🏳️\u200d🌈 ok", "☺ ☺️"],
    "control": ["ab\0cd", "\0", "a\x01b\x7fc", "\ufeffBOM", "mid\ufeffdle", "\u200e\u200f\u202ax", "\ufffd", "\ue000\U000f0000", "\U000e0001", "\u0378"],
    "words": ["the", " The THE", "a" * 99, "zq" * 60, "the the the and and and"],
    "ignore_merges": ["supercalifragilisticexpialidocious", " notmerged", "notmerged", "two words", "kvj", " kvj kvjs", "unkvj"],
}
NOT_UTF8 = [b"\xff", b"a\xffb", b" \xff\xfe \xff", b"\xff\n\na", b"\xc3", b"caf\xc3 x", b"\xe2\x82", b"a\xed\xa0\x80b", b"1\x801", b"'\xff's", b"  \x80",
            bytes(range(128, 256)), bytes(range(256))]
PARTS = ["a", "b", "The", "s", "ll", "re", "É", "ß", "日", "1", "23", "٣", "½", " ", "  ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\x85", "'", "'S", "’", ".", "!", "—", "👍",
         "\u0301", "\u200b", "\0", "_", "<|", "|>"]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    draw = random.Random(3)
    rows = [(kind, text) for kind, texts in HARD.items() for text in texts]
    rows += [("random", "".join(draw.choices(PARTS, k=draw.randint(2, 14)))) for _ in range(250)]

    splitting = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = splitting
    learned.train_from_iterator([text for kind, text in rows if kind != "ignore_merges"] * 2,
                                trainers.BpeTrainer(vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    model = json.loads(learned.to_str())["model"]
    vocab, merges = model["vocab"], [tuple(m) for m in model["merges"]]
    for left, right in (("v", "j"), ("k", "v"), ("kv", "j")):
        assert left + right not in vocab
        vocab[left + right] = len(vocab)
        merges.append((left, right))
    for token in ("supercalifragilisticexpialidocious", "Ġnotmerged", "twoĠwords"):
        assert token not in vocab, token
        vocab[token] = len(vocab)
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>"]
    whole = Tokenizer(models.BPE(vocab, merges, ignore_merges=True))
    whole.pre_tokenizer = splitting
    whole.add_special_tokens(specials)
    begin = len(vocab)
    whole.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", special_tokens=[("<|begin_of_text|>", begin)])])
    whole.save(str(folder / "tokenizer.json"), pretty=False)

    # The plain model: without added tokens no text gives a special one.
    plain = Tokenizer(whole.model)
    plain.pre_tokenizer = splitting
    spelled, beyond = {}, 256
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
            spelled[byte] = chr(byte)
        else:
            spelled[byte] = chr(beyond)
            beyond += 1
    pattern = regex.compile(PATTERN)

    def ids_of_bytes(data):
        ids = []
        for piece in pattern.findall(data.decode(errors="surrogateescape")):
            ids += [token.id for token in whole.model.tokenize("".join(spelled[byte] for byte in piece.encode(errors="surrogateescape")))]
        return ids

    stored = []
    for kind, text in rows:
        ids = plain.encode(text).ids
        assert ids == ids_of_bytes(text.encode()), text
        stored.append({"kind": kind, "hex": text.encode().hex(), "ids": ids})
    stored += [{"kind": "not UTF-8", "hex": data.hex(), "ids": ids_of_bytes(data)} for data in NOT_UTF8]

    made_by = {"script": "tests/oracle/llama3_ids.py", "sha256": hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest(),
               "tokenizers": tokenizers.__version__, "regex": regex.__version__}
    dump = lambda value: json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    with open(folder / "ids.json", "w") as file:
        file.write('{"made_by":' + dump(made_by) + ',\n"begin":' + str(begin) + ',\n"rows":[\n' + ",\n".join(dump(row) for row in stored) + "\n]}\n")


main()
