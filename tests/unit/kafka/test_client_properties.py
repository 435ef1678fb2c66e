"""Which properties reach which client."""

from typing import Any

import pytest
import structlog

from driftd.kafka.client import consumer_properties, open_consumer, open_producer, producer_properties
from driftd.kafka.property_kinds import CONSUMER_ONLY, PRODUCER_ONLY
from driftd.kafka.settings import OWNED_PROPERTIES, KafkaSettings

COMMON = {"socket.keepalive.enable": True, "security.protocol": "PLAINTEXT", "client.rack": "a"}
OF_CONSUMERS = {
    "check.crcs": True,
    "coordinator.query.interval.ms": 60_000,
    "fetch.error.backoff.ms": 100,
    "fetch.max.bytes": 60_000_000,
    "fetch.message.max.bytes": 1_000_000,
    "fetch.min.bytes": 2,
    "fetch.wait.max.ms": 100,
    "heartbeat.interval.ms": 1_000,
    "isolation.level": "read_committed",
    "max.poll.interval.ms": 400_000,
    "queued.min.messages": 1_000,
    "session.timeout.ms": 10_000,
}
OF_PRODUCERS = {
    "batch.num.messages": 100,
    "batch.size": 100_000,
    "compression.level": 1,
    "compression.type": "lz4",
    "linger.ms": 7,
    "partitioner": "murmur2_random",
    "request.timeout.ms": 20_000,
    "sticky.partitioning.linger.ms": 20,
}


def settings_with(client: dict[str, Any]) -> KafkaSettings:
    """Return settings of a cluster that is not there."""
    return KafkaSettings(bootstrap_servers="127.0.0.1:1", group_id="g", topics=["events"], client=client)


def test_each_kind_of_client_gets_the_properties_that_it_knows() -> None:
    """Librdkafka warns of every other one, and there is no warning in the log."""
    warnings: list[str] = []

    def keep(_logger: object, _method: str, event: Any) -> Any:
        if event.get("facility") == "CONFWARN":
            warnings.append(event["message"])
        raise structlog.DropEvent

    log = structlog.wrap_logger(None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0))
    settings = settings_with(COMMON | OF_CONSUMERS | OF_PRODUCERS)
    producer = open_producer(settings, log, {"enable.idempotence": True})
    producer.poll(0.1)
    consumer = open_consumer(settings, log, on_error=lambda _: None)
    consumer.poll(0.1)
    consumer.close()
    assert warnings == []
    assert COMMON.keys() | OF_PRODUCERS.keys() <= producer_properties(settings, {}).keys()
    assert COMMON.keys() | OF_CONSUMERS.keys() <= consumer_properties(settings).keys()


def test_no_property_is_of_one_kind_and_of_the_other() -> None:
    """And what driftd sets itself cannot be set in kafka.client."""
    assert CONSUMER_ONLY & PRODUCER_ONLY == set()
    own = {"acks", "enable.idempotence", "message.timeout.ms", "delivery.timeout.ms", "retries", "transactional.id"}
    assert own <= OWNED_PROPERTIES.keys()


def test_a_producer_s_own_properties_win() -> None:
    """Over the operator's; those of all producers say that nothing is written until all replicas have it."""
    properties = producer_properties(settings_with({"linger.ms": 7, "message.max.bytes": 5_000}), {"linger.ms": 0})
    chosen = ("linger.ms", "message.max.bytes", "acks", "message.timeout.ms", "allow.auto.create.topics")
    assert [properties[name] for name in chosen] == [0, 5_000, "all", 0, False]
    assert "group.id" not in properties


@pytest.mark.parametrize("name", ["acks", "message.timeout.ms", "transactional.id"])
def test_what_writing_promises_cannot_be_taken_back(name: str) -> None:
    """Such properties are refused with the reason."""
    with pytest.raises(ValueError, match="until it is acknowledged"):
        settings_with({name: 1})
