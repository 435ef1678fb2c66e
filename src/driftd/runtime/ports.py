"""The engine's ports in a running daemon: Kafka as its source, the state directory as its store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from driftd import __version__
from driftd.kafka.source import KafkaSource
from driftd.logs.stream import Log
from driftd.runtime.clock import Clock
from driftd.runtime.effects import Discovery, Lost
from driftd.runtime.observatory import Observatory
from driftd.snapshot.codec import encode
from driftd.snapshot.store import StateDirectory
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from driftd.values.state import State

POLL_SECONDS = 0.2
DURATIONS_KEPT = 1_000


class PolledTopics:
    """Kafka as the engine's source."""

    def __init__(self, kafka: KafkaSource, log: Log) -> None:
        self._kafka = kafka
        self._log = log
        self._paused: frozenset[SourcePartition] = frozenset()

    def poll(self) -> list[Batch]:
        """Return what has come, after a fifth of a second at most."""
        return self._kafka.poll(POLL_SECONDS)

    def take_gaps(self) -> Sequence[Lost]:
        """Return the gaps met since the last call."""
        return [Lost(*gap) for gap in self._kafka.take_gaps()]

    def discover(self) -> Discovery:
        """Return new partitions and unreachable ones."""
        sighting = self._kafka.discover()
        for source, start in sorted(sighting.found.items()):
            self._log.logger.info("partition found", partition=str(source), offset=start)
        return Discovery(sighting.found, sighting.unreachable)

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        """Pause exactly these partitions."""
        self._kafka.resume(self._paused - sources)
        self._kafka.pause(sources - self._paused)
        self._paused = sources

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Commit positions to the group."""
        self._kafka.commit(positions)


class SnapshotFile:
    """The state directory as the engine's store; keeps the figures of its checkpoints."""

    def __init__(self, state: StateDirectory, clock: Clock, observatory: Observatory) -> None:
        self._state = state
        self._clock = clock
        self._observatory = observatory

    def save(self, records: Mapping[str, State]) -> None:
        """Write a snapshot, and drop the references that it no longer names."""
        began_ms = self._clock.monotonic_ms()
        data = encode(records, __version__)
        self._state.write(data)
        self._state.forget_references(
            frozenset(name for item in records["references"]["sets"] for name in item["profiles"])
        )
        before = self._observatory.totals.checkpoint
        took = (self._clock.monotonic_ms() - began_ms) / 1000
        self._observatory.totals.checkpoint = replace(
            before,
            count=before.count + 1,
            last_success_ms=self._clock.wall_ms(),
            durations_seconds=(*before.durations_seconds, took)[-DURATIONS_KEPT:],
            last_bytes=len(data),
        )
