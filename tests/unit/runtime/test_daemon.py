"""The parts of the daemon between the engine and the outside, and a start that fails."""

from collections.abc import Collection, Iterator, Mapping
from io import StringIO
from pathlib import Path
from threading import Event

import orjson
import pytest
from runtime_doubles import P0, P1, FakeClock, Notes, NotingSink, book_of, pipeline_of, profile

from driftd.config.load import load_config
from driftd.errors import SnapshotError, SnapshotTorn
from driftd.kafka.start import Gap
from driftd.kafka.watch import Sighting
from driftd.logs.settings import LogSettings
from driftd.logs.stream import Log, open_log
from driftd.references.codec import profile_to_json
from driftd.runtime import ports
from driftd.runtime.clock import SystemClock
from driftd.runtime.daemon import run_daemon
from driftd.runtime.observatory import Board, Observatory
from driftd.runtime.ports import PolledTopics, SnapshotFile
from driftd.runtime.records import to_records
from driftd.snapshot.codec import decode, encode
from driftd.snapshot.store import StateDirectory
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition


class Journal:
    """A log whose lines can be read."""

    def __init__(self) -> None:
        self._stream = StringIO()
        self.log: Log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=self._stream)

    def lines(self) -> list[dict[str, object]]:
        """The lines so far, without time and level."""
        documents = [orjson.loads(line) for line in self._stream.getvalue().splitlines()]
        return [{k: v for k, v in one.items() if k not in {"timestamp", "level"}} for one in documents]


class FakeKafka:
    """What the daemon asks of Kafka, noted."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, frozenset[SourcePartition]]] = []
        self.gaps: tuple[Gap, ...] = ()
        self.committed: Mapping[SourcePartition, int] = {}

    def poll(self, _seconds: float) -> list[Batch]:
        """Return one empty batch."""
        return [Batch(P0, 7)]

    def take_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps."""
        return self.gaps

    def discover(self) -> Sighting:
        """Return a new partition, and one that cannot be reached."""
        return Sighting({P1: 3}, frozenset({P0}))

    def pause(self, sources: Collection[SourcePartition]) -> None:
        """Take note."""
        self.asked.append(("pause", frozenset(sources)))

    def resume(self, sources: Collection[SourcePartition]) -> None:
        """Take note."""
        self.asked.append(("resume", frozenset(sources)))

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Take note."""
        self.committed = positions


def test_exactly_these_partitions_are_paused() -> None:
    """Those no longer named go on, those newly named stop, the others are left alone."""
    kafka, journal = FakeKafka(), Journal()
    topics = PolledTopics(kafka, journal.log)  # type: ignore[arg-type]  # Kafka by its shape
    for wanted in ({P0}, {P0, P1}, {P1}, set[SourcePartition]()):
        kafka.asked.clear()
        before = topics._paused
        topics.pause(frozenset(wanted))
        assert kafka.asked == [("resume", before - wanted), ("pause", frozenset(wanted) - before)]


def test_records_lost_to_retention_are_logged() -> None:
    """How many, and where."""
    kafka, journal = FakeKafka(), Journal()
    kafka.gaps = (Gap(P0, 5, 12),)
    topics = PolledTopics(kafka, journal.log)  # type: ignore[arg-type]  # Kafka by its shape
    assert topics.poll() == [Batch(P0, 7)]
    assert journal.lines() == [{"event": "records lost to retention", "partition": "predictions/0", "records": 7}]


def test_new_partitions_are_logged_and_handed_on() -> None:
    """With where they begin."""
    kafka, journal = FakeKafka(), Journal()
    found = PolledTopics(kafka, journal.log).discover()  # type: ignore[arg-type]  # Kafka by its shape
    assert (found.new, found.unreachable) == ({P1: 3}, frozenset({P0}))
    assert journal.lines() == [{"event": "partition found", "partition": "predictions/1", "offset": 3}]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    """A state directory with two kept references."""
    with StateDirectory(tmp_path / "state") as opened:
        for one in (profile(), profile("ads")):
            opened.keep_reference(one.reference_id, profile_to_json(one))
        yield opened


def test_checkpoint_writes_the_records_and_drops_references_it_no_longer_names(state: StateDirectory) -> None:
    """What the snapshot names is kept beside it, and nothing else."""
    pipeline = pipeline_of(book=book_of(profile()))
    clock = FakeClock()
    observatory = Observatory(
        pipeline, Board(clock), lambda _: load_config(None, {}).incidents, None, Journal().log.logger
    )
    records = to_records(pipeline)
    SnapshotFile(state, clock, observatory).save(records)
    data = state.read() or b""
    assert decode(data, "snapshot") == orjson.loads(orjson.dumps(records))
    assert state.reference(profile().reference_id) == profile_to_json(profile())
    with pytest.raises(SnapshotError):
        state.reference(profile("ads").reference_id)
    assert observatory.checkpoint.last_bytes == len(data)


def test_checkpoints_are_counted_and_timed(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest durations are kept, oldest first; the time of the last one is the wall clock's."""
    monkeypatch.setattr(ports, "DURATIONS_KEPT", 2)

    class Slow(FakeClock):
        """A clock on which each look takes a quarter of a second."""

        def monotonic_ms(self) -> int:
            self.monotonic += 250
            return self.monotonic

    pipeline, clock = pipeline_of(), Slow(wall_ms=77)
    observatory = Observatory(
        pipeline, Board(clock), lambda _: load_config(None, {}).incidents, None, Journal().log.logger
    )
    store = SnapshotFile(state, clock, observatory)
    for _ in range(3):
        store.save(to_records(pipeline))
    made = observatory.checkpoint
    assert (made.count, made.failures, made.last_success_ms) == (3, 0, 77)
    assert made.durations_seconds == (0.25, 0.25)


def test_torn_snapshot_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    """The daemon says why it does not start, tells nobody anything, and leaves the snapshot as it is."""
    with StateDirectory(tmp_path / "state") as opened:
        opened.write(encode({"sources": {}}, "1")[:-9])
    config = load_config(
        None,
        {},
        {
            "kafka": {"bootstrap_servers": "127.0.0.1:1", "group_id": "g", "topics": ["t"]},
            "state": {"directory": str(tmp_path / "state")},
            "http": {"listen": "127.0.0.1:0"},
        },
    )
    notes, journal, clock = Notes(), Journal(), SystemClock()
    board = Board(clock)
    with pytest.raises(SnapshotTorn, match=r"is torn: .* start afresh with `driftd state reset`"):
        run_daemon(config, journal.log, clock, Event(), sink=NotingSink(notes), board=board)
    assert notes.effects == []
    assert board.view.not_ready == ("restoring state",)
    assert [line["event"] for line in journal.lines()] == ["listening"]
    with StateDirectory(tmp_path / "state") as again:
        assert again.read() == encode({"sources": {}}, "1")[:-9]


def test_system_clock_tells_milliseconds() -> None:
    """Both clocks go forward; the wall clock counts from the epoch."""
    clock = SystemClock()
    first = clock.monotonic_ms()
    assert first <= clock.monotonic_ms()
    assert clock.wall_ms() > 1_700_000_000_000
