"""What a consumer reads: its partitions, how far each has been read, and which are not to be read just now."""

from collections.abc import Collection, Mapping

from confluent_kafka import Consumer, KafkaException, TopicPartition

from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition


class Reading:
    """The assignment of a consumer. Nothing here waits for a broker.

    A partition is not fetched while its reader has paused it, or while it is held: the latter is driftd's own
    doubt about it, of which the reader need not know.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._at_end: set[SourcePartition] = set()
        self._held: set[SourcePartition] = set()
        self._paused: set[SourcePartition] = set()
        self.positions: dict[SourcePartition, int] = {}
        self.sources: frozenset[SourcePartition] = frozenset()

    @property
    def fetched(self) -> frozenset[SourcePartition]:
        """The partitions that are neither paused nor held."""
        return self.sources - self._paused - self._held

    def begin(self, offsets: Mapping[SourcePartition, int]) -> None:
        """Read these partitions too, from these offsets on."""
        self._consumer.incremental_assign(_with_offsets(offsets))
        self.positions.update(offsets)
        self.sources = frozenset(self.positions)

    def pause(self, sources: Collection[SourcePartition]) -> None:
        """Fetch no more of these for their reader's sake."""
        chosen = self.sources.intersection(sources)
        self._paused |= chosen
        self._consumer.pause(_named(chosen))

    def resume(self, sources: Collection[SourcePartition]) -> frozenset[SourcePartition]:
        """Fetch these again, unless they are held; return which are fetched from now on."""
        self._paused.difference_update(sources)
        chosen = self.fetched.intersection(sources)
        self._consumer.resume(_named(chosen))
        return chosen

    def holds(self, source: SourcePartition) -> bool:
        """Whether a partition is held."""
        return source in self._held

    def hold(self, source: SourcePartition) -> None:
        """Let nothing of a partition through until it is released."""
        self._held.add(source)
        self._consumer.pause(_named([source]))

    def release(self, source: SourcePartition, offset: int) -> None:
        """Read a partition from an offset on, whatever the client thought of it."""
        self._held.discard(source)
        self._at_end.discard(source)
        self._consumer.incremental_unassign(_named([source]))
        self.begin({source: offset})
        # a pause survives being unassigned
        (self._consumer.resume if source in self.fetched else self._consumer.pause)(_named([source]))

    def advance(self, batch: Batch) -> None:
        """Take note of a batch that is handed out."""
        self.positions[batch.source] = batch.position
        (self._at_end.add if batch.drained else self._at_end.discard)(batch.source)

    def lag(self, source: SourcePartition) -> int | None:
        """Return how many offsets a partition's position is behind its end, as the client last saw it."""
        return 0 if source in self._at_end else self._behind(source)

    def waits(self, source: SourcePartition) -> bool:
        """Whether there ought to be more of a partition: its end has not been seen, or was seen to move on."""
        return source not in self._at_end or bool(self._behind(source))

    def _behind(self, source: SourcePartition) -> int | None:
        try:
            _, end = self._consumer.get_watermark_offsets(TopicPartition(*source), cached=True)
        except KafkaException:
            return None
        return max(end - self.positions[source], 0) if end >= 0 else None


def _named(sources: Collection[SourcePartition]) -> list[TopicPartition]:
    return [TopicPartition(source.topic, source.partition) for source in sorted(sources)]


def _with_offsets(offsets: Mapping[SourcePartition, int]) -> list[TopicPartition]:
    return [TopicPartition(source.topic, source.partition, offset) for source, offset in sorted(offsets.items())]
