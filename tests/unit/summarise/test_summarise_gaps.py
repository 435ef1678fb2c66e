"""What is open for a partition, and what becomes of it where records are gone or judged otherwise at re-reading."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.references.profile import ColumnProfile, Profile
from driftd.summarise.choice import VARIABLE, kernel_in_use
from driftd.summarise.seam import Summariser
from driftd.summarise.settings import TopicSettings
from driftd.summarise.stage import SummariseStage
from driftd.values.batch import Batch
from driftd.values.keys import ColumnKey, Kind, Role, SourcePartition
from driftd.values.part import Gap, Ledger, Part
from driftd.values.settings import LimitSettings, WindowSettings
from kernels import NAMES

SOURCE = SourcePartition("events", 0)
WINDOWS = WindowSettings.model_validate({"duration": "10s", "lateness": "5s"})
COLUMN = ColumnProfile(ColumnKey(Role.FEATURE, "x"), Kind.NUMERIC, 4, 0, 0, (1,) * 4, (0.0, 1.0, 2.0), (0, 1, 2, 3))
PROFILE = Profile("any", "", 4, (COLUMN,), binning_id="b", reference_id="r")
BASE = 1_700_000_000


@pytest.fixture(params=NAMES, scope="module", autouse=True)
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let every test run with each kernel."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(VARIABLE, request.param)
        yield


def stage(name_length: int = 200) -> SummariseStage:
    """A stage whose summarisers know one profile."""

    def make(source: SourcePartition) -> Summariser:
        limits = LimitSettings(name_length=name_length)
        return kernel_in_use().make(source, TopicSettings(), WINDOWS, limits, lambda *_: PROFILE)

    return SummariseStage(make, WINDOWS)


def event(second: int, model: str = "a") -> bytes:
    """An event so many seconds after a window's start."""
    return json.dumps({"model": model, "timestamp": BASE + second}).encode()


def batch(first: int, *values: bytes, drained: bool = False) -> Batch:
    """Records at consecutive offsets."""
    end = first + len(values)
    return Batch(SOURCE, end, range(first, end), values, drained=drained)


def ms(second: int) -> int:
    """So many seconds after a window's start."""
    return (BASE + second) * 1_000


def read_before(*values: bytes) -> Ledger:
    """The ledger of an earlier life."""
    former = stage()
    former.start(Ledger(SOURCE, 0, 0))
    return former.read(batch(0, *values))[1]


def summed(parts: list[Part]) -> list[int]:
    """How many events each part holds."""
    return [part.events for part in parts]


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=40), st.integers(1, 9))
def test_open_events_are_those_in_open_windows(drawn: list[tuple[int, bool]], size: int) -> None:
    """After every batch: what was read, and was neither late nor rejected nor has passed. It is what is read again."""
    reading = stage()
    reading.start(Ledger(SOURCE, 0, 0))
    values = [event(second) if sound else b"?" for second, sound in drawn]
    handed_on = 0
    for first in range(0, len(values), size):
        parts, ledger = reading.read(batch(first, *values[first : first + size]))
        handed_on += sum(summed(parts))
        assert ledger.open_events == ledger.read - ledger.late - sum(ledger.rejected.values()) - handed_on
        again = stage()
        again.start(ledger)
        _, after = again.read(batch(ledger.rewind, *values[ledger.rewind : ledger.position]))
        assert after == ledger


def test_reading_again_without_a_loss_counts_nothing_as_lost() -> None:
    """Nor does anything count as read twice."""
    ledger = read_before(event(1), event(2), event(11), b"?")
    again = stage()
    again.start(ledger)
    parts, after = again.read(batch(0, event(1), event(2), event(11), b"?"))
    assert again.recounted
    assert (summed(parts), after) == ([2, 1], ledger)


def test_what_cannot_be_summed_again_is_lost() -> None:
    """It is counted when the position is reached, whatever part of the records was left."""
    ledger = read_before(event(1), event(2), event(11))
    again = stage()
    again.start(ledger)
    again.gap(SOURCE, 0, 2)
    parts, after = again.read(batch(2, event(11)))
    assert (summed(parts), after.lost, after.open_events, after.rewind) == ([1], 2, 1, 2)
    assert after.gap == Gap(ms(6), ms(11))
    assert again.read(batch(3, event(12)))[1].lost == 2


def test_batch_is_cut_where_reading_again_ends() -> None:
    """So that what was read before is recounted by itself."""
    ledger = read_before(event(1), event(2))
    again = stage()
    again.start(ledger)
    whole = batch(1, event(2), event(3), event(4), drained=True)
    pieces = again.cut(whole)
    assert [(list(piece.offsets), piece.position, piece.drained) for piece in pieces] == [
        ([1], 2, False),
        ([2, 3], 4, True),
    ]
    told = [(*again.read(piece), again.recounted) for piece in pieces]
    assert [(summed(parts), after.lost, recounted) for parts, after, recounted in told] == [
        ([1], 1, True),
        ([3], 1, False),
    ]
    assert again.cut(whole) == (whole,)


def test_batch_behind_the_position_is_preceded_by_an_empty_one() -> None:
    """Nothing is left to be read again: the loss is told before anything new."""
    again = stage()
    again.start(read_before(event(1), event(2)))
    assert [list(piece.offsets) for piece in again.cut(batch(2, event(3)))] == [[], [2]]


def test_gap_beyond_the_position_loses_all_that_is_not_summed_again() -> None:
    """Reading stands behind it at once; how far its windows reach the first event there says."""
    ledger = read_before(event(1), event(2), event(11))
    again = stage()
    again.start(ledger)
    parts, after = again.gap(SOURCE, 0, 9)
    assert again.recounted
    assert (parts, after.lost, after.position, after.rewind, after.open_events) == ([], 3, 9, 9, 0)
    assert after.gap == Gap(ms(6), None)
    assert again.read(batch(9, event(32)))[1].gap == Gap(ms(6), ms(37))


def test_gap_while_running_loses_nothing_that_was_read() -> None:
    """What is open is in memory: it stays, and must be read again after a restart."""
    running = stage()
    running.start(Ledger(SOURCE, 0, 0))
    running.read(batch(0, event(1), event(2)))
    _, after = running.gap(SOURCE, 2, 5)
    assert not running.recounted
    assert (after.lost, after.position, after.rewind, after.open_events) == (0, 5, 0, 2)
    parts, _ = running.read(batch(5, event(30)))
    assert summed(parts) == [2]


def test_late_event_does_not_say_how_far_a_gap_reaches() -> None:
    """Nor does what is rejected: the first event that is in time does."""
    running = stage()
    running.start(Ledger(SOURCE, 0, 0))
    running.read(batch(0, event(40)))
    running.gap(SOURCE, 1, 5)
    assert running.read(batch(5, event(1), b"?"))[1].gap == Gap(ms(35), None)
    assert running.read(batch(7, event(52)))[1].gap == Gap(ms(35), ms(57))


def test_gap_is_told_until_its_windows_have_passed() -> None:
    """With its bound at least once, even if the events behind it pass it at once."""
    running = stage()
    running.start(Ledger(SOURCE, 0, 0))
    running.gap(SOURCE, 0, 5)
    assert running.read(batch(5, event(1), event(100)))[1].gap == Gap(None, ms(6))
    assert running.read(batch(7, event(100)))[1].gap is None


@pytest.mark.parametrize(("second", "since"), [(6, -4), (100, 95)])
def test_gaps_whose_windows_meet_are_one(second: int, since: int) -> None:
    """Where the windows of the first have not all passed, both are told as one; else it is left behind."""
    running = stage()
    running.start(Ledger(SOURCE, 0, 0))
    running.read(batch(0, event(1)))
    running.gap(SOURCE, 1, 5)
    running.read(batch(5, event(8)))
    running.read(batch(6, event(second)))
    _, after = running.gap(SOURCE, 7, 9)
    assert after.gap == Gap(ms(since), None)


def test_gap_before_what_must_be_read_again_is_none() -> None:
    """Records that somebody else wanted to see again may be gone."""
    ledger = read_before(event(1), event(21), event(22))
    assert ledger.rewind == 1
    again = stage()
    again.start(ledger)
    assert again.gap(SOURCE, 0, 1) == ([], ledger)


def test_event_that_was_rejected_and_is_summed_now_counts_as_read_again() -> None:
    """Under other settings: else more would be counted than was read."""
    long = "a" * 20
    former = stage(name_length=10)
    former.start(Ledger(SOURCE, 0, 0))
    _, ledger = former.read(batch(0, event(1), event(2, long)))
    assert (ledger.read, ledger.open_events) == (2, 1)
    again = stage()
    again.start(ledger)
    _, after = again.read(batch(0, event(1), event(2, long)))
    assert (after.read, after.open_events, after.lost) == (3, 2, 0)


def test_ledger_of_the_first_release_learns_what_is_open() -> None:
    """It takes for whole what it finds: what had been lost before cannot be known."""
    ledger = replace(read_before(event(1), event(2)), open_events=None)
    again = stage()
    again.start(ledger)
    _, after = again.read(batch(1, event(2)))
    assert (after.open_events, after.lost) == (1, 0)
    at_its_end = stage()
    at_its_end.start(Ledger(SOURCE, 5, 5, open_events=None))
    assert at_its_end.read(batch(5, event(3)))[1].open_events == 1
