#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of characters in include/raptr/tokenizers/tables/: which code points are letters, numbers, spaces, marks.

usage: character_tables.py FOLDER

The `tokenizers` package decides, not a list of Unicode: its regex engine and its BERT code follow different versions of the
standard, neither of them Python's, and what counts is that ids are equal. Every code point is put to it.
"""
import hashlib
import pathlib
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

# Planes 4 to 13 are unassigned, 15 and 16 private: one code point stands for such a plane (checked on a few of them).
PROBED = [c for c in [*range(0x40000), *range(0xE0000, 0xE1000)] if not 0xD800 <= c < 0xE000]
BEYOND = [(0x40000, 0xDFFFF), (0xE1000, 0xEFFFF), (0xF0000, 0xFFFFF), (0x100000, 0x10FFFF)]


def classify(of):
    classes = {c: of(chr(c)) for c in PROBED}
    for first, last in BEYOND:
        found = {of(chr(c)) for c in (first, first + 1, (first + last) // 2, last - 2)}
        assert len(found) == 1, (hex(first), found)
        classes[(first, last)] = found.pop()
    return classes


def ranges(classes, wanted):
    """Runs of code points of one class; the surrogates, which are not in text, may lie in a run."""
    runs = []
    for key, kind in classes.items():
        first, last = key if isinstance(key, tuple) else (key, key)
        if kind != wanted:
            continue
        if runs and (runs[-1][1] + 1 == first or (runs[-1][1] == 0xD7FF and first == 0xE000)):
            runs[-1][1] = last
        else:
            runs.append([first, last])
    return runs


def filled(items, indent="    "):
    lines, line = [], indent
    for item in items:
        if len(line) + len(item) > 146:
            lines.append(line.rstrip())
            line = indent
        line += item + ", "
    lines.append(line.rstrip().rstrip(","))
    return "\n".join(lines)


def table(name, comment, items):
    return f"/// {comment}\ninline constexpr code_point_range {name}[] = {{\n{filled([f'{{{a:#x}, {b:#x}}}' for a, b in items])}}};\n"


def pairs(name, comment, items):
    return f"/// {comment}\ninline constexpr code_point_pair {name}[] = {{\n{filled([f'{{{a:#x}, {b:#x}}}' for a, b in items])}}};\n"


def header(path, about, body):
    own = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
    path.write_text(
        "// SPDX-License-Identifier: Apache-2.0\n"
        f"// {about}\n"
        f"// Made by tests/oracle/character_tables.py (sha256 {own[:16]}) with tokenizers {tokenizers.__version__}; not to be edited.\n"
        "#pragma once\n\n#include <raptr/tokenizers/detail/code_points.hpp>\n\nnamespace raptr::character_tables {\n// clang-format off\n\n"
        + body + "\n// clang-format on\n}  // namespace raptr::character_tables\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(exist_ok=True)

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)

    def gpt2_class(ch):
        pieces = lambda text: len(byte_level.pre_tokenize_str(text))
        return "letter" if pieces("a" + ch) == 1 else "number" if pieces("1" + ch) == 1 else "other" if pieces("!" + ch) == 1 else "space"

    classes = classify(gpt2_class)
    header(folder / "gpt2.hpp", "Letters, numbers and spaces as the pre-tokenizer of GPT-2 classifies them.",
           table("letters", r"\p{L}", ranges(classes, "letter")) + "\n" + table("numbers", r"\p{N}", ranges(classes, "number")) + "\n" +
           table("spaces", r"\s", ranges(classes, "space")))

    def normalizer(**on):
        off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
        return normalizers.BertNormalizer(**{**off, **on}).normalize_str

    clean, chinese, strip, lower = normalizer(clean_text=True), normalizer(handle_chinese_chars=True), normalizer(strip_accents=True), normalizer(
        lowercase=True)
    splits = pre_tokenizers.BertPreTokenizer().pre_tokenize_str

    def cleaned(ch):
        return {"ab": "removed", "a b": "space"}.get(clean("a" + ch + "b"), "kept")

    def split(ch):
        pieces = [piece for piece, _ in splits("a" + ch + "b")]
        return {1: "word", 2: "space", 3: "punctuation"}[len(pieces)]

    cleaning, splitting = classify(cleaned), classify(split)
    ideographs = classify(lambda ch: chinese(ch) == f" {ch} ")
    stripped = {c: strip(chr(c)) for c in PROBED}
    lowered = {c: lower(chr(c)) for c in PROBED}
    for first, last in BEYOND:
        assert all(f(chr(c)) == chr(c) for c in (first, last - 2) for f in (strip, lower))
    marks = {c: stripped[c] == "" for c in PROBED}
    hangul = range(0xAC00, 0xD7A4)
    for c in hangul:
        s = c - 0xAC00
        jamo = chr(0x1100 + s // 588) + chr(0x1161 + s % 588 // 28) + (chr(0x11A7 + s % 28) if s % 28 else "")
        assert stripped[c] == jamo, hex(c)
    header(folder / "bert.hpp", "What BERT's splitting removes, takes for a space, and sets apart.",
           table("removed", "Control characters, NUL, U+FFFD and what else is deleted before anything else is done.", ranges(cleaning, "removed")) +
           "\n" + table("blanks", "Become a space.", ranges(cleaning, "space")) + "\n" +
           table("punctuation", "Are words of their own.", ranges(splitting, "punctuation")) + "\n" +
           table("gaps", "Separate words and are not kept.", ranges(splitting, "space")) + "\n" +
           table("ideographs", "Chinese characters: words of their own.", ranges(ideographs, True)))
    header(folder / "bert_marks.hpp", "Nonspacing marks, which are deleted where accents are.", table("marks", "Accents.", ranges(marks, True)))
    header(folder / "bert_accents.hpp", "Letters without their accents: the canonical decomposition (NFD) less the nonspacing marks.",
           pairs("without_accents", "Several pairs with one first: several code points. Syllables of Hangul are left to arithmetic.",
                 [(c, ord(x)) for c in PROBED if c not in hangul and stripped[c] != chr(c) for x in stripped[c]]))
    header(folder / "bert_lower.hpp", "Letters in lower case, each by itself.",
           pairs("lower_case", "Several pairs with one first: several code points.",
                 [(c, ord(x)) for c in PROBED if lowered[c] != chr(c) for x in lowered[c]]))


main()
