"""The limit on repeated lines."""

from hypothesis import given
from hypothesis import strategies as st

from driftd.logs.limit import RepeatLimit


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_first_lines_of_an_interval_pass() -> None:
    """Up to ``first`` lines of a name pass; further ones do not, until the interval is over."""
    clock = Clock()
    limit = RepeatLimit(clock, first=2, interval_seconds=60)
    assert [limit.admit("a") for _ in range(4)] == [0, 0, None, None]
    clock.now = 59.9
    assert limit.admit("a") is None
    clock.now = 60.0
    assert [limit.admit("a") for _ in range(3)] == [3, 0, None]


def test_names_are_limited_each_for_itself() -> None:
    """One name's flood leaves the others alone."""
    limit = RepeatLimit(Clock(), first=1)
    assert [limit.admit("a"), limit.admit("a"), limit.admit("b")] == [0, None, 0]


def test_what_was_suppressed_is_told_without_a_further_line() -> None:
    """After the interval ``due`` names each flood once, and those without suppressed lines not at all."""
    clock = Clock()
    limit = RepeatLimit(clock, first=1, interval_seconds=60)
    for name in ("b", "b", "a", "a", "a", "quiet"):
        limit.admit(name)
    assert limit.due() == []
    clock.now = 60.0
    assert limit.due() == [("a", 2), ("b", 1)]
    assert limit.due() == []


def test_the_last_words_tell_running_intervals_too() -> None:
    """At the end of the process nothing suppressed stays untold."""
    limit = RepeatLimit(Clock(), first=1)
    limit.admit("a")
    limit.admit("a")
    assert limit.due(every=True) == [("a", 1)]


def test_the_memory_of_names_is_bounded() -> None:
    """Names beyond the bound push out those that have been quiet longest."""
    limit = RepeatLimit(Clock(), first=1)
    for number in range(1_001):
        limit.admit(str(number))
    assert limit.admit("1000") is None
    assert limit.admit("0") == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50)), max_size=80), st.integers(1, 4))
def test_every_line_passes_or_is_counted(lines: list[tuple[str, float]], first: int) -> None:
    """Passed and suppressed lines add up to all lines, whatever the times."""
    clock = Clock()
    limit = RepeatLimit(clock, first=first, interval_seconds=60)
    passed = told = 0
    for name, wait in lines:
        clock.now += wait
        suppressed = limit.admit(name)
        passed += suppressed is not None
        told += suppressed or 0
    told += sum(count for _, count in limit.due(every=True))
    assert passed + told == len(lines)
