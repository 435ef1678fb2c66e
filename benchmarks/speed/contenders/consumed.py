"""A confluent-kafka consumer with driftd's properties and batch size."""

from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from driftd.kafka.client import consumer_properties
from driftd.kafka.settings import KafkaSettings

BATCH_RECORDS = int(KafkaSettings.model_fields["batch_records"].default)


def consumed(bootstrap_servers: str, topic: str, partitions: range) -> Iterator[list[Message]]:
    """Yield what is fetched, batch by batch; an end of a partition counts as a message."""
    settings = KafkaSettings(bootstrap_servers=bootstrap_servers, group_id="contender", topics={topic: {}})
    consumer = Consumer(consumer_properties(settings))
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    try:
        while True:
            yield consumer.consume(BATCH_RECORDS, 0.2)
    finally:
        consumer.close()
