# SPDX-License-Identifier: Apache-2.0
"""Compares our reader of safetensors files with the `safetensors` package on mutants of a few files.

    safetensors_peer.py VERDICTS COUNT

VERDICTS is the program raptr_safetensors_verdicts. The mutants are the same in every run: only Random.random() is used,
whose sequence Python keeps. Where both accept, tensors, data and metadata must be the same. Where we refuse what the
package accepts, our sentence must be one of the STRICTER ones, and what it says of the file must be true; every other
difference is a failure. Imports nothing of ours.
"""

import collections
import hashlib
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

import safetensors

BLANKS = " \t\r\n"


class Pairs(list):
    """An object of JSON with its members in order, and twice where they are there twice."""


def read(text):
    return json.loads(text, object_pairs_hook=Pairs)


def write(value):
    if isinstance(value, Pairs):
        return "{" + ",".join(json.dumps(key) + ":" + write(member) for key, member in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return value if isinstance(value, Raw) else json.dumps(value)


class Raw(str):
    """Text that stands for itself."""


def entry(dtype, shape, begin, end):
    return Pairs([("dtype", dtype), ("shape", shape), ("data_offsets", [begin, end])])


def seeds():
    tensors = lambda *all: Pairs(all)
    yield tensors(), 0
    yield tensors(("w", entry("F32", [2, 2], 0, 16))), 16
    yield tensors(("__metadata__", Pairs([("format", "pt"), ("step", "120")])), ("w", entry("F32", [2], 0, 8))), 8
    yield tensors(("b", entry("F64", [1], 8, 16)), ("a", entry("I64", [], 0, 8))), 16
    yield tensors(("u", entry("U8", [3], 0, 3)), ("e", entry("F32", [5, 0], 3, 3)), ("i", entry("I32", [1], 3, 7))), 7
    yield tensors(("h", entry("BF16", [3], 0, 6)), ("c", entry("C64", [1], 6, 14)), ("__metadata__", Pairs()), ("8", entry("F8_E4M3", [2], 14, 16))), 16
    yield tensors(("q", entry("F4", [2, 3], 0, 3)), ("__metadata__", None), ("r", entry("F6_E2M3", [4], 3, 6)), ("s", entry("F6_E3M2", [2, 2], 6, 9))), 9
    yield tensors(*((name, entry("I16", [1, 2], 4 * i, 4 * i + 4)) for i, name in enumerate(["", "a.b", "\u00fc", "\U0001f996", "a\n"]))), 20


NUMBERS = ["0", "1", "2", "3", "4", "7", "8", "16", "-0", "-1", "1.0", "4.0", "1e0", "8e0", "1e999", "01", "+1", "0x1", "NaN", "null", "true", '"4"', "[4]", "{}",
           "4294967296", "2147483648", "4611686018427387904", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616"]
TYPES = ["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "C64", "F64", "I64", "U64", "F4",
         "F6_E2M3", "F6_E3M2", "f32", "F33", "", "float32", "F32 "]
BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
        "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}
PIECES = ["{", "}", "[", "]", ",", ":", '"', "\\", " ", "\n", "\t", "\0", "\ufeff", "\\u0000", "\\ud800", "\\u0061", "//", "{}", "[]", '""', "__metadata__", "dtype", "null"]


class Mutator:
    def __init__(self, seed):
        self.random = random.Random(seed).random

    def roll(self, sides):
        return int(self.random() * sides)

    def pick(self, list_):
        return list_[self.roll(len(list_))]

    def places(self, value, found, path=()):
        """All members of objects and items of lists, as (container, index)."""
        if isinstance(value, list):
            for i, one in enumerate(value):
                found.append((value, i))
                self.places(one[1] if isinstance(value, Pairs) else one, found)
        return found

    def structure(self, header):
        found = self.places(header, [])
        if not found:
            header.append(("w", entry(self.pick(TYPES), [], 0, self.pick([0, 1, 4, 8]))))
            return
        inside, at = self.pick(found)
        kind = self.roll(9)
        value = inside[at][1] if isinstance(inside, Pairs) else inside[at]

        def put(new):
            inside[at] = (inside[at][0], new) if isinstance(inside, Pairs) else new

        if kind == 0:
            del inside[at]
        elif kind == 1:
            inside.insert(self.roll(len(inside) + 1), inside[at])
        elif kind == 2 and isinstance(inside, Pairs):
            inside[at] = (self.pick(["w", "a", "dtype", "shape", "data_offsets", "__metadata__", "Shape", "x\n", "__metadata__ "]), value)
        elif kind == 3:
            put(self.pick([None, True, 0, -1, 1.5, "F32", [], Pairs(), Raw("18446744073709551616"), [value], Pairs([("k", value)]), Pairs([("F32", None)])]))
        elif kind == 4:
            put(self.pick(TYPES))
        elif kind == 5:
            put(Raw(self.pick(NUMBERS)))
        elif kind == 6:
            other = self.roll(len(inside))
            inside[at], inside[other] = inside[other], inside[at]
        elif kind == 7 and isinstance(value, Pairs):
            put([member for _, member in value])
        else:
            extra = self.pick([("x", 1), ("strides", [1]), ("x", "y"), ("x", [[[]]])])
            (value if isinstance(value, Pairs) else header).append(extra)

    def shape(self, header):
        """Keeps a file good more often: one extent, or one offset, by a little."""
        tensors = [member for key, member in header if key != "__metadata__" and isinstance(member, Pairs)]
        lists = [member for one in tensors for key, member in one if isinstance(member, list) and not isinstance(member, Pairs)]
        if not lists:
            return self.structure(header)
        one = self.pick(lists)
        kind = self.roll(4)
        if kind == 0:
            one.insert(self.roll(len(one) + 1), self.pick([0, 1, 1, 1, 2]))
        elif kind == 1:
            one.extend([1] * self.pick([1, 3, 61, 62, 63, 64, 65, 300]))
        elif one and isinstance(one[-1], int):
            at = self.roll(len(one))
            if isinstance(one[at], int) and not isinstance(one[at], bool):
                one[at] += self.pick([-4, -1, 1, 4, 8])

    def repaired(self, header, size):
        """Gives the tensors places that fit, where that can be; returns the size of all data."""
        at = 0
        order = list(range(len(header)))
        if self.roll(2):
            order.reverse()
        for i in order:
            name, one = header[i]
            members = dict(one) if isinstance(one, Pairs) else {}
            shape, bits = members.get("shape"), BITS.get(str(members.get("dtype")))
            if name == "__metadata__" or bits is None or not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 100 for n in shape):
                continue
            end = at + bits * math.prod(shape) // 8
            if end > 4096:
                return size
            header[i] = (name, Pairs([(key, [at, end] if key == "data_offsets" else value) for key, value in one]))
            at = end
        return at

    def text(self, text):
        kind = self.roll(6)
        at = self.roll(len(text) + 1)
        if kind == 0:
            return text[:at] + self.pick(PIECES) + text[at:]
        if kind == 1:
            return text[:at] + text[at + 1 + self.roll(4):]
        if kind == 2:
            numbers = list(re.finditer("[0-9]+", text))
            if numbers:
                one = self.pick(numbers)
                return text[:one.start()] + self.pick(NUMBERS) + text[one.end():]
        if kind == 3:
            return self.pick(BLANKS) * (1 + self.roll(3)) + text
        if kind == 4:
            marks = [i for i, c in enumerate(text) if c in "{}[],:"]
            if marks:
                one = self.pick(marks)
                return text[:one] + self.pick(BLANKS) + text[one:]
        return text + self.pick([" ", "\n", "  \t", "x", "\0", "{}", "}"])

    def bytes(self, data):
        data = bytearray(data)
        for _ in range(1 + self.roll(3)):
            at = self.roll(len(data) + 1)
            kind = self.roll(4)
            if kind == 0 and at < len(data):
                data[at] ^= 1 << self.roll(8)
            elif kind == 1 and at < len(data):
                data[at] = self.roll(256)
            elif kind == 2:
                data[at:at] = bytes([self.roll(256)])
            else:
                del data[at:at + 1]
        return bytes(data)

    def mutant(self, header, size):
        header = read(write(header))
        kind = self.roll(10)
        for _ in range(1 + self.roll(2) if kind < 6 else 0):  # of the ten kinds, six change the structure
            (self.shape if kind < 3 else self.structure)(header)
        if self.roll(2):
            size = self.repaired(header, size)
        text = write(header)
        if kind in (2, 6, 7):
            for _ in range(1 + self.roll(2)):
                text = self.text(text)
        raw = text.encode("utf-8", "surrogatepass")
        if kind == 8:
            raw = self.bytes(raw)
        data = bytes(self.roll(256) for _ in range(size + (self.pick([-1, 1, 4, -4, 8]) if self.roll(20) == 0 else 0)))
        length = len(raw)
        if kind == 9:
            length = self.pick([length + 1, length - 1, length + 8, len(raw) + len(data), len(raw) + len(data) + 1, 0, 1, 7, 1 << 63, (1 << 64) - 1, (1 << 64) - 8,
                                100_000_000, 100_000_001, length << 8, length + (1 << 32)]) & (1 << 64) - 1
        whole = struct.pack("<Q", length) + raw + data
        return whole[:self.roll(len(whole) + 1)] if self.roll(50) == 0 else whole


def header_of(file):
    (length,) = struct.unpack("<Q", file[:8])
    return file[8:8 + length].decode()


def any_object(value, test):
    if isinstance(value, Pairs):
        return test(value) or any(any_object(member, test) for _, member in value)
    return isinstance(value, list) and any(any_object(one, test) for one in value)


def entries(header):
    return [member for key, member in header if key != "__metadata__"]


def part(name, test):
    """Whether `test` holds for this member of some tensor, which may be a list of the three members instead of an object."""
    return lambda text: any(test(value) for one in entries(read(text)) if isinstance(one, Pairs) for key, value in one if key == name)


def depth(value):
    if isinstance(value, Pairs):
        return 1 + max([depth(member) for _, member in value], default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def members(text):
    return [[key for key, _ in one] for one in entries(read(text)) if isinstance(one, Pairs)]


# Where we are stricter: a piece of our sentence, and what must then be true of the header's text.
STRICTER = {
    "blanks before the brace": (r"expected a header that begins with {", lambda t: t[0] in BLANKS),
    "a key twice": (r"the key .* a second time", lambda t: any_object(read(t), lambda o: len({k for k, _ in o}) < len(o))),
    "a member beyond the three": (r"expected only the members dtype", lambda t: any(set(m) - {"dtype", "shape", "data_offsets"} for m in members(t))),
    "a list for an entry": (r"expected an object with dtype, shape and data_offsets, got \[", lambda t: any(not isinstance(e, Pairs) for e in entries(read(t)))),
    "an object for a dtype": (r"expected a dtype that is a string, got \{", part("dtype", lambda v: isinstance(v, Pairs))),
    "more than 64 extents": (r"expected a shape of at most 64 extents", part("shape", lambda v: len(v) > 64)),
    "an extent from 2^63 up": (r"expected at most 9223372036854775807 as an extent", part("shape", lambda v: any(n > (1 << 63) - 1 for n in v))),
    "nesting deeper than 64": (r"nesting deeper than 64", lambda t: depth(read(t)) > 64),
}


def peers_verdict(file):
    """None, or name -> (type, shape, data)."""
    try:
        return {name: (one["dtype"], list(one["shape"]), bytes(one["data"])) for name, one in safetensors.deserialize(file)}
    except safetensors.SafetensorError:
        return None


def peers_metadata(file, path):
    with open(path, "wb") as out:
        out.write(file)
    with safetensors.safe_open(path, framework="numpy") as opened:
        return opened.metadata() or {}


def main():
    verdicts, count = sys.argv[1], int(sys.argv[2])
    all_seeds = list(seeds())
    mutator = Mutator(6)
    digest = hashlib.sha256()
    counts, stricter, wrong = collections.Counter(), collections.Counter(), []
    seen = set()
    scratch = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=scratch) as folder, open(f"{folder}/mutants", "w+b") as mutants:
        for _ in range(count):
            file = mutator.mutant(*mutator.pick(all_seeds))
            digest.update(struct.pack("<Q", len(file)) + file)
            mutants.write(struct.pack("<Q", len(file)) + file)
        mutants.flush()
        mutants.seek(0)
        ours = subprocess.Popen([verdicts, f"{folder}/ours.safetensors"], stdin=open(f"{folder}/mutants", "rb"), stdout=subprocess.PIPE)
        for line in ours.stdout:
            verdict = json.loads(line)
            (length,) = struct.unpack("<Q", mutants.read(8))
            file = mutants.read(length)
            seen.add(file)
            theirs, refused = peers_verdict(file), verdict.get("refused")
            if theirs is None:
                counts["both refuse" if refused else "only we accept"] += 1
                if not refused:
                    wrong.append(("only we accept", file))
            elif refused:
                counts["only the package accepts"] += 1
                names = [name for name, (sentence, test) in STRICTER.items() if re.search(sentence, refused) and test(header_of(file))]
                stricter[names[0] if names else "not explained"] += 1
                if len(names) != 1:
                    wrong.append((refused, file))
            else:
                counts["both accept"] += 1
                mine = {name: (dtype, shape, file[first:first + size]) for name, dtype, shape, first, size in verdict["tensors"]}
                if mine != theirs or verdict["metadata"] != peers_metadata(file, f"{folder}/peer.safetensors"):
                    wrong.append(("read as something else", file))
        if ours.wait() != 0 or sum(counts.values()) != count:
            sys.exit(f"{verdicts} ended with {ours.returncode} after {sum(counts.values())} of {count} files")

    print(f"{count} mutants, {len(seen)} of them different, SHA-256 {digest.hexdigest()[:16]}; safetensors {safetensors.__version__}")
    for name in ("both accept", "both refuse", "only the package accepts", "only we accept"):
        print(f"  {name:<28}{counts[name]:>8}")
        if name == "only the package accepts":
            for reason, number in stricter.most_common():
                print(f"    {reason:<26}{number:>8}")
    for sentence, file in wrong[:20]:
        print(f"WRONG: {sentence}\n       {file!r}")
    sys.exit(f"{len(wrong)} differences without an explanation" if wrong else 0)


main()
