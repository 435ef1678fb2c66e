"""Decoding, held against an independent and slow reading of docs/events.md by the standard library."""

import json
import math
import re
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftd.summarise.decode import decode_json


class _Unsound(ValueError):
    """The oracle's verdict: malformed."""


def _integer(digits: str) -> int | float:
    value = int(digits)
    return value if -(2**63) <= value < 2**64 else float(digits)


def _sound_text(text: str) -> None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise _Unsound(text)


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        _sound_text(value)
    elif isinstance(value, list):
        for element in value:
            _check_texts(element)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, value in pairs:
        _sound_text(key)
        _check_texts(value)
    return dict(pairs)


def _oracle(data: bytes) -> Any:
    """Return the value of a document of moderate depth, or raise ValueError."""
    value = json.loads(data.decode("utf-8", "strict"), parse_int=_integer, object_pairs_hook=_pairs)
    _check_texts(value)
    return value


def _same(one: Any, other: Any) -> bool:
    """Compare to the bit: types, signs of zero, NaN with NaN, order of the keys aside."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return str(one.hex()) == str(other.hex())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other)


def _agree(data: bytes) -> None:
    try:
        expected = _oracle(data)
    except ValueError:
        assert _refused(data)
    else:
        assert _same(decode_json(data), expected)


def _refused(data: bytes) -> bool:
    try:
        decode_json(data)
    except ValueError:
        return True
    return False


PUNCTUATION = '[]{},:"\\ \t\n-+.0123e'
WORDS = ["NaN", "Infinity", "-Infinity", "null", "true", "fals", '"a":', "\x7f", "é", "\ufeff"]
TEXTS = ['"NaN 1"', r'"\u0000"', r'"\"1"', r'"\ud83d\ude00"', r'"\ud800"', r'"\\\""', '"\x1f"']
NUMBERS = ["18446744073709551615", "18446744073709551616", "-9223372036854775809", "-0", "-0.0", "1" * 25]
TOKENS = st.sampled_from([*PUNCTUATION, *WORDS, *TEXTS, *NUMBERS, "01", "1e-400", "1e400", "-1e999"])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from([-0.0, 2**63, 2**64])
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)),
    max_leaves=12,
)


@settings(deadline=None, max_examples=500)
@given(st.lists(TOKENS, max_size=14).map("".join))
@example("[1NaN]")
@example("[5NaN,NaN]")
@example('{"a":NaN,"a":"\\ud800","a":1}')
@example('["\\\\",NaN,"\\"",1e400]')
@example('"NaN')
@example("[NaN,\\")
def test_any_tokens_are_read_as_by_the_oracle(text: str) -> None:
    """Whatever tokens stand behind each other, both accept the same documents and read the same values."""
    _agree(text.encode())


@settings(deadline=None, max_examples=300)
@given(DOCUMENTS, st.booleans())
def test_documents_are_read_as_by_the_oracle(document: Any, ascii_only: bool) -> None:  # noqa: FBT001 - drawn
    """A sound document, NaN and infinities included, is read to the bit."""
    _agree(json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=300)
@given(DOCUMENTS, st.data())
def test_damaged_documents_are_read_as_by_the_oracle(document: Any, data: st.DataObject) -> None:
    """A document with one byte changed, or cut short, is sound or not by both."""
    raw = bytearray(json.dumps([document, math.nan], ensure_ascii=False).encode("utf-8", "surrogatepass"))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    _agree(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
    _agree(bytes(raw))


@settings(deadline=None, max_examples=300)
@given(
    st.from_regex(re.compile(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII), fullmatch=True)
)
@example("9007199254740993")
@example("9007199254740992.99999999999999999999999999999999999999999999")
@example("2.2250738585072011e-308")
@example("1.7976931348623158e308")
@example("1.7976931348623159e308")
@example("4.9406564584124654e-324")
@example("2.4703282292062327e-324")
def test_numbers_are_correctly_rounded(number: str) -> None:
    """Every number is its integer within 64 bits or else the nearest double, in both ways of reading."""
    _agree(number.encode())
    _agree(f"[{number},NaN]".encode())


@given(st.integers(0, 1600), st.integers(769, 900))
@example(0, 769)
@example(767, 769)
@example(768, 769)
def test_numbers_of_many_digits_are_correctly_rounded_wherever_they_stand(before: int, digits: int) -> None:
    """Half-way between two doubles the last digit decides, however far it and the number are behind."""
    tie = f"{2**53 + 1}.".ljust(digits, "0") + "1"

    assert decode_json(b" " * before + b"[" + tie.encode() + b"]") == [float(2**53 + 2)]


@pytest.mark.parametrize("token", [b"1", b"NaN", b"1e400"])
def test_depth_limit_is_the_same_both_ways(token: bytes) -> None:
    """1,024 levels are read and 1,025 are not, whichever way a document takes."""
    deepest = decode_json(b"[" * 1024 + token + b"]" * 1024)
    levels = 0
    while isinstance(deepest, list):
        levels, (deepest,) = levels + 1, deepest

    assert levels == 1024
    with pytest.raises(ValueError, match="depth"):
        decode_json(b"[" * 1025 + token + b"]" * 1025)


def test_orjson_refuses_what_the_second_way_is_for() -> None:
    """The day orjson reads these tokens by itself, the second way is no longer needed."""
    for token in (b"NaN", b"Infinity", b"-Infinity", b"1e400"):
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(token)
