"""What tests do to a broker: topics of their own, and records exactly as they want them."""

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

# the stubs do not re-export these names
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewPartitions, NewTopic

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Record:
    """One record to be produced; without a timestamp it gets the producer's clock."""

    value: bytes | None
    partition: int = 0
    timestamp_ms: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = None


class Cluster:
    """A broker (any) as tests use it; topics get unique names, so that runs do not meet."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})

    def create_topic(
        self, partitions: int = 1, config: Mapping[str, str] | None = None, name: str | None = None
    ) -> str:
        """Create a topic, wait until the broker shows it, and return its name."""
        topic = name or f"test-{uuid.uuid4().hex[:12]}"
        deadline = time.monotonic() + _SECONDS
        while True:
            request = self._admin.create_topics([NewTopic(topic, partitions, 1, config=dict(config or {}))])
            try:
                request[topic].result(timeout=_SECONDS)
            except KafkaException as refused:
                # a topic of that name is still being deleted
                if refused.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS or time.monotonic() > deadline:
                    raise
            else:
                break
        self._wait_for_partitions(topic, partitions)
        return topic

    def add_partitions(self, topic: str, total: int) -> None:
        """Give a topic more partitions: ``total`` from then on."""
        self._admin.create_partitions([NewPartitions(topic, total)])[topic].result(timeout=_SECONDS)
        self._wait_for_partitions(topic, total)

    def delete_topic(self, topic: str) -> None:
        """Delete a topic."""
        self._admin.delete_topics([topic])[topic].result(timeout=_SECONDS)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Remove the records before an offset, as retention would."""
        for request in self._admin.delete_records([TopicPartition(topic, partition, before)]).values():
            request.result(timeout=_SECONDS)

    def configure(self, topic: str, config: Mapping[str, str]) -> None:
        """Change settings of a topic."""
        set_to = AlterConfigOpType.SET
        entries = [ConfigEntry(name, value, incremental_operation=set_to) for name, value in config.items()]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        self._admin.incremental_alter_configs([resource])[resource].result(timeout=_SECONDS)

    def first_offset(self, topic: str, partition: int) -> int:
        """Return the first offset there is of a partition."""
        asked = TopicPartition(topic, partition)
        earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
        answer = self._admin.list_offsets({asked: earliest})[asked]
        return int(answer.result(timeout=_SECONDS).offset)

    def produce(self, topic: str, records: Iterable[Record], properties: Mapping[str, str | int] | None = None) -> None:
        """Write records in their order, and wait until the broker has them all."""
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failures.append(error)

        producer = Producer({"bootstrap.servers": self.bootstrap_servers, "linger.ms": 5, **(properties or {})})
        for record in records:
            while True:
                try:
                    producer.produce(
                        topic,
                        value=record.value,
                        key=record.key,
                        partition=record.partition,
                        headers=list(record.headers),
                        on_delivery=delivered,
                        timestamp=record.timestamp_ms or 0,  # 0: the producer's clock
                    )
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
        assert producer.flush(_SECONDS) == 0
        assert failures == []

    def _wait_for_partitions(self, topic: str, partitions: int) -> None:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            metadata = self._admin.list_topics(topic, timeout=_SECONDS).topics[topic]
            led = [partition for partition in metadata.partitions.values() if partition.leader >= 0]
            if metadata.error is None and len(led) == partitions:
                return
        raise RuntimeError(f"topic {topic} did not get its {partitions} partitions within {_SECONDS:g} s")
