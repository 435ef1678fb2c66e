"""KafkaSource while its broker is stopped, frozen, or says no."""

import time
from collections.abc import Callable

import pytest
import structlog

# the stubs do not re-export these names
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from broker import LocalBroker
from driftd.errors import NotAuthorised
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.source import KafkaSource
from kafka_cluster import Cluster, Record

pytestmark = pytest.mark.kafka

SECONDS = 30.0


def source_of(broker: LocalBroker, topic: str, group_id: str = "g") -> KafkaSource:
    """Return a source that looks for new and unreachable partitions often."""
    settings = KafkaSettings(
        bootstrap_servers=broker.bootstrap_servers,
        group_id=group_id,
        topics=[topic],
        start="earliest",
        discovery_interval="200ms",
    )
    return KafkaSource(settings, "me", structlog.get_logger(), lambda: time.time_ns() // 1_000_000)


def poll_until(source: KafkaSource, done: Callable[[], bool]) -> list[bytes | None]:
    """Poll until something holds, and return the values read meanwhile."""
    deadline = time.monotonic() + SECONDS
    values: list[bytes | None] = []
    while not done():
        assert time.monotonic() < deadline
        for batch in source.poll(0.1):
            values += batch.values
    return values


def test_reading_survives_a_frozen_and_a_killed_broker(own_broker: LocalBroker) -> None:
    """Its partitions are unreachable meanwhile; afterwards reading goes on, and nothing is lost or repeated.

    Closing without a broker, and with a commit under way, keeps within the time of a clean shutdown.
    """
    cluster = Cluster(own_broker.bootstrap_servers)
    topic = cluster.create_topic()
    cluster.produce(topic, [Record(b"before")])
    source = source_of(own_broker, topic)
    source.start({}, SECONDS)
    end = next(iter(source.partitions))
    values = poll_until(source, lambda: source.positions[end] == 1)

    own_broker.freeze()
    values += poll_until(source, lambda: source.discover().unreachable == source.partitions)
    own_broker.thaw()
    values += poll_until(source, lambda: not source.discover().unreachable)

    own_broker.kill()
    values += poll_until(source, lambda: source.discover().unreachable == source.partitions)
    own_broker.restart()
    cluster.produce(topic, [Record(b"after")])
    values += poll_until(source, lambda: source.positions[end] == 2)
    values += poll_until(source, lambda: not source.discover().unreachable)
    assert values == [b"before", b"after"]

    own_broker.kill()
    source.commit(source.positions)
    began = time.monotonic()
    source.close()
    assert time.monotonic() - began < 8.0


def test_a_refused_topic_and_a_refused_group_are_named(start_broker: Callable[..., LocalBroker]) -> None:
    """At the start and while reading; the broker's access list decides."""
    broker = start_broker(
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
        }
    )
    cluster = Cluster(broker.bootstrap_servers)
    secret, lent = cluster.create_topic(), cluster.create_topic()
    deny(broker, ResourceType.TOPIC, secret)
    refused = source_of(broker, secret)
    with pytest.raises(NotAuthorised) as at_start:
        refused.start({}, SECONDS)
    refused.close()
    assert at_start.value.resource == f"topic {secret!r}"

    deny(broker, ResourceType.GROUP, "closed-club")
    shut_out = source_of(broker, lent, "closed-club")
    shut_out.start({}, SECONDS)
    with pytest.raises(NotAuthorised) as for_group:
        shut_out.check_other_instance(30.0)
    shut_out.close()
    assert for_group.value.resource == "group 'closed-club'"

    reading = source_of(broker, lent)  # a client of its own: the other one goes on hearing about its group
    reading.start({}, SECONDS)
    deny(broker, ResourceType.TOPIC, lent)
    with pytest.raises(NotAuthorised) as while_reading:
        poll_until(reading, lambda: False)
    reading.close()
    assert while_reading.value.resource == f"topic {lent!r}"


def deny(broker: LocalBroker, kind: ResourceType, name: str) -> None:
    """Take everything from everybody on one topic or group."""
    everything = (AclOperation.ALL, AclPermissionType.DENY)
    binding = AclBinding(kind, name, ResourcePatternType.LITERAL, "User:*", "*", *everything)
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.create_acls([binding])[binding].result(timeout=SECONDS)
