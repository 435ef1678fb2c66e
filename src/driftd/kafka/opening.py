"""Which partitions there are, and where each is to be read from: asked once, at the start of a source."""

from collections.abc import Iterable, Mapping

from confluent_kafka import Consumer, KafkaError
from structlog.typing import FilteringBoundLogger

from driftd.errors import PositionBeyondEnd, SourceError, UnknownTopic
from driftd.kafka.client import open_consumer
from driftd.kafka.cluster import EARLIEST, LATEST, Topology, bounds_of, offsets_at, topology_of
from driftd.kafka.failures import lasting_failure
from driftd.kafka.patience import Patience
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.start import Start, resume
from driftd.values.keys import SourcePartition


def existing_topology(patience: Patience, consumer: Consumer, topics: Iterable[str]) -> Topology:
    """Return the partitions of the topics; UnknownTopic if one does not exist."""
    wanted = tuple(topics)
    topology = patience.ask(lambda seconds: topology_of(consumer, wanted, seconds))
    if topology.missing:
        raise UnknownTopic(topology.missing[0])
    return topology


def check_topics(settings: KafkaSettings, log: FilteringBoundLogger) -> None:
    """Raise UnknownTopic or NotAuthorised if a topic cannot be read; BrokerUnreachable after connect_timeout."""
    failures: list[SourceError] = []

    def note(error: KafkaError) -> None:
        failure = lasting_failure(error, "the cluster")
        if failure is not None:
            failures.append(failure)

    def raise_first() -> None:
        if failures:
            raise failures[0]

    client = open_consumer(settings, log, on_error=note)
    try:
        existing_topology(
            Patience(client, settings, settings.connect_timeout / 1000, raise_first), client, settings.topics
        )
    finally:
        client.close()


def offsets_from(
    patience: Patience, consumer: Consumer, sources: frozenset[SourcePartition], time_ms: int
) -> dict[SourcePartition, int]:
    """Return where records at or after a time begin; the end where no record is that young."""
    found = patience.ask_all(sources, lambda asked, seconds: offsets_at(consumer, asked, time_ms, seconds))
    beyond = frozenset(source for source, offset in found.items() if offset is None)
    ends = patience.ask_all(beyond, lambda asked, seconds: offsets_at(consumer, asked, LATEST, seconds))
    return {source: offset for source, offset in (found | ends).items() if offset is not None}


def starting_points(
    patience: Patience,
    consumer: Consumer,
    topology: Topology,
    *,
    positions: Mapping[SourcePartition, int],
    reached: Mapping[SourcePartition, int],
    start_ms: int,
) -> Start:
    """Return where each partition is to be read from: its position, else the records from ``start_ms`` on.

    ``start_ms`` is a time, EARLIEST or LATEST; a partition that is new in a topic with positions was added
    meanwhile, and is read from its first record. Positions in other topics are not looked at. A partition
    without a leader is taken at its position's word, or left out if it has none. Raises PositionBeyondEnd,
    also where less is left than had been ``reached`` before: a recreated topic.
    """
    topics = {source.topic for source in topology.partitions}
    for source, position in sorted(positions.items()):
        if position > 0 and source.topic in topics and source not in topology.partitions:
            raise PositionBeyondEnd(source.topic, source.partition, position, end=0)
    known = {source: position for source, position in positions.items() if source in topology.partitions}
    answering = topology.partitions - topology.leaderless
    bounds = patience.ask_all(answering & known.keys(), lambda asked, seconds: bounds_of(consumer, asked, seconds))
    for source, (_, end) in sorted(bounds.items()):
        if reached.get(source, 0) > end:
            raise PositionBeyondEnd(source.topic, source.partition, reached[source], end)
    resumed = resume(known, bounds)
    new = answering - known.keys()
    added = frozenset(source for source in new if source.topic in {source.topic for source in positions})
    begun = offsets_from(patience, consumer, new - added, start_ms)
    found = offsets_from(patience, consumer, added, EARLIEST)
    return Start({**resumed.offsets, **begun, **found}, resumed.gaps)


def start_time_ms(start: str | int, now_ms: int) -> int:
    """Return the time that ``kafka.start`` means: EARLIEST, LATEST or milliseconds since the epoch."""
    if isinstance(start, int):
        return now_ms - start
    return EARLIEST if start == "earliest" else LATEST
