"""Drift events and dead letters in topics of a real broker."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event
from typing import Any

import pytest
import structlog
from confluent_kafka import Consumer, Message, TopicPartition

# the stubs do not re-export these names
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from structlog.typing import FilteringBoundLogger

from broker import LocalBroker, free_ports
from driftd.delivery.courier import Courier, Pauses
from driftd.kafka.dead_letter_topic import DeadLetterTopic
from driftd.kafka.drift_topic import DriftTopic
from driftd.kafka.settings import KafkaSettings
from driftd.values.delivery import DeadLetter, LetterReport, Progress, ReplyKind, document_bytes
from driftd.values.keys import Reason, SourcePartition
from kafka_cluster import Cluster

pytestmark = pytest.mark.kafka

SECONDS = 60.0
SOURCE = SourcePartition("events", 3)
BRIEF = Pauses(first_seconds=0.01, longest_seconds=0.1)


def settings_for(bootstrap_servers: str) -> KafkaSettings:
    """Return settings with properties of consumers and of producers among them."""
    client = {"fetch.min.bytes": 1, "compression.type": "lz4", "reconnect.backoff.max.ms": 200}
    return KafkaSettings(bootstrap_servers=bootstrap_servers, group_id="g", topics=["events"], client=client)


def document(number: int, monitor: str = "fraud/7/all") -> dict[str, Any]:
    """Return a drift event, of which only the envelope matters here."""
    return {"id": f"{number:032x}", "subject": monitor, "data": {"number": number}}


def noise(length: int) -> bytes:
    """Return bytes that no compression makes fewer."""
    return random.Random(length).randbytes(length)


def drift_topic(bootstrap_servers: str, topic: str, attempt_seconds: float = 10.0) -> DriftTopic:
    """Return a sender to a topic."""
    return DriftTopic(settings_for(bootstrap_servers), topic, structlog.get_logger(), attempt_seconds)


def courier_to(sender: DriftTopic) -> Courier:
    """Return a courier that does not pause for long."""
    return Courier("topic", sender, structlog.get_logger(), lambda: 1, BRIEF)


def logger() -> tuple[FilteringBoundLogger, list[dict[str, Any]]]:
    """Return a logger, and the list that its lines go to."""
    lines: list[dict[str, Any]] = []

    def keep(_logger: object, _method: str, event: Any) -> Any:
        lines.append(dict(event))
        raise structlog.DropEvent

    return structlog.wrap_logger(None, processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(0)), lines


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; fail after a deadline."""
    deadline = time.monotonic() + SECONDS
    pause = Event()
    while not condition():
        assert time.monotonic() < deadline
        pause.wait(0.02)


def read_all(bootstrap_servers: str, topic: str, partitions: int) -> Iterator[Message]:
    """Yield every record of a topic, one partition after the other."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "r", "enable.auto.commit": False, "log_level": 0}
    )
    try:
        for partition in range(partitions):
            place = TopicPartition(topic, partition, 0)
            _, end = consumer.get_watermark_offsets(place, timeout=SECONDS)
            consumer.assign([place])
            deadline = time.monotonic() + SECONDS
            for _ in range(end):
                while (message := consumer.poll(0.2)) is None:
                    assert time.monotonic() < deadline
                assert message.error() is None
                yield message
    finally:
        consumer.close()


def numbers_of(message: Message) -> str:
    """Return the id in a record."""
    value = message.value()
    assert value is not None
    return value.decode().split('"id":"')[1][:32]


def test_documents_are_records_in_order_per_monitor(cluster: Cluster) -> None:
    """Key, media type and bytes; each monitor's documents are in one partition, in the order offered."""
    topic = cluster.create_topic(3)
    courier = courier_to(drift_topic(cluster.bootstrap_servers, topic))
    monitors = ["fraud/7/all", "fraud/8/all", "churn/none/all", "price/1/all"]
    offered = [document(number, monitors[number % 4]) for number in range(60)]
    assert all(courier.offer(item) for item in offered)
    courier.close(SECONDS)
    assert courier.progress() == Progress(settled=60, last_success_ms=1)
    records = list(read_all(cluster.bootstrap_servers, topic, 3))
    for monitor in monitors:
        mine = [record for record in records if record.key() == monitor.encode()]
        expected = [item for item in offered if item["subject"] == monitor]
        assert [record.value() for record in mine] == [document_bytes(item) for item in expected]
        assert len({record.partition() for record in mine}) == 1
    assert {str(record.headers()) for record in records} == {
        "[('content-type', b'application/cloudevents+json; charset=UTF-8')]"
    }


def test_a_document_that_is_too_large_is_refused_and_the_next_goes_on(cluster: Cluster) -> None:
    """The topic's limit decides."""
    topic = cluster.create_topic(1, {"max.message.bytes": "20000"})
    courier = courier_to(drift_topic(cluster.bootstrap_servers, topic))
    assert courier.offer(document(0))
    assert courier.offer(document(1) | {"data": noise(40_000).hex()})
    assert courier.offer(document(2))
    courier.close(SECONDS)
    assert courier.progress() == Progress(settled=3, refused=1, last_success_ms=1)
    records = read_all(cluster.bootstrap_servers, topic, 1)
    assert [numbers_of(record) for record in records] == [document(0)["id"], document(2)["id"]]


def test_a_topic_that_does_not_exist_is_waited_for(cluster: Cluster) -> None:
    """Nothing creates it but the operator; what was offered before is in it then."""
    topic = cluster.create_topic()
    cluster.delete_topic(topic)
    courier = courier_to(drift_topic(cluster.bootstrap_servers, topic, attempt_seconds=0.5))
    courier.offer(document(0))
    until(lambda: courier.progress().failures >= 2)
    assert topic not in AdminClient({"bootstrap.servers": cluster.bootstrap_servers}).list_topics(timeout=10).topics
    cluster.create_topic(name=topic)
    until(lambda: courier.progress().settled == 1)
    courier.close(SECONDS)
    assert [numbers_of(record) for record in read_all(cluster.bootstrap_servers, topic, 1)] == [document(0)["id"]]


def test_an_outage_delays_documents_and_neither_loses_repeats_nor_reorders_them(own_broker: LocalBroker) -> None:
    """The broker is killed in the middle and started again, and frozen for a while after that."""
    cluster = Cluster(own_broker.bootstrap_servers)
    topic = cluster.create_topic()
    courier = courier_to(drift_topic(own_broker.bootstrap_servers, topic, attempt_seconds=0.5))
    offered = [document(number) for number in range(60)]
    assert all(courier.offer(item) for item in offered[:20])
    until(lambda: courier.progress().settled >= 3)
    own_broker.kill()
    assert all(courier.offer(item) for item in offered[20:40])
    until(lambda: courier.progress().failures >= 3)
    own_broker.restart()
    until(lambda: courier.progress().settled == 40)
    own_broker.freeze()
    failures = courier.progress().failures
    assert all(courier.offer(item) for item in offered[40:])
    until(lambda: courier.progress().failures >= failures + 3)
    own_broker.thaw()
    until(lambda: courier.progress().settled == 60)
    courier.close(SECONDS)
    records = read_all(own_broker.bootstrap_servers, topic, 1)
    assert [numbers_of(record) for record in records] == [item["id"] for item in offered]


def test_documents_go_on_arriving_in_a_topic_that_was_made_anew(cluster: Cluster) -> None:
    """The broker has forgotten the producer with it."""
    topic = cluster.create_topic()
    sender = drift_topic(cluster.bootstrap_servers, topic)
    assert sender.send(document(0)).kind is ReplyKind.TAKEN
    cluster.delete_topic(topic)
    cluster.create_topic(name=topic)
    courier = courier_to(sender)
    assert all(courier.offer(document(number)) for number in (1, 2))
    until(lambda: courier.progress().settled == 2)
    courier.close(SECONDS)
    records = read_all(cluster.bootstrap_servers, topic, 1)
    assert [numbers_of(record) for record in records] == [document(1)["id"], document(2)["id"]]


def test_a_topic_that_may_not_be_written_is_waited_for(start_broker: Callable[..., LocalBroker]) -> None:
    """It is tried again until it is allowed."""
    broker = start_broker(
        {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "true",
        }
    )
    topic = Cluster(broker.bootstrap_servers).create_topic()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    log, lines = logger()
    rule = denial(ResourceType.TOPIC, topic, AclOperation.WRITE)
    settle(admin.create_acls([rule]))
    sender = DriftTopic(settings_for(broker.bootstrap_servers), topic, log)
    courier = Courier("topic", sender, log, lambda: 1, BRIEF)
    courier.offer(document(0))
    until(lambda: courier.progress().failures >= 2)
    same = (rule.restype, rule.name, rule.resource_pattern_type, rule.principal, rule.host)
    settle(admin.delete_acls([AclBindingFilter(*same, rule.operation, rule.permission_type)]))
    until(lambda: courier.progress().settled == 1)
    courier.close(SECONDS)
    assert "TOPIC_AUTHORIZATION_FAILED" in {line.get("reason") for line in lines}
    records = read_all(broker.bootstrap_servers, topic, 1)
    assert [numbers_of(record) for record in records] == [document(0)["id"]]


def denial(kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    """Return the rule that nobody may do something."""
    return AclBinding(kind, name, ResourcePatternType.LITERAL, "User:*", "*", operation, AclPermissionType.DENY)


def settle(requests: Mapping[Any, Any]) -> None:
    """Wait until the broker has done what it was asked."""
    for request in requests.values():
        request.result(timeout=SECONDS)


def letter(offset: int, value: bytes | None = b"{", timestamp_ms: int | None = 1_700_000_000_000) -> DeadLetter:
    """Return a dead letter."""
    return DeadLetter(SOURCE, offset, Reason.MALFORMED, timestamp_ms, value)


def reports_of(writer: DeadLetterTopic, letters: int) -> list[LetterReport]:
    """Wait for so many reports."""
    reports: list[LetterReport] = []

    def enough() -> bool:
        reports.extend(writer.take_reports())
        return len(reports) >= letters

    until(enough)
    return reports


def test_dead_letters_keep_their_value_and_name_their_place(cluster: Cluster) -> None:
    """Also a tombstone's, which is none, and an empty one; a record without a timestamp has no such header."""
    topic = cluster.create_topic(1, {"max.message.bytes": "4000000"})
    writer = DeadLetterTopic(settings_for(cluster.bootstrap_servers), topic, structlog.get_logger())
    values = [b"\xff\x00{", None, b"", noise(3_000_000)]
    for offset, value in enumerate(values):
        assert writer.write(letter(offset, value))
    assert sorted(reports_of(writer, 4)) == [LetterReport(SOURCE, offset, written=True) for offset in range(4)]
    writer.write(letter(9, b"late", timestamp_ms=None))
    writer.close(SECONDS)
    assert writer.take_reports() == [LetterReport(SOURCE, 9, written=True)]
    records = list(read_all(cluster.bootstrap_servers, topic, 1))
    assert [record.value() for record in records] == [*values, b"late"]
    common = [("driftd-reason", b"malformed"), ("driftd-topic", b"events"), ("driftd-partition", b"3")]
    assert records[1].headers() == [
        *common,
        ("driftd-offset", b"1"),
        ("driftd-timestamp-ms", b"1700000000000"),
    ]
    assert records[4].headers() == [*common, ("driftd-offset", b"9")]


def test_a_dead_letter_that_is_too_large_is_reported_and_the_others_are_written(cluster: Cluster) -> None:
    """A record as large as its own topic allows may be too large for this one."""
    topic = cluster.create_topic(1, {"max.message.bytes": "100000"})
    writer = DeadLetterTopic(settings_for(cluster.bootstrap_servers), topic, structlog.get_logger())
    large = noise(200_000)
    for offset in range(40):
        assert writer.write(letter(offset, large if offset == 20 else noise(1_000)))
    assert sorted(reports_of(writer, 40)) == [LetterReport(SOURCE, offset, offset != 20) for offset in range(40)]
    writer.close(SECONDS)


def test_dead_letters_outlast_an_outage_within_their_bounds(own_broker: LocalBroker) -> None:
    """What there is room for waits as long as it takes; the rest is not taken, at once."""
    topic = Cluster(own_broker.bootstrap_servers).create_topic()
    writer = DeadLetterTopic(settings_for(own_broker.bootstrap_servers), topic, structlog.get_logger())
    own_broker.kill()
    began = time.monotonic()
    taken = [offset for offset in range(10_500) if writer.write(letter(offset))]
    assert time.monotonic() - began < 10.0
    assert taken == list(range(10_000))
    assert writer.take_reports() == []
    own_broker.restart()
    reports = reports_of(writer, 10_000)
    assert sorted(reports) == [LetterReport(SOURCE, offset, written=True) for offset in taken]
    assert writer.write(letter(10_000))
    writer.close(SECONDS)
    records = read_all(own_broker.bootstrap_servers, topic, 1)
    offsets = {dict(record.headers() or [])["driftd-offset"] for record in records}
    assert offsets == {str(offset).encode() for offset in range(10_001)}


def test_dead_letters_are_bounded_by_bytes() -> None:
    """Large values fill the room sooner; closing without a broker keeps its time."""
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    writer = DeadLetterTopic(settings_for(nobody), "dead", structlog.get_logger())
    assert [writer.write(letter(offset, b"x" * 8_388_608)) for offset in range(5)] == [True] * 4 + [False]
    assert writer.write(letter(9, None))
    began = time.monotonic()
    writer.close(0.5)
    assert 0.4 < time.monotonic() - began < 3.0
    assert writer.take_reports() == []


def test_dead_letters_wait_for_their_topic(cluster: Cluster) -> None:
    """As long as it does not exist they are tried again."""
    topic = cluster.create_topic()
    cluster.delete_topic(topic)
    settings = settings_for(cluster.bootstrap_servers)
    hasty = settings.model_copy(update={"client": {"topic.metadata.propagation.max.ms": 100}})
    writer = DeadLetterTopic(hasty, topic, structlog.get_logger())
    assert writer.write(letter(1))
    until(lambda: bool(writer.take_reports()) or bool(writer._failed))
    cluster.create_topic(name=topic)
    assert reports_of(writer, 1) == [LetterReport(SOURCE, 1, written=True)]
    writer.close(SECONDS)
