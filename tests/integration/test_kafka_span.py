"""TopicSpan against a real broker."""

from collections.abc import Callable

import pytest
import structlog

from driftd.errors import BrokerUnreachable, UnknownTopic
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.span import TopicSpan
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from kafka_cluster import Cluster, Record

pytestmark = pytest.mark.kafka


@pytest.fixture
def open_span(cluster: Cluster) -> Callable[..., TopicSpan]:
    """Open spans of topics between two times."""

    def span(topic: str, from_ms: int | None, to_ms: int | None) -> TopicSpan:
        settings = KafkaSettings(bootstrap_servers=cluster.bootstrap_servers, group_id="g", topics=["other"])
        return TopicSpan(settings, topic, from_ms=from_ms, to_ms=to_ms, log=structlog.get_logger())

    return span


@pytest.fixture
def topic(cluster: Cluster) -> str:
    """A topic with 3,000 records in partition 0, 4 in partition 1 and none in partition 2, a second apart."""
    name = cluster.create_topic(partitions=3)
    records = [Record(str(n).encode(), 0, 1_000 * (n + 1)) for n in range(3000)]
    cluster.produce(name, [*records, *(Record(str(n).encode(), 1, 1_000 * (n + 1)) for n in range(4))])
    return name


def read(span: TopicSpan) -> list[Batch]:
    """Read a span to its end."""
    with span:
        return [batch for batches in span.batches() for batch in batches]


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "expected"),
    [
        (None, None, {0: (0, 3000), 1: (0, 4), 2: (0, 0)}),
        (2_000, 2_999_001, {0: (1, 2999), 1: (1, 4), 2: (0, 0)}),
        (2_000, 3_000, {0: (1, 2), 1: (1, 2), 2: (0, 0)}),
        (5_000_000, None, {0: (3000, 3000), 1: (4, 4), 2: (0, 0)}),
        (9_000, 2_000, {0: (8, 8), 1: (4, 4), 2: (0, 0)}),
    ],
)
def test_a_span_is_what_lies_between_two_times(
    topic: str,
    open_span: Callable[..., TopicSpan],
    from_ms: int | None,
    to_ms: int | None,
    expected: dict[int, tuple[int, int]],
) -> None:
    """From the first record at or after the one, to the last before the other; each partition ends drained."""
    span = open_span(topic, from_ms, to_ms)
    assert span.bounds == {SourcePartition(topic, partition): bounds for partition, bounds in expected.items()}
    batches = read(span)
    offsets: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for batch in batches:
        offsets[batch.source.partition] += batch.offsets
    assert offsets == {partition: list(range(*bounds)) for partition, bounds in expected.items()}
    ends = {batch.source.partition: batch.position for batch in batches if batch.drained}
    assert ends == {partition: end for partition, (_, end) in expected.items()}
    last = {batch.source.partition: batch for batch in batches}
    assert [batch.drained for batch in last.values()] == [True, True, True]


def test_records_written_after_the_opening_are_not_part_of_it(
    cluster: Cluster, topic: str, open_span: Callable[..., TopicSpan]
) -> None:
    """Without an end the span ends where the topic ended when it was opened."""
    span = open_span(topic, None, None)
    cluster.produce(topic, [Record(b"late", 1, 9_000)])
    assert [value for batch in read(span) if batch.source.partition == 1 for value in batch.values] == [
        b"0",
        b"1",
        b"2",
        b"3",
    ]


def test_a_span_has_no_wall_clock(topic: str, open_span: Callable[..., TopicSpan]) -> None:
    """What is read does not depend on when it is read."""
    assert {batch.clock_ms for batch in read(open_span(topic, None, None))} == {None}


def test_a_span_of_an_unknown_topic_is_refused(open_span: Callable[..., TopicSpan]) -> None:
    """The topic is named."""
    with pytest.raises(UnknownTopic) as refused:
        open_span("test-no-such-topic", None, None)
    assert refused.value.topic == "test-no-such-topic"


def test_a_span_without_a_broker_is_given_up() -> None:
    """After the wait that was asked for."""
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", group_id="g", topics=["t"])
    with pytest.raises(BrokerUnreachable):
        TopicSpan(settings, "t", from_ms=None, to_ms=None, log=structlog.get_logger(), wait_seconds=0.5)
