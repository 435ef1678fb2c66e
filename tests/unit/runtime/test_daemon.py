"""The parts of the daemon between the engine and the outside, and starts that fail."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Self

import orjson
import pytest
from runtime_doubles import P0, P1, FakeClock, Notes, NotingSink, book_of, pipeline_of, profile

from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.errors import BrokerUnreachable, DriftdError, SnapshotError
from driftd.kafka.start import Gap
from driftd.kafka.watch import Sighting
from driftd.logs.settings import LogSettings
from driftd.logs.stream import Log, open_log
from driftd.references.codec import profile_to_json
from driftd.runtime import ports
from driftd.runtime.clock import SystemClock
from driftd.runtime.daemon import run_daemon
from driftd.runtime.effects import Lost
from driftd.runtime.observatory import Board, Observatory
from driftd.runtime.ports import PolledTopics, SnapshotFile
from driftd.runtime.records import to_records
from driftd.runtime.requests import Requests
from driftd.snapshot.codec import decode, encode
from driftd.snapshot.store import StateDirectory
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from waiting import wait_for


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


def test_gaps_are_handed_on() -> None:
    """As Kafka tells them."""
    kafka = FakeKafka()
    kafka.gaps = (Gap(P0, 5, 12),)
    topics = PolledTopics(kafka, Journal().log)  # type: ignore[arg-type]  # Kafka by its shape
    assert topics.poll() == [Batch(P0, 7)]
    assert topics.take_gaps() == [Lost(P0, 5, 12)]


def test_records_lost_are_logged_and_counted() -> None:
    """Which, and how many of them had never been read: the others are counted as late."""
    journal = Journal()
    observatory = Observatory(
        pipeline_of(), Board(FakeClock()), lambda _: load_config(None, {}).incidents, None, journal.log.logger
    )
    observatory.missed(Lost(P0, 5, 12), 3)
    (line,) = journal.lines()
    assert line == {"event": "records lost", "partition": "predictions/0", "first": 5, "records": 7, "never_read": 3}
    assert observatory.totals.gap_records == {P0: 3}


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
    assert observatory.totals.checkpoint.last_bytes == len(data)


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
    made = observatory.totals.checkpoint
    assert (made.count, made.failures, made.last_success_ms) == (3, 0, 77)
    assert made.durations_seconds == (0.25, 0.25)


def torn_state(folder: Path) -> tuple[Config, bytes]:
    """A state directory with a torn snapshot, a configuration that names it, and the snapshot's bytes."""
    torn = encode({"sources": {}}, "1")[:-9]
    with StateDirectory(folder / "state") as opened:
        opened.write(torn)
    config = load_config(
        None,
        {},
        {
            "kafka": {"bootstrap_servers": "127.0.0.1:1", "group_id": "g", "topics": ["t"], "connect_timeout": "100ms"},
            "state": {"directory": str(folder / "state")},
            "http": {"listen": "127.0.0.1:0"},
        },
    )
    return config, torn


class Running:
    """A daemon on a thread of its own."""

    def __init__(self, config: Config, load: Callable[[], Config] | None = None) -> None:
        self.notes, self.journal, clock = Notes(), Journal(), SystemClock()
        self.board, self.requests = Board(clock), Requests()
        self.failure: DriftdError | None = None

        def body() -> None:
            try:
                run_daemon(
                    config,
                    self.journal.log,
                    clock,
                    self.requests,
                    sink=NotingSink(self.notes),
                    board=self.board,
                    load=load,
                )
            except DriftdError as error:
                self.failure = error

        self._thread = Thread(target=body, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.requests.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        wait_for(condition, "the daemon does as expected", 20)

    def events(self) -> list[object]:
        """What was logged so far."""
        return [line["event"] for line in self.journal.lines()]


def test_torn_snapshot_keeps_the_daemon_live_and_untouched(tmp_path: Path) -> None:
    """It says what is wrong and what to do, tells nobody anything, and leaves the snapshot as it is."""
    config, torn = torn_state(tmp_path)
    with Running(config) as daemon:
        daemon.until(lambda: "cannot go on" in daemon.events())
        (reason,) = daemon.board.view.not_ready
        assert re.search(r"is torn: .* start afresh with `driftd state reset`", reason)
        assert daemon.board.healthy()
    assert (daemon.failure, daemon.notes.effects) == (None, [])
    assert daemon.events() == ["listening", "cannot go on", "stopped"]
    with StateDirectory(tmp_path / "state") as again:
        assert again.read() == torn


def test_daemon_that_waits_lets_go_of_its_state(tmp_path: Path) -> None:
    """So it can be reset; the next attempt, which a reload makes at once, starts afresh."""
    config, _ = torn_state(tmp_path)
    with Running(config) as daemon:
        daemon.until(lambda: "cannot go on" in daemon.events())
        with StateDirectory(tmp_path / "state") as opened:
            assert opened.reset()
        daemon.requests.reload()
        daemon.until(lambda: daemon.failure is not None)
    assert isinstance(daemon.failure, BrokerUnreachable)  # nothing has ever worked here by now


def test_wrong_configuration_is_refused_while_waiting(tmp_path: Path) -> None:
    """The answer says why, and the former one stays in force."""
    config, _ = torn_state(tmp_path)

    def load() -> Config:
        return load_config(None, {}, {"windows": {"duration": "60"}})

    with Running(config, load) as daemon:
        daemon.until(lambda: "cannot go on" in daemon.events())
        failure = daemon.requests.reload().wait(20)
        assert failure is not None
        assert failure.startswith("windows.duration: '60' is not valid")
        assert daemon.board.view.reload.failure == failure
        assert "configuration not loaded" in daemon.events()


def test_what_cannot_change_is_refused(tmp_path: Path) -> None:
    """The message names the key, both values, and that a restart would do it."""
    config, _ = torn_state(tmp_path)

    def load() -> Config:
        return config.model_copy(update={"windows": config.windows.model_copy(update={"duration": 300_000})})

    with Running(config, load) as daemon:
        daemon.until(lambda: "cannot go on" in daemon.events())
        assert daemon.requests.reload().wait(20) == (
            "windows.duration: '5m' is not valid: needs a restart: it cannot change while driftd runs (1m)"
        )


def test_fresh_daemon_that_finds_no_broker_ends(tmp_path: Path) -> None:
    """What has never worked is most likely a mistake, and its supervisor shows it."""
    config, _ = torn_state(tmp_path)
    with StateDirectory(tmp_path / "state") as opened:
        opened.reset()
    with Running(config) as daemon:
        daemon.until(lambda: daemon.failure is not None)
    assert isinstance(daemon.failure, BrokerUnreachable)


def test_system_clock_tells_milliseconds() -> None:
    """Both clocks go forward; the wall clock counts from the epoch."""
    clock = SystemClock()
    first = clock.monotonic_ms()
    assert first <= clock.monotonic_ms()
    assert clock.wall_ms() > 1_700_000_000_000
