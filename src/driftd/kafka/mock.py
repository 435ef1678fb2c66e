"""librdkafka's mock cluster inside this process: Kafka for a demonstration, without a server.

What it lacks (librdkafka 2.16): topics get four partitions and nothing else can be chosen; looking offsets
up by time finds no record, so a reader must start at ``earliest`` or ``latest``; each partition keeps only
its newest 5 MB or so, so a reader that falls further behind meets a gap; nothing is stored.
"""

from typing import Self

from confluent_kafka import Producer
from structlog.typing import FilteringBoundLogger

from driftd.errors import SourceError
from driftd.kafka.reports import ClientLog

MOCK_PARTITIONS = 4
_START_SECONDS = 10.0


class MockCluster:
    """One mock broker on the loopback interface, until ``close``; use it as a context manager."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        # The cluster belongs to the client that asked for it; others reach it at its address.
        self._owner: Producer | None = Producer({"test.mock.num.brokers": 1}, logger=ClientLog(log))
        brokers = self._owner.list_topics(timeout=_START_SECONDS).brokers.values()
        self.bootstrap_servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def create_topic(self, topic: str) -> None:
        """Create a topic with MOCK_PARTITIONS partitions: the mock does so when its owner asks about it."""
        if self._owner is None:
            raise SourceError("the mock cluster is closed")
        error = self._owner.list_topics(topic, timeout=_START_SECONDS).topics[topic].error
        if error is not None:
            raise SourceError(f"topic {topic!r} could not be created on the mock cluster ({error.name()})")

    def close(self) -> None:
        """End the cluster; whoever is connected finds it gone."""
        self._owner = None  # the client ends with its last reference, and the cluster with the client
