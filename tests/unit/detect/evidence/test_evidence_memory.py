"""The memory of a monitor's evidence: restored at any window it says the same ever after, byte for byte."""

import json
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftd.detect.evidence.monitor import MonitorEvidence
from driftd.detect.observed import Observed
from evidence_world import BINS, JOIN_WINDOWS, MINUTE_MS, Table, Watch, World, minute

COLUMNS = 3


class Phase(NamedTuple):
    """Some windows in which the columns are off by these many standard deviations, or are not there (None)."""

    windows: int
    shifts: tuple[float | None, ...]


PHASES = st.lists(
    st.builds(Phase, st.integers(1, 12), st.tuples(*[st.sampled_from([0.0, 0.0, 0.3, 1.5, -1.0, None])] * COLUMNS)),
    min_size=1,
    max_size=6,
)
#: Three drifts, of which one joins another; the first two columns return.
EVENTFUL = [
    Phase(5, (0.0, 0.0, 0.0)),
    Phase(3, (2.0, 0.0, 0.0)),
    Phase(4, (2.0, 1.5, 0.0)),
    Phase(20, (0.0, 0.0, 0.0)),
    Phase(20, (0.0, 0.0, -1.0)),
    Phase(5, (0.0, None, -2.0)),
    Phase(70, (0.0, 0.0, -2.0)),
]


def windows(world: World, phases: list[Phase]) -> list[Table]:
    """Draw the windows of these phases."""
    out = []
    for phase in phases:
        for _ in range(phase.windows):
            drawn = world.window(np.array([shift or 0.0 for shift in phase.shifts]), missing=0.02)
            out.append([one for one in drawn if phase.shifts[one[0]] is not None])
    return out


def bytes_of(evidence: MonitorEvidence) -> bytes:
    """Write the memory as a snapshot does."""
    return json.dumps(evidence.to_state(), allow_nan=False, sort_keys=True).encode()


def check(world: World, stream: list[Table], restart: int) -> None:
    """Follow a stream undisturbed, and restarted after so many windows; expect the same words and bytes."""
    undisturbed = MonitorEvidence(world.baselines, MINUTE_MS)
    restarted = MonitorEvidence(world.baselines, MINUTE_MS)
    for number, observed in enumerate(stream):
        if number == restart:
            memory = bytes_of(restarted)
            restarted = MonitorEvidence(world.baselines, MINUTE_MS)
            restarted.restore(json.loads(memory))
            assert bytes_of(restarted) == memory
        said = (one.observe(observed, minute(number), 300.0, 0) for one in (undisturbed, restarted))
        assert next(said) == next(said)
        assert number % 8 or bytes_of(restarted) == bytes_of(undisturbed)
    assert bytes_of(restarted) == bytes_of(undisturbed)


@given(PHASES, st.integers(0, 60), st.integers(0, 3), st.sampled_from([(30, False), (30, True), (45, True)]))
@settings(max_examples=15)
def test_a_restart_at_any_window_changes_nothing(
    phases: list[Phase], restart: int, seed: int, reference: tuple[int, bool]
) -> None:
    """With drifts, returns, windows without a column, and while it still learns how much windows depend."""
    blocks, ordered = reference
    world = World(seed, COLUMNS, blocks=blocks, ordered=ordered, missing=0.02)
    check(world, windows(world, phases), restart)


@pytest.mark.parametrize("restart", [5, 6, 8, 10, 18, 19, 22, 30, 54, 60, 66, 90, 120])
def test_a_restart_amid_pages_joins_and_returns_changes_nothing(restart: int) -> None:
    """At windows right before and after what happens in an eventful stream."""
    world = World(11, COLUMNS, blocks=50, missing=0.02)
    check(world, windows(world, EVENTFUL), restart)


def test_the_eventful_stream_is_eventful() -> None:
    """It has a page, a column that joins it, columns that come back, and pages after it."""
    world = World(11, COLUMNS, blocks=50, missing=0.02)
    watch = Watch(world.baselines, 300.0)
    alarms: list[tuple[int, int]] = []
    for number, observed in enumerate(windows(world, EVENTFUL)):
        said = watch.observe(observed).columns
        alarms.extend((number, at) for at, one in said.items() if one.alarm)
    assert alarms[0][1] == 0
    assert alarms[1][1] == 1
    assert alarms[1][0] - alarms[0][0] <= JOIN_WINDOWS
    assert {column for _, column in watch.recovered} >= {0, 1}
    assert len(watch.pages) >= 2
    assert 2 in watch.pages[1].columns


def test_what_a_monitor_says_is_its_own() -> None:
    """Two monitors against one reference share nothing: the windows of one leave the other as it was."""
    world = World(12, COLUMNS, blocks=50)
    stream, other = windows(world, EVENTFUL), windows(world, EVENTFUL[3:])
    alone, together, neighbour = (MonitorEvidence(world.baselines, MINUTE_MS) for _ in range(3))
    for number, observed in enumerate(stream[:60]):
        neighbour.observe(other[number], minute(number), 100.0, 0)
        assert together.observe(observed, minute(number), 300.0, 0) == alone.observe(observed, minute(number), 300.0, 0)
    assert bytes_of(together) == bytes_of(alone)


def test_what_is_told_of_the_window_is_not_kept() -> None:
    """The arrays of a window belong to who hands them in: writing to them later changes nothing."""
    world = World(13, COLUMNS, blocks=50)
    kept, lent = (MonitorEvidence(world.baselines, MINUTE_MS) for _ in range(2))
    for number in range(20):
        drawn = world.window(0.3)
        copied = [(at, Observed(one.header, one.counts.copy())) for at, one in drawn]
        kept.observe(drawn, minute(number), 300.0, 0)
        lent.observe(copied, minute(number), 300.0, 0)
        for _, one in copied:
            one.counts[:] = BINS
    assert bytes_of(lent) == bytes_of(kept)
