"""Times in table cells."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.files.timestamps import cell_time_ms, event_time
from driftd.summarise.timestamps import timestamp_ms


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("2026-11-23T10:00:00Z", 1_795_428_000_000),
        ("2026-11-23T11:00:00.1239+01:00", 1_795_428_000_123),
        ("2026-11-23 10:00:00", 1_795_428_000_000),
        ("2026-11-23", 1_795_392_000_000),
        (" 2026-11-23 ", 1_795_392_000_000),
        ("1795428000", 1_795_428_000_000),
        ("1795428000.5", 1_795_428_000_500),
        (1_795_428_000_123, 1_795_428_000_123),
        ("1795428000123456", 1_795_428_000_123),
        ("1795428000123456789", 1_795_428_000_123),
        (-1.5, -1_500),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("", None),
        ("23.11.2026", None),
        ("2026-13-01", None),
        ("nan", None),
        ("inf", None),
        (True, None),
        (None, None),
        ([], None),
        (1e300, None),
    ],
)
def test_cell_is_a_time(cell: Any, expected: int | None) -> None:
    """RFC 3339, dates with and without a time (UTC) and epoch numbers by magnitude are times, all else is not."""
    assert cell_time_ms(cell) == expected


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_event_time_is_read_back(ms: int) -> None:
    """What a replay writes as an event's time is the same millisecond to the daemon's own reader."""
    assert timestamp_ms(event_time(ms)) == ms


@given(st.integers(-(10**20), 10**20))
def test_epoch_numbers_are_told_apart_as_in_events(number: int) -> None:
    """An epoch number in a cell is the time that it would be in an event."""
    assert cell_time_ms(number) == timestamp_ms(number)
