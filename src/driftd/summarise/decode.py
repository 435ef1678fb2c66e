"""JSON as docs/events.md has it ("JSON"): orjson, and what orjson refuses although the law allows it.

orjson already is the law for structure, depth, texts, keys and nearly all numbers that a double can hold. What it
refuses are the tokens NaN, Infinity and -Infinity, and numbers whose double is infinite; what it may round
wrongly are numbers of more than 768 digits. For a document that it refuses, or that has so many digits on end, all
numbers and these tokens are lifted out into a list, each leaving its index in the document; orjson then judges the
rest of the document, the list is read by the same rules, and the indices are replaced by its values. So both ways
have one judge, and differ only where they must.
"""

import math
import re
from typing import Any

import orjson

# What lies before a number, quoted texts whole, and the number; a stray N, I or minus takes the number's
# place and is refused there. A text without its closing quote is taken to the end of the document: one
# pass, however broken it is.
_UP_TO_NUMBER = re.compile(
    rb'((?:[^"0-9NI-]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"?)*+)(NaN|-?(?:Infinity|[0-9][0-9.eE+-]*+)|[NI-])?',
    re.DOTALL,
)
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
#: As many digits as may decide between two doubles (it takes 767): beyond them orjson looks no further.
_DIGITS_LOOKED_AT = 768
_MANY_DIGITS = b"0" * (_DIGITS_LOOKED_AT + 1)
_TO_DIGITS = bytes(ord("0") if byte in b"0123456789." else ord(" ") for byte in range(256))
_NOT_FINITE = {b"NaN": math.nan, b"Infinity": math.inf, b"-Infinity": -math.inf}


def decode_json(data: bytes) -> Any:
    """Return the document's value; ValueError if it is not sound JSON by docs/events.md.

    Integers from -2**63 to 2**64-1 are int, all other numbers the nearest float, which may be infinite or NaN.
    """
    if _may_hold_many_digits(data) and _MANY_DIGITS in data.translate(_TO_DIGITS):
        return _decode_in_parts(data)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _decode_in_parts(data)


def _may_hold_many_digits(data: bytes) -> bool:
    """So many digits on end reach a multiple of ``_DIGITS_LOOKED_AT``: only these bytes are looked at."""
    return b"0" in data[_DIGITS_LOOKED_AT::_DIGITS_LOOKED_AT].translate(_TO_DIGITS)


def _decode_in_parts(data: bytes) -> Any:
    parts: list[bytes] = []
    numbers: list[int | float] = []
    for match in _UP_TO_NUMBER.finditer(data):  # one by one: nothing is gathered behind what cannot be a number
        before, token = match.groups()
        parts.append(before)
        if token:
            parts.append(b" %d " % len(numbers))  # the spaces keep neighbours apart: 1NaN stays an error
            numbers.append(_number(token))
    return _put_back(orjson.loads(b"".join(parts)), numbers)


def _number(token: bytes) -> int | float:
    if token in _NOT_FINITE:
        return _NOT_FINITE[token]
    try:
        number: int | float = orjson.loads(token)
    except orjson.JSONDecodeError:
        if _NUMBER.fullmatch(token) is None:
            raise
        return float(token)  # well-formed, so it was refused for being infinite
    return number if len(token) <= _DIGITS_LOOKED_AT else float(token)


def _put_back(document: Any, numbers: list[int | float]) -> Any:
    """Replace every index by its number, in place and without recursion: documents may be 1,024 deep."""
    outermost = [document]
    containers: list[Any] = [outermost]
    while containers:
        container = containers.pop()
        items = container.items() if type(container) is dict else enumerate(container)
        for place, value in items:
            kind = type(value)
            if kind is int:
                container[place] = numbers[value]  # an existing place: the iteration stays valid
            elif kind is dict or kind is list:
                containers.append(value)
    return outermost[0]
