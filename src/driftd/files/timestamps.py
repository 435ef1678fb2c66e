"""Times in table cells: RFC 3339, ``YYYY-MM-DD HH:MM:SS`` and dates (UTC), and epoch numbers, as milliseconds."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
TIME_FORMS = "RFC 3339, YYYY-MM-DD[ HH:MM:SS] (UTC), or an epoch number in s, ms, µs or ns"


def cell_time_ms(cell: Any) -> int | None:
    """Return the whole milliseconds (floored) that a cell stands for, or None if it is no time."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return _epoch_ms(cell)
    if not isinstance(cell, str):
        return None
    text = cell.strip()
    try:
        return _text_ms(text) if text[4:5] == "-" else _epoch_ms(_number(text))
    except ValueError:
        return None


def event_time(ms: int) -> int | str:
    """Write a time for a canonical event: a number where its magnitude says milliseconds, else RFC 3339 text."""
    if 10**11 <= abs(ms) < 10**14:
        return ms
    return (_EPOCH + ms * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(text: str) -> float:
    return int(text) if text.isdecimal() else float(text)


def _text_ms(text: str) -> int:
    time = datetime.fromisoformat(text)
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND


def _epoch_ms(number: float) -> int | None:
    """Tell seconds, milliseconds, microseconds and nanoseconds apart by magnitude, as docs/events.md does."""
    magnitude = abs(number)
    if magnitude < 10**11:
        ms = math.floor(number * 1000)
    elif magnitude < 10**14:
        ms = math.floor(number)
    elif magnitude < 10**17:
        ms = math.floor(number // 1000)
    else:
        ms = math.floor(number // 1_000_000) if math.isfinite(number) else 2**63
    return ms if -62_135_596_800_000 <= ms <= 253_402_300_799_999 else None
