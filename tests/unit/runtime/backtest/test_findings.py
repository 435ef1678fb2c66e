"""What became of injections, as drift events tell it."""

from driftd.runtime.backtest.findings import FIRING, Told, found_in, suspected_before
from driftd.values.keys import ColumnKey, Role

UPDATED, RESOLVED = (FIRING.replace("firing", kind) for kind in ("updated", "resolved"))
A, B, C = (ColumnKey(Role.FEATURE, name) for name in "abc")


def told(kind: str, incident: str, row: int, *suspects: ColumnKey) -> Told:
    """A drift event of a window that ends with a row."""
    return Told(kind, incident, 1_000 * (row + 1), row, frozenset(suspects))


def test_column_is_found_by_its_first_page_or_when_it_joins() -> None:
    """Others in the same incident do not count, nor does a second page."""
    page, joined = told(FIRING, "i", 199, A, C), told(UPDATED, "i", 299, A, B, C)
    again = told(FIRING, "j", 399, A, B)
    assert {A: page, B: joined} == found_in([page, joined, again], [A, B], 100)


def test_page_before_the_injection_does_not_find_it() -> None:
    """A column that was a suspect before and only stays one is not found; a new page finds it."""
    page, updated = told(FIRING, "i", 199, A), told(UPDATED, "i", 399, A, B)
    assert {B: updated} == found_in([page, updated], [A, B], 200)
    assert {A} == suspected_before([page, updated], [A, B], 200)
    second = told(FIRING, "j", 499, A)
    assert {A: second, B: updated} == found_in([page, updated, second], [A, B], 200)


def test_window_that_holds_the_injections_first_row_finds_it() -> None:
    """Its last row is that row or a later one."""
    page = told(FIRING, "i", 199, A)
    assert {A: page} == found_in([page], [A], 199)
    assert {} == found_in([page], [A], 200)


def test_column_that_left_can_be_found_again() -> None:
    """It was a suspect, left its incident before the injection, and joined it again."""
    events = [told(FIRING, "i", 99, A, B), told(UPDATED, "i", 199, B), told(UPDATED, "i", 399, A, B)]
    assert {A: events[2]} == found_in(events, [A, B], 200)
    assert {B} == suspected_before(events, [A, B], 200)


def test_incident_that_ended_suspects_nobody() -> None:
    """Its last drift event names the columns that left last: they are not found by it."""
    events = [told(FIRING, "i", 99, A), told(RESOLVED, "i", 199, A)]
    assert set() == suspected_before(events, [A], 200)
    assert {} == found_in(events, [A], 150)
