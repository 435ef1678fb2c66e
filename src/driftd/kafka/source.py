"""Kafka topics as a source of batches: all their partitions, assigned and never subscribed to."""

from collections.abc import Callable, Collection, Mapping
from threading import Thread

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from structlog.typing import FilteringBoundLogger

from driftd.errors import SourceError
from driftd.kafka.client import open_consumer
from driftd.kafka.cluster import bounds_of
from driftd.kafka.commits import GroupCommits
from driftd.kafka.cut import Fault, cut
from driftd.kafka.failures import lasting_failure, lasting_failures
from driftd.kafka.opening import existing_topology, start_time_ms, starting_points
from driftd.kafka.patience import Patience
from driftd.kafka.reports import report_error
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.start import Gap, resume
from driftd.kafka.watch import LOOK_SECONDS, PartitionWatch, Sighting
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition

_BOUNDS_SECONDS = 2.0
_LAST_COMMIT_SECONDS = 2.0
_CLOSE_SECONDS = 2.0


class KafkaSource:
    """Reads all partitions of the configured topics, from known positions or from where the settings say.

    One thread calls it (the loop's); the client fetches on its own threads, within its bounds. ``instance``
    names this daemon across its restarts; ``clock`` is the wall clock in milliseconds. It logs what the
    client recovers from by itself, and raises a SourceError for what it does not.
    """

    def __init__(
        self, settings: KafkaSettings, instance: str, log: FilteringBoundLogger, clock: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._log = log
        self._clock = clock
        self._positions: dict[SourcePartition, int] = {}
        self._assigned: frozenset[SourcePartition] = frozenset()
        self._at_end: set[SourcePartition] = set()
        self._astray: set[SourcePartition] = set()
        self._gaps: list[Gap] = []
        self._failure: SourceError | None = None
        self._closed = False
        self._commits = GroupCommits(settings, instance, log, clock)
        self._consumer = open_consumer(settings, log, self._on_error, self._commits.acknowledged)
        self._watch = PartitionWatch(
            # what befalls this client befalls the reading one too, which reports it
            lambda: open_consumer(settings, log, on_error=lambda _: None),
            topics=tuple(settings.topics),
            interval_seconds=settings.discovery_interval / 1000,
            known=lambda: self._assigned,
        )

    # 1. start

    def start(
        self,
        positions: Mapping[SourcePartition, int],
        wait_seconds: float,
        reached: Mapping[SourcePartition, int] | None = None,
        heed: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin to read: each partition at its position, else where ``kafka.start`` says.

        A position below the first offset there still is continues from there and leaves a gap. Partitions
        without a leader and without a position are found later, by ``discover``. Raises UnknownTopic,
        NotAuthorised, PositionBeyondEnd, or BrokerUnreachable after ``wait_seconds``.
        ``reached`` tells how far each had been read before, where that is beyond its position. ``heed`` is
        called every two seconds at least while no broker answers; what it raises ends the wait.
        """
        settings, consumer = self._settings, self._consumer

        def raise_what_ends_it() -> None:
            heed()
            self._raise_failure()

        patience = Patience(consumer, settings, wait_seconds, raise_what_ends_it)
        topology = existing_topology(patience, consumer, settings.topics)
        start_ms = start_time_ms(settings.start, self._clock())
        start = starting_points(
            patience, consumer, topology, positions=positions, reached=reached or positions, start_ms=start_ms
        )
        self._gaps += start.gaps
        consumer.assign(_with_offsets(start.offsets))
        self._now_reading(start.offsets)
        self._watch.start()

    @property
    def partitions(self) -> frozenset[SourcePartition]:
        """The partitions that are being read."""
        return self._assigned

    @property
    def positions(self) -> Mapping[SourcePartition, int]:
        """The next offset that each partition's next batch may start at."""
        return dict(self._positions)

    # 2. read

    def poll(self, timeout_seconds: float) -> list[Batch]:
        """Return the next batches, at most ``kafka.batch_records`` records; empty if none came in time.

        Waits the whole time-out unless there are that many, and heeds no signal meanwhile. The end of a
        partition is a batch without records, ``drained``. A failure is raised by the call after the one
        that met it, so that no record is lost with it.
        """
        self._raise_failure()
        if self._astray:
            self._find_the_way_back()
        with lasting_failures("the topics"):
            messages = self._consumer.consume(self._settings.batch_records, timeout_seconds)
        if not messages:
            return []
        batches, faults = cut(messages, self._clock())
        for batch in batches:
            self._positions[batch.source] = batch.position
            if batch.drained:
                self._at_end.add(batch.source)
            else:
                self._at_end.discard(batch.source)
        for fault in faults:
            self._judge(fault)
        return batches

    def pause(self, sources: Collection[SourcePartition]) -> None:
        """Fetch no more of these partitions; what was fetched ahead of them is dropped and fetched again later."""
        self._consumer.pause(_named(self._assigned.intersection(sources)))

    def resume(self, sources: Collection[SourcePartition]) -> None:
        """Fetch these partitions again."""
        self._consumer.resume(_named(self._assigned.intersection(sources)))

    def discover(self) -> Sighting:
        """Begin to read partitions that were found since the last call, and return them and what is unreachable.

        Never waits: the brokers are asked on another thread, every ``kafka.discovery_interval``.
        """
        sighting = self._watch.newest
        found = {source: offset for source, offset in sighting.found.items() if source not in self._assigned}
        if found:
            self._consumer.incremental_assign(_with_offsets(found))
            self._now_reading(found)
        return Sighting(found, sighting.unreachable)

    def take_gaps(self) -> tuple[Gap, ...]:
        """Return the gaps met since the last call: records that retention removed before they were read."""
        gaps, self._gaps = tuple(self._gaps), []
        return gaps

    def lag(self) -> dict[SourcePartition, int | None]:
        """Return how many offsets each partition's position is behind its end, as the client last saw it.

        0 at the end, also where the last offsets are transaction markers; None before the first fetch.
        """
        return {source: self._lag(source, position) for source, position in self._positions.items()}

    # 3. commit

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Commit positions to the group, with this instance's claim on it; does not wait."""
        self._commits.send(self._consumer, positions)

    def check_other_instance(self, fresh_seconds: float) -> None:
        """Raise InstanceConflict if another instance committed within ``fresh_seconds`` and did not stop cleanly.

        Call it after ``start`` and before the first ``commit``. Raises NotAuthorised, BrokerUnreachable.
        """
        # a client of its own: with that of the reading, records might come in place of the group's errors
        client = open_consumer(self._settings, self._log, on_error=lambda _: None)
        try:
            self._commits.refuse_other_instance(client, self._assigned, fresh_seconds)
        finally:
            client.close()

    # 4. close

    def close(self) -> None:
        """Say that this instance has stopped, and end the client: within about 6 s, also without a broker.

        Calling it again does nothing.
        """
        if self._closed:
            return
        self._closed = True
        self._watch.stop(LOOK_SECONDS)
        self._consumer.unassign()
        self._commits.finish(self._consumer, _LAST_COMMIT_SECONDS)
        # With a commit under way and no broker the client's own close waits for a minute: not with us.
        closing = Thread(target=self._consumer.close, name="kafka-close", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)

    def _now_reading(self, offsets: Mapping[SourcePartition, int]) -> None:
        self._positions.update(offsets)
        self._assigned = frozenset(self._positions)

    def _lag(self, source: SourcePartition, position: int) -> int | None:
        if source in self._at_end:
            return 0
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(*source), cached=True)
        except KafkaException:
            return None
        return max(end - position, 0) if end >= 0 else None

    def _on_error(self, error: KafkaError) -> None:
        self._failure = self._failure or lasting_failure(error, "the cluster")
        # the client's own close may go on behind our back, and its complaints are of no use then
        if self._failure is None and not self._closed:
            report_error(self._log, error)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _judge(self, fault: Fault) -> None:
        code, source = fault.error.code(), fault.source
        if source is not None and code == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            self._astray.add(source)
        elif code == KafkaError._LOG_TRUNCATION:  # noqa: SLF001
            self._failure = SourceError(f"{source}: the broker lost records that had been read (unclean election)")
        else:
            resource = f"group {self._settings.group_id!r}" if source is None else f"topic {source.topic!r}"
            self._failure = lasting_failure(fault.error, resource)
            if self._failure is None:
                report_error(self._log, fault.error)

    def _find_the_way_back(self) -> None:
        """Go on with partitions whose position the broker refused: after a gap, or not at all."""
        lost = {source: self._positions[source] for source in self._astray}
        try:
            bounds = bounds_of(self._consumer, lost, _BOUNDS_SECONDS)
        except KafkaException:
            return  # the next poll asks again
        start = resume({source: lost[source] for source in bounds}, bounds)
        self._gaps += start.gaps
        self._consumer.incremental_unassign(_named(start.offsets))
        self._consumer.incremental_assign(_with_offsets(start.offsets))
        self._now_reading(start.offsets)
        self._astray.difference_update(start.offsets)


def _named(sources: Collection[SourcePartition]) -> list[TopicPartition]:
    return [TopicPartition(source.topic, source.partition) for source in sorted(sources)]


def _with_offsets(offsets: Mapping[SourcePartition, int]) -> list[TopicPartition]:
    return [TopicPartition(source.topic, source.partition, offset) for source, offset in sorted(offsets.items())]
