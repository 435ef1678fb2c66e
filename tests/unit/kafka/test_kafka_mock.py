"""The mock cluster as the demonstration uses it; it needs no server, so this runs everywhere."""

import time
from collections.abc import Iterator

import pytest
import structlog

from driftd.errors import InstanceConflict
from driftd.kafka.mock import MOCK_PARTITIONS, MockCluster
from driftd.kafka.producer import RecordProducer
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.source import KafkaSource
from driftd.values.batch import Batch

SECONDS = 20.0


@pytest.fixture
def mock_cluster() -> Iterator[MockCluster]:
    """A mock cluster with a topic ``events``."""
    with MockCluster(structlog.get_logger()) as cluster:
        cluster.create_topic("events")
        yield cluster


def start(cluster: MockCluster, instance: str = "me") -> KafkaSource:
    """Return a source that reads all of ``events``."""
    settings = KafkaSettings(
        bootstrap_servers=cluster.bootstrap_servers, group_id="g", topics=["events"], start="earliest"
    )
    source = KafkaSource(settings, instance, structlog.get_logger(), lambda: time.time_ns() // 1_000_000)
    source.start({}, SECONDS)
    return source


def test_records_go_through_the_mock_cluster(mock_cluster: MockCluster) -> None:
    """Values, timestamps, partitions and the ends of partitions arrive as from a real broker."""
    producer = RecordProducer(mock_cluster.bootstrap_servers, structlog.get_logger())
    for n in range(400):
        producer.produce("events", n % MOCK_PARTITIONS, str(n).encode(), 1_000 + n)
    producer.flush(SECONDS)
    source = start(mock_cluster)
    deadline = time.monotonic() + SECONDS
    batches: list[Batch] = []
    while {batch.source for batch in batches if batch.drained} != set(source.partitions):
        assert time.monotonic() < deadline
        batches += source.poll(0.1)
    read = {
        (batch.source.partition, time_ms): value
        for batch in batches
        for time_ms, value in zip(batch.timestamps_ms, batch.values, strict=True)
    }
    assert read == {(n % MOCK_PARTITIONS, 1_000 + n): str(n).encode() for n in range(400)}
    assert set(source.lag().values()) == {0}
    assert source.topic_ids == {}  # the mock has none, which is no error
    source.close()


def test_commits_reach_the_mock_cluster(mock_cluster: MockCluster) -> None:
    """Their metadata too, so that a second instance is refused there as well."""
    first = start(mock_cluster)
    first.commit(first.positions)
    first.poll(0.5)
    second = start(mock_cluster, "second")
    with pytest.raises(InstanceConflict):
        second.check_other_instance(30.0)
    first.close()
    second.check_other_instance(30.0)
    second.close()
