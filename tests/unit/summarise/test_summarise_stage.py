"""The stage's ledgers, and recovery from any of them: the parts and counts of an uncut run, exactly."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftd.references.profile import ColumnProfile, Profile
from driftd.summarise.choice import VARIABLE, kernel_in_use
from driftd.summarise.seam import Summariser
from driftd.summarise.settings import TopicSettings
from driftd.summarise.stage import REFUSED_RUNS_KEPT, SummariseStage, refused_runs
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import ColumnKey, Kind, Reason, Role, SourcePartition
from driftd.values.part import Ledger, Part, PartKey, Refused
from driftd.values.settings import LimitSettings, WindowSettings
from kernels import NAMES

SOURCE = SourcePartition("events", 3)
WINDOWS = WindowSettings(duration="10s", lateness="5s", max_skew="60s")
CLOCK_MS = 1_000_000
LATER_MS = CLOCK_MS * 1_000
NUMBER = ColumnProfile(ColumnKey(Role.FEATURE, "x"), Kind.NUMERIC, 4, 0, 0, (1,) * 4, (0.0, 1.0, 2.0), (0, 1, 2, 3))
TOWN = ColumnProfile(ColumnKey(Role.FEATURE, "y"), Kind.CATEGORICAL, 2, 0, 0, (1, 1), categories=("a",))
PROFILE = Profile("any", "", 4, (NUMBER, TOWN), binning_id="b", reference_id="r")

Record = tuple[int, bytes | None]


@pytest.fixture(params=NAMES, scope="module", autouse=True)
def kernel(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let every test run with each kernel."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(VARIABLE, request.param)
        yield


def _stage(monitors: int = 2) -> SummariseStage:
    def make(source: SourcePartition) -> Summariser:
        limits = LimitSettings(monitors=monitors)
        return kernel_in_use().make(
            source, TopicSettings(), WINDOWS, limits, lambda model, *_: None if model == "unwatched" else PROFILE
        )

    return SummariseStage(make, WINDOWS)


def _event(model: str, at_ms: int, **features: Any) -> bytes:
    return json.dumps({"model": model, "timestamp": f"{_text(at_ms)}", "features": features}).encode()


def _text(at_ms: int) -> str:
    minutes, ms = divmod(at_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"1970-01-01T{hours:02}:{minutes:02}:{ms // 1000:02}.{ms % 1000:03}Z"


def _batch(records: Sequence[Record], position: int, *, clock_ms: int = CLOCK_MS, drained: bool = False) -> Batch:
    offsets = [offset for offset, _ in records]
    values = [value for _, value in records]
    stamps = [10 * CLOCK_MS] * len(records)  # the producers' clocks run far ahead: only ours can refuse
    return Batch(SOURCE, position, offsets, values, stamps, RecordTime.CREATE, clock_ms, drained)


@dataclass
class _Merged:
    """What merging would know: the fullest part of every key, and the last ledger."""

    ledger: Ledger
    parts: dict[PartKey, Part] = field(default_factory=dict)

    def take(self, parts: Sequence[Part], ledger: Ledger) -> None:
        for part in parts:
            known = self.parts.get(part.key)
            if known is None or part.last_offset > known.last_offset:
                self.parts[part.key] = part
        self.ledger = ledger


def _read_on(stage: SummariseStage, merged: _Merged, log: Sequence[Record], size: int, batches: int | None) -> None:
    """Start where the ledger says and read so many batches, or to the end of the log."""
    stage.start(merged.ledger)
    counted_from, begin = merged.ledger.position, merged.ledger.rewind
    left = [record for record in log if record[0] >= begin]
    end = log[-1][0] + 1
    number = 0
    while batches is None or number < batches:
        number += 1
        chunk, left = left[:size], left[size:]
        position = left[0][0] if left else end  # the next record there is: offsets may have gaps
        reread = bool(chunk) and chunk[-1][0] < counted_from
        clock_ms = LATER_MS if reread else CLOCK_MS
        merged.take(*stage.read(_batch(chunk, position, clock_ms=clock_ms, drained=not left)))
        if not left:
            return


EVENTS = st.builds(
    _event,
    st.sampled_from(["a", "b", "c", "unwatched"]),
    st.one_of(st.integers(0, 60_000), st.integers(CLOCK_MS + 55_000, CLOCK_MS + 65_000)),
    x=st.sampled_from([None, 0.5, 3, "text"]),
    y=st.sampled_from(["a", "new", "newer"]),
)
VALUES = st.one_of(EVENTS, EVENTS, EVENTS, st.just(b"?"), st.none())
LOGS = st.lists(st.tuples(st.integers(1, 3), VALUES), min_size=1, max_size=40).map(
    lambda drawn: [(sum(gap for gap, _ in drawn[: i + 1]), value) for i, (_, value) in enumerate(drawn)]
)
#: Lives that end early: the size of their batches, and how many they read.
LIVES = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 8)), max_size=4)
TRAP = [(0, _event("a", 15_000)), (1, _event("a", 5_000)), (2, _event("a", 6_000)), (3, None)]


@settings(deadline=None, max_examples=300)
@given(LOGS, LIVES, st.integers(1, 50))
@example(TRAP, [(3, 1)], 9)
def test_restart_from_any_ledger_changes_nothing(log: list[Record], lives: list[tuple[int, int]], size: int) -> None:
    """However often a life ends and the next starts from the last ledger, parts and counts are the uncut run's."""
    uncut = _Merged(Ledger(SOURCE, 0, 0))
    _read_on(_stage(), uncut, log, size, None)
    cut = _Merged(Ledger(SOURCE, 0, 0))
    for batch_size, batches in lives:
        _read_on(_stage(), cut, log, batch_size, batches)
    _read_on(_stage(), cut, log, size, None)

    assert cut.parts == uncut.parts
    assert cut.ledger == uncut.ledger
    assert sum(p.events for p in uncut.parts.values()) == (
        uncut.ledger.read - uncut.ledger.late - sum(uncut.ledger.rejected.values())
    )


def test_ledger_rewinds_to_the_least_first_offset() -> None:
    """The oldest open window may have been opened last: the rewind is the least offset, not the oldest window's."""
    stage = _stage()
    stage.start(Ledger(SOURCE, 0, 0))

    _, ledger = stage.read(_batch(TRAP[:3], 3))

    assert (ledger.rewind, ledger.position, ledger.watermark_ms) == (0, 3, 10_000)


def test_ledger_without_open_windows_rewinds_to_its_position() -> None:
    """Where nothing is open nothing is read again."""
    stage = _stage()
    stage.start(Ledger(SOURCE, 5, 5))

    _, ledger = stage.read(_batch([(5, b"?"), (6, None)], 9))

    assert ledger == Ledger(SOURCE, 9, 9, read=2, rejected={Reason.MALFORMED: 1, Reason.TOMBSTONE: 1})
    assert [(rejection.offset, rejection.reason) for rejection in stage.rejected] == [
        (5, Reason.MALFORMED),
        (6, Reason.TOMBSTONE),
    ]


def test_passed_windows_are_handed_on_and_open_ones_only_when_drained() -> None:
    """A part leaves when its window has passed, or when the partition's end is seen."""
    stage = _stage()
    stage.start(Ledger(SOURCE, 0, 0))

    early, _ = stage.read(_batch([(0, _event("a", 1_000)), (1, _event("a", 14_999))], 2))
    passed, _ = stage.read(_batch([(2, _event("a", 15_000))], 3))
    drained, ledger = stage.read(_batch([], 3, drained=True))
    again, _ = stage.flush(SOURCE)

    assert early == []
    assert [(p.key.window.start_ms, p.events) for p in passed] == [(0, 1)]
    assert [(p.key.window.start_ms, p.events) for p in drained] == [(10_000, 2)]
    assert again == []
    assert ledger.drained


def test_flush_hands_on_what_grew() -> None:
    """At the end of a file or of the process all that was summed can be handed on."""
    stage = _stage()
    stage.start(Ledger(SOURCE, 0, 0))
    _, read = stage.read(_batch([(0, _event("a", 1_000))], 1))

    parts, ledger = stage.flush(SOURCE)

    assert [part.events for part in parts] == [1]
    assert ledger == read


def test_ledger_stands_still_while_rereading() -> None:
    """Until the position is reached again a ledger of the past would lose what is known."""
    stage = _stage()
    stage.start(Ledger(SOURCE, 0, 0))
    _, before = stage.read(_batch(TRAP, 4))
    stage.start(before)

    _, empty = stage.read(_batch([], 0))
    _, half = stage.read(_batch(TRAP[:2], 2, clock_ms=LATER_MS))
    _, whole = stage.read(_batch(TRAP[2:], 4, clock_ms=LATER_MS))

    assert (empty, half, whole) == (before, before, before)


def test_watermark_never_falls() -> None:
    """A batch of old events leaves the watermark where it was."""
    stage = _stage()
    stage.start(replace(Ledger(SOURCE, 0, 0), watermark_ms=20_000))

    _, ledger = stage.read(_batch([(0, _event("a", 1_000))], 1))

    assert (ledger.watermark_ms, ledger.late) == (20_000, 1)


def test_own_clock_s_refusals_are_remembered_while_they_can_be_reread() -> None:
    """Refused offsets are kept from the rewind on, and forgotten with it."""
    ahead = _event("a", CLOCK_MS + 60_001)
    stage = _stage()
    stage.start(Ledger(SOURCE, 0, 0))

    _, before = stage.read(_batch([(0, ahead), (1, _event("a", 1_000)), (2, ahead), (3, ahead), (5, ahead)], 6))
    _, after = stage.read(_batch([(6, _event("a", 40_000))], 7))

    assert (before.rewind, before.refused) == (1, (Refused(2, 3), Refused(5, 5)))
    assert (after.rewind, after.refused) == (6, ())
    assert after.rejected == {Reason.FUTURE: 4}


def test_runs_are_cut_at_the_rewind_and_bounded() -> None:
    """A run that began before the rewind is cut; of too many runs the oldest go."""
    many = range(0, 2 * REFUSED_RUNS_KEPT + 20, 2)

    assert refused_runs([Refused(0, 9)], [10, 12], 5) == (Refused(5, 10), Refused(12, 12))
    assert refused_runs([], many, 0) == tuple(Refused(offset, offset) for offset in many[-REFUSED_RUNS_KEPT:])
