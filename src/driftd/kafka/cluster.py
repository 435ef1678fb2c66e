"""Questions to the brokers that are answered at once, as plain values: partitions, leaders, offsets.

Each takes a time limit and may be asked from any thread. A KafkaException means that it may be asked
again; what does not go away by waiting is raised as a SourceError.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from driftd.kafka.failures import lasting_failure, lasting_failures
from driftd.values.keys import SourcePartition

#: Special times of ``offsets_at``; the protocol's own numbers.
EARLIEST = -2
LATEST = -1

_UNKNOWN_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Topology:
    """The partitions of some topics: all of them, those without a leader, and the topics that do not exist."""

    partitions: frozenset[SourcePartition]
    leaderless: frozenset[SourcePartition]
    missing: tuple[str, ...]


def topology_of(consumer: Consumer, topics: Iterable[str], timeout_seconds: float) -> Topology:
    """Ask for the partitions of the topics, at most ``timeout_seconds`` for each."""
    partitions: set[SourcePartition] = set()
    leaderless: set[SourcePartition] = set()
    missing = []
    for topic in topics:
        with lasting_failures(f"topic {topic!r}"):
            metadata = consumer.list_topics(topic, timeout_seconds).topics[topic]
        if metadata.error is not None:
            if metadata.error.code() not in _UNKNOWN_TOPIC:
                raise lasting_failure(metadata.error, f"topic {topic!r}") or KafkaException(metadata.error)
            missing.append(topic)
            continue
        for number, partition in metadata.partitions.items():
            partitions.add(SourcePartition(topic, number))
            if partition.leader < 0:
                leaderless.add(SourcePartition(topic, number))
    return Topology(frozenset(partitions), frozenset(leaderless), tuple(missing))


def offsets_at(
    consumer: Consumer, sources: Collection[SourcePartition], time_ms: int, timeout_seconds: float
) -> dict[SourcePartition, int | None]:
    """Return the first offset with a timestamp at or after a time; None if no record is that young.

    With EARLIEST, the first offset there is; with LATEST, the end: the offset that the next record that
    the client may read will have. Partitions that give no answer now (no leader) are left out.
    """
    if not sources:
        return {}
    asked = [TopicPartition(source.topic, source.partition, time_ms) for source in sorted(sources)]
    with lasting_failures(f"topic {asked[0].topic!r}"):
        answers = consumer.offsets_for_times(asked, timeout=timeout_seconds)
    offsets: dict[SourcePartition, int | None] = {}
    for answer in answers:
        if answer.error is not None:
            failure = lasting_failure(answer.error, f"topic {answer.topic!r}")
            if failure is not None:
                raise failure
            continue
        offsets[SourcePartition(answer.topic, answer.partition)] = answer.offset if answer.offset >= 0 else None
    return offsets


def bounds_of(
    consumer: Consumer, sources: Collection[SourcePartition], timeout_seconds: float
) -> dict[SourcePartition, tuple[int, int]]:
    """Return the first offset and the end of each partition; those that give no answer now are left out."""
    earliest = offsets_at(consumer, sources, EARLIEST, timeout_seconds)
    latest = offsets_at(consumer, sources, LATEST, timeout_seconds)
    bounds = {}
    for source in sources:
        low, high = earliest.get(source), latest.get(source)
        if low is not None and high is not None:
            bounds[source] = (low, high)
    return bounds
