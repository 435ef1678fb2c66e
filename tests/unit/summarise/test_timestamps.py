"""Event times against the datetime module and rational arithmetic; docs/events.md's table is tried in contract."""

import math
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.summarise.timestamps import EARLIEST_MS, LATEST_MS, timestamp_ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def _floor_ms(moment: datetime) -> int | None:
    ms = (moment - EPOCH) // timedelta(milliseconds=1)
    return ms if EARLIEST_MS <= ms <= LATEST_MS else None


@given(st.datetimes(), OFFSETS, st.sampled_from("Tt "))
def test_text_is_the_moment_floored_to_milliseconds(local: datetime, offset: timezone, separator: str) -> None:
    """What the datetime module writes is read as the same moment, before and after the epoch."""
    moment = local.replace(tzinfo=offset)

    assert timestamp_ms(moment.isoformat(sep=separator)) == _floor_ms(moment)


@given(st.text("0123456789-:+.TtZz ", min_size=15, max_size=35))
def test_text_that_is_read_is_also_a_moment_to_the_datetime_module(text: str) -> None:
    """Nothing is read that the more lenient standard library would not read as the same moment."""
    ms = timestamp_ms(text)

    assert ms is None or ms == _floor_ms(datetime.fromisoformat(text.upper()))


@given(st.integers(-(2**63), 2**64 - 1))
def test_integers_are_floored_exactly(written: int) -> None:
    """An integer is floored in exact arithmetic, in the unit that its magnitude tells."""
    unit = next((u for bound, u in ((11, 1), (14, 1_000), (17, 10**6)) if abs(written) < 10**bound), 10**9)
    ms = math.floor(Fraction(written, unit) * 1000)

    assert timestamp_ms(written) == (ms if EARLIEST_MS <= ms <= LATEST_MS else None)


@given(st.floats(-1e20, 1e20))
def test_doubles_are_within_their_rounding_of_the_exact_moment(written: float) -> None:
    """A fraction is read with one rounding: off by at most a millisecond while doubles can tell them apart."""
    unit = next((u for bound, u in ((1e11, 1), (1e14, 1_000), (1e17, 10**6)) if abs(written) < bound), 10**9)
    exact = Fraction(written) * 1000 / unit
    ms = timestamp_ms(written)

    if ms is None:
        assert not EARLIEST_MS + 1 <= exact <= LATEST_MS
    else:
        assert abs(ms - math.floor(exact)) <= 1


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_all_units_tell_the_same_moment(unit: int) -> None:
    """The same second in any unit, as integer or double, is the same event time."""
    assert timestamp_ms(1_700_000_000 * unit) == timestamp_ms(1.7e9 * unit) == 1_700_000_000_000
