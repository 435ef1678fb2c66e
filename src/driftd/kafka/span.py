"""A span of one topic, between two times, as a source that ends."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Self

from confluent_kafka import KafkaError, TopicPartition
from structlog.typing import FilteringBoundLogger

from driftd.errors import BrokerUnreachable, DataError, SourceError
from driftd.kafka.client import open_admin, open_consumer
from driftd.kafka.cluster import EARLIEST, LATEST
from driftd.kafka.cut import cut
from driftd.kafka.deadline import Deadline
from driftd.kafka.failures import lasting_failure
from driftd.kafka.opening import existing_topology, offsets_from
from driftd.kafka.patience import Patience
from driftd.kafka.reports import report_error
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.topic_ids import ids_of_topics
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition

_POLL_SECONDS = 0.2
_IDS_SECONDS = 2.0


class TopicSpan:
    """Reads every partition of a topic from one time up to another (records' own timestamps, milliseconds).

    A partition's part begins with the first record at or after ``from_ms`` (None: with the first there is)
    and ends before the first at or after ``to_ms`` (None, or no such record: at the end as it was when
    the span was opened). Nothing is committed. Batches carry no wall clock: the same span reads the same
    on any day. ``bounds`` reads the very offsets of an earlier span. Raises UnknownTopic, NotAuthorised, or
    BrokerUnreachable after ``wait_seconds`` without any progress. Close it, or use it as a context manager.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        *,
        from_ms: int | None,
        to_ms: int | None,
        log: FilteringBoundLogger,
        wait_seconds: float = 30.0,
        bounds: Mapping[SourcePartition, tuple[int, int]] | None = None,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._log = log
        self._wait_seconds = wait_seconds
        self._failure: SourceError | None = None
        self._paused: frozenset[SourcePartition] = frozenset()
        self._consumer = open_consumer(settings, log, self._on_error)
        try:
            self._bounds = dict(bounds) if bounds is not None else self._find_bounds(from_ms, to_ms)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def bounds(self) -> Mapping[SourcePartition, tuple[int, int]]:
        """The first offset and the end (exclusive) of each partition's part."""
        return self._bounds

    def topic_ids(self) -> dict[str, str]:
        """Ask for the topic's id; empty where none is to be had."""
        return ids_of_topics(open_admin(self._settings, self._log), [self._topic], _IDS_SECONDS)

    @property
    def topic(self) -> str:
        """The topic."""
        return self._topic

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        """Fetch exactly these partitions no more for now, and all others again."""
        reading = {SourcePartition(p.topic, p.partition) for p in self._consumer.assignment()}
        self._consumer.resume([TopicPartition(*source) for source in sorted((self._paused - sources) & reading)])
        self._consumer.pause([TopicPartition(*source) for source in sorted((sources - self._paused) & reading)])
        self._paused = sources

    def batches(self) -> Iterator[list[Batch]]:
        """Read the span once; each partition's last batch is ``drained`` and without records."""
        open_ends = {source: end for source, (first, end) in self._bounds.items() if first < end}
        empty = [source for source in sorted(self._bounds) if source not in open_ends]
        if empty:
            yield [Batch(source=source, position=self._bounds[source][0], drained=True) for source in empty]
        self._consumer.assign([TopicPartition(*source, self._bounds[source][0]) for source in sorted(open_ends)])
        deadline = Deadline(self._wait_seconds)
        while open_ends:
            read = self._read(open_ends)
            if read:
                yield read
                deadline = Deadline(self._wait_seconds)
            elif deadline.passed:
                raise BrokerUnreachable(self._settings.bootstrap_servers, self._wait_seconds)

    def close(self) -> None:
        """End the client."""
        self._consumer.close()

    def _find_bounds(self, from_ms: int | None, to_ms: int | None) -> dict[SourcePartition, tuple[int, int]]:
        patience = Patience(self._consumer, self._settings, self._wait_seconds, self._raise_failure)
        sources = existing_topology(patience, self._consumer, [self._topic]).partitions
        offsets: Callable[[int], dict[SourcePartition, int]] = lambda time_ms: offsets_from(  # noqa: E731
            patience, self._consumer, sources, time_ms
        )
        first = offsets(EARLIEST if from_ms is None else from_ms)
        end = offsets(LATEST if to_ms is None else to_ms)
        return {source: (first[source], max(first[source], end[source])) for source in sorted(sources)}

    def _read(self, open_ends: dict[SourcePartition, int]) -> list[Batch]:
        """Return the next batches, cut off at the ends; removes the partitions that got there."""
        taken, faults = cut(self._consumer.consume(self._settings.batch_records, _POLL_SECONDS), clock_ms=None)
        self._raise_failure()
        for fault in faults:
            self._judge(fault.error)
        batches = []
        for batch in taken:
            end = open_ends.get(batch.source)
            if end is None:
                continue  # fetched ahead, beyond the end
            within = _up_to(end, batch)
            if within.offsets:
                batches.append(within)
            if batch.drained or batch.position >= end:
                batches.append(Batch(source=batch.source, position=within.position, drained=True))
                del open_ends[batch.source]
                self._consumer.incremental_unassign([TopicPartition(*batch.source)])
        return batches

    def _judge(self, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            raise DataError(f"topic {self._topic}", "retention removed records of the span while it was read")
        failure = lasting_failure(error, f"topic {self._topic!r}")
        if failure is not None:
            raise failure
        report_error(self._log, error)

    def _on_error(self, error: KafkaError) -> None:
        self._failure = self._failure or lasting_failure(error, "the cluster")
        if self._failure is None:
            report_error(self._log, error)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _up_to(end: int, batch: Batch) -> Batch:
    """Return the records of a batch before an offset."""
    if batch.position <= end:
        return batch
    kept = bisect_left(batch.offsets, end)
    return replace(
        batch,
        position=end,
        offsets=batch.offsets[:kept],
        values=batch.values[:kept],
        timestamps_ms=batch.timestamps_ms[:kept],
    )
