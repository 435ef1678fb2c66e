"""Times in table cells: RFC 3339, ``YYYY-MM-DD HH:MM:SS`` and dates (UTC), and epoch numbers, as milliseconds."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EARLIEST_MS = -62_135_596_800_000  # 0001-01-01T00:00:00Z
_LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
TIME_FORMS = "RFC 3339, YYYY-MM-DD[ HH:MM:SS] (UTC), or an epoch number in s, ms, µs or ns"


def cell_time_ms(cell: Any) -> int | None:
    """Return the whole milliseconds (floored) that a cell stands for, or None if it is no time."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        ms = _epoch_ms(cell)
    elif isinstance(cell, str):
        ms = _written_ms(cell.strip())
    else:
        return None
    return ms if ms is not None and is_expressible(ms) else None


def is_expressible(ms: int) -> bool:
    """Tell whether a time lies in the years 1 to 9999: an event can hold no other."""
    return _EARLIEST_MS <= ms <= _LATEST_MS


def event_time(ms: int) -> int | str:
    """Write a time for a canonical event: a number where its magnitude says milliseconds, else RFC 3339 text."""
    if 10**11 <= abs(ms) < 10**14:
        return ms
    return (_EPOCH + ms * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)


def _written_ms(text: str) -> int | None:
    try:
        return _text_ms(text) if text[4:5] == "-" else _epoch_ms(_number(text))
    except ValueError:
        return None


def _text_ms(text: str) -> int:
    time = datetime.fromisoformat(text)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND


def _epoch_ms(number: float) -> int | None:
    """Tell seconds, milliseconds, microseconds and nanoseconds apart by magnitude, as docs/events.md does."""
    magnitude = abs(number)
    if magnitude < 10**11:
        return math.floor(number * 1000)
    if magnitude < 10**14:
        return math.floor(number)
    if magnitude < 10**17:
        return math.floor(number // 1000)
    return math.floor(number // 1_000_000) if math.isfinite(number) else None
