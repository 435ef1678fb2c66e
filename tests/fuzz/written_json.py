"""JSON as bytes, spelled in every way that docs/events.md allows, drawn from a random generator."""

import json
import math
import struct
from random import Random

#: An object that is being written: keys in order, also twice; what is bytes is written already.
Members = list[tuple[str, "bytes | Members"]]

TEXTS = (
    "DE",
    "FR",
    "IT",
    "de",
    "",
    "x",
    "true",
    "1",
    "NaN",
    "😀",
    "é",
    "\x00",
    '"\\/\b\f\n\r\t',
    "\x7f\u2028\uffff",
    "𝄞" * 3,
)
LITERALS = (
    b"null",
    b"true",
    b"false",
    b"null",
    b"{}",
    b"[]",
    b"[[]]",
    b'{"yes":1}',
    b'{"":{"":[]}}',
    b'[null,{"a":"b"}]',
)
NUMBERS = b"""
    0 -0 -0.0 0e0 0E-400 0.0e999 1 10 10.0 1e1 1E+1 100000e-4 -1 -1.0e00
    0.1 0.10000000000000001 0.1000000000000000055511151231257827 0.3 0.30000000000000004
    9007199254740991 9007199254740992 9007199254740993 9007199254740993.0 -9007199254740995
    9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809
    18446744073709551615 18446744073709551616 18446744073709550591 18446744073709550592
    1e22 1e23 9007199254740992e22 123456789012345678e-22 4.35 0.000001 123456789.123456789
    5e-324 2.4703282292062327e-324 2.4703282292062328e-324 2.2250738585072011e-308
    1.7976931348623157e308 1.7976931348623158e308 1.7976931348623159e308 1e309 -1e400
    NaN Infinity -Infinity
""".split()


def number(rng: Random) -> bytes:
    """Write a number: one that is hard to round, or any double in one of its spellings."""
    if rng.random() < 0.5:
        return rng.choice(NUMBERS)
    exact = rng.choice((rng.uniform(-20, 120), rng.gauss(0, 1e-3), rng.lognormvariate(0, 40), _any_double(rng)))
    spelled = rng.choice(("{!r}", "{:.17e}", "{:.3f}", "{:.16g}", "{:.25g}", "{:.0f}", "{:E}")).format(exact)
    return (spelled if math.isfinite(exact) else "1e999").encode()


def _any_double(rng: Random) -> float:
    double: float = struct.unpack("<d", rng.randbytes(8))[0]
    return double


def some_text(rng: Random) -> str:
    """Return a text: a likely category, or one that nobody has seen, perhaps a long one."""
    drawn = rng.random()
    if drawn < 0.6:
        return rng.choice(TEXTS)
    if drawn < 0.9:
        return f"town {rng.randrange(60)}"
    return rng.choice(("é", "x", "😀", "\n")) * rng.randint(120, 140) + rng.choice(("", "a", "b"))


def text(rng: Random, content: str) -> bytes:
    """Write a text with as many escapes as it takes, or more."""
    drawn = rng.random()
    if drawn < 0.7:
        return json.dumps(content, ensure_ascii=False).encode()
    if drawn < 0.8:
        return json.dumps(content).encode()
    units = struct.unpack(f"<{len(content.encode('utf-16-le')) // 2}H", content.encode("utf-16-le"))
    return b'"' + b"".join((b"\\u%04x" if rng.random() < 0.5 else b"\\u%04X") % unit for unit in units) + b'"'


def value(rng: Random, depth: int = 0) -> bytes:
    """Write any value."""
    drawn = rng.random()
    if drawn < 0.3:
        return number(rng)
    if drawn < 0.6:
        return text(rng, some_text(rng))
    if drawn < 0.85 or depth == 3:
        return rng.choice(LITERALS)
    inner = [value(rng, depth + 1) for _ in range(rng.randrange(5))]
    if rng.random() < 0.6:
        return array(rng, inner)
    return written(rng, [(rng.choice(TEXTS), one) for one in inner])


def array(rng: Random, elements: list[bytes]) -> bytes:
    """Write an array."""
    return b"[" + space(rng) + (space(rng) + b"," + space(rng)).join(elements) + space(rng) + b"]"


def written(rng: Random, members: Members) -> bytes:
    """Write an object."""
    gap = space(rng)
    pieces = []
    for key, inner in members:
        content = inner if isinstance(inner, bytes) else written(rng, inner)
        pieces.append(gap + text(rng, key) + space(rng) + b":" + gap + content + space(rng))
    return b"{" + (b",".join(pieces) or gap) + b"}"


def space(rng: Random) -> bytes:
    """Return white space, mostly none."""
    return rng.choice((b" ", b"\n", b"\t\r\n  ", b" " * 9)) if rng.random() < 0.05 else b""


def damaged(rng: Random, data: bytes) -> bytes:
    """Return the bytes with a flip, a cut, a repeat or an insertion: mostly no longer sound."""
    at = rng.randrange(len(data) + 1)
    until = min(at + rng.randint(1, 40), len(data))
    match rng.randrange(5):
        case 0:
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)] if at < len(data) else []) + data[at + 1 :]
        case 1:
            return data[:at] + data[until:]
        case 2:
            return data[:until] + data[at:]
        case 3:
            return data[:at] + rng.choice((b"\x00", b"\xff", b"\xc0\x80", b"\\ud800", b'"', b"NaN", b"}")) + data[at:]
        case _:
            return data[:at]
