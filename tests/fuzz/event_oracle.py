"""An independent and slow reading of docs/events.md, steps 1 to 7, by the standard library's json."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from driftd.values.keys import Reason

EVENT_BYTES = 1_048_576
NAME_LENGTH = 200
DEEPEST = 1_024
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)


class Unsound(ValueError):
    """Not sound JSON by docs/events.md."""


def judge(data: bytes) -> Reason | tuple[str, str]:
    """Return the reason for which an event is rejected, else its model and version.

    ``no_timestamp`` is not judged here: whether there is a time is tests/unit/summarise/test_timestamps.py's.
    """
    if len(data) > EVENT_BYTES:
        return Reason.TOO_LARGE
    if data[:1] in {b"\x00", b"\x01"} or data[:2] == b"\x1f\x8b":
        return Reason.UNSUPPORTED
    try:
        document = sound(data)
    except ValueError:
        document = None
    return _understood(document) if isinstance(document, dict) else Reason.MALFORMED


def _understood(document: dict[str, Any]) -> Reason | tuple[str, str]:
    version = _name(document.get("version", ""))
    if version is None or not isinstance(document.get("features"), dict | None):
        return Reason.MALFORMED
    model = _name(document.get("model"))
    if not model:
        return Reason.MISSING_MODEL
    return Reason.LIMIT if max(len(model), len(version)) > NAME_LENGTH else (model, version or "none")


def sound(data: bytes) -> Any:
    """Return a document's value; ValueError if it is not sound."""
    text = data.decode("utf-8", "strict")
    if _depth(text) > DEEPEST:
        raise Unsound("too deep")
    with _deep_recursion():
        value = json.loads(text, parse_int=_integer, object_pairs_hook=_pairs)
        _check(value)
    return value


def _name(value: Any) -> str | None:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)


def _integer(digits: str) -> int | float:
    value = int(digits) if len(digits) < 40 else float(digits)
    return value if isinstance(value, int) and -(2**63) <= value < 2**64 else float(digits)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for key, value in pairs:  # those that a later one of the same key hides must be sound as well
        _check(key)
        _check(value)
    return dict(pairs)


def _check(value: Any) -> None:
    if isinstance(value, str) and any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        raise Unsound("half a surrogate pair")
    if isinstance(value, list):
        for element in value:
            _check(element)


def _depth(text: str) -> int:
    """Return how deep brackets nest, those inside texts left out."""
    deepest = depth = 0
    for bracket in _TEXT.sub("", text):
        if bracket in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in "]}":
            depth -= 1
    return deepest


@contextmanager
def _deep_recursion() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(before + 4 * DEEPEST)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
