"""Event times: RFC 3339 text or epoch numbers to whole milliseconds (docs/events.md, "Time").

Everything rounds towards minus infinity. Integers are computed exactly; other numbers in double
arithmetic, one operation each, so that any IEEE 754 implementation gets the same millisecond.
"""

import math
import re
from datetime import date
from functools import lru_cache
from typing import Any

EARLIEST_MS = -62_135_596_800_000  # 0001-01-01T00:00:00Z
LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z

_SECONDS_BELOW = 10**11
_MILLISECONDS_BELOW = 10**14
_MICROSECONDS_BELOW = 10**17

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)"
    r"(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)
_DAY_MS = 86_400_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def timestamp_ms(value: Any) -> int | None:
    """Return the event time that a decoded JSON value stands for, or None if it is unreadable."""
    kind = type(value)
    if kind is str:
        ms = _from_text(value)
    elif kind is int:
        ms = _from_integer(value)
    elif kind is float and math.isfinite(value):
        ms = _from_double(value)
    else:
        return None
    return ms if ms is not None and EARLIEST_MS <= ms <= LATEST_MS else None


def _from_text(text: str) -> int | None:
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    day, hours, minutes, seconds, fraction, sign, offset_hours, offset_minutes = match.groups()
    midnight_ms = _midnight_ms(day)
    if midnight_ms is None:
        return None
    ms = midnight_ms + int(hours) * 3_600_000 + int(minutes) * 60_000 + int(seconds) * 1_000
    if fraction is not None:
        ms += int(fraction[:3].ljust(3, "0"))
    if sign is not None:
        offset_ms = int(offset_hours) * 3_600_000 + int(offset_minutes) * 60_000
        ms += offset_ms if sign == "-" else -offset_ms
    return ms


@lru_cache(maxsize=256)  # the days of live traffic are few; input can grow it no further
def _midnight_ms(day: str) -> int | None:
    try:
        return (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * _DAY_MS
    except ValueError:
        return None


def _from_integer(value: int) -> int:
    magnitude = abs(value)
    if magnitude < _SECONDS_BELOW:
        return value * 1_000
    if magnitude < _MILLISECONDS_BELOW:
        return value
    if magnitude < _MICROSECONDS_BELOW:
        return value // 1_000
    return value // 1_000_000


def _from_double(value: float) -> int:
    magnitude = abs(value)
    if magnitude < _SECONDS_BELOW:
        return math.floor(value * 1_000.0)
    if magnitude < _MILLISECONDS_BELOW:
        return math.floor(value)
    if magnitude < _MICROSECONDS_BELOW:
        return math.floor(value / 1_000.0)
    return math.floor(value / 1_000_000.0)
