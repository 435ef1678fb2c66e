"""KafkaSource and records that cannot be read: too large for the client, or damaged on the broker's disk."""

import os
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from broker import LocalBroker, local_broker
from driftd.errors import RecordUnreadable
from driftd.kafka.hurdles import Hurdle
from driftd.kafka.start import Gap
from driftd.values.keys import SourcePartition
from kafka_cluster import Cluster, Record
from kafka_jars import BrokerUnavailable
from kafka_reading import Open, capturing_log, numbered, opener, poll_until, read_all, values_of

pytestmark = pytest.mark.kafka

HUGE = 8_000_000
# where things stand in a batch of format 2: after base offset (8), length (4), epoch (4)
LENGTH_AT, MAGIC_AT, ATTRIBUTES_AT = 8, 16, 21
BATCH_HEADER = 12
DAMAGE: Mapping[str, tuple[int, bytes]] = {
    "a flipped byte": (70, b"\xff"),
    "an unknown format": (MAGIC_AT, b"\x09"),
    "an unknown compression": (ATTRIBUTES_AT, struct.pack(">h", 7)),
    "a compression that it does not have": (ATTRIBUTES_AT, struct.pack(">h", 4)),
}


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalBroker]:
    """A broker whose files the tests may damage."""
    try:
        with local_broker() as broker:
            yield broker
    except BrokerUnavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(f"no broker whose files can be damaged: {reason}")
        pytest.skip(f"no broker whose files can be damaged: {reason}")


@pytest.fixture
def cluster(broker: LocalBroker) -> Cluster:
    """That broker, with what tests do to it."""
    return Cluster(broker.bootstrap_servers)


@pytest.fixture
def open_source(broker: LocalBroker) -> Iterator[Open]:
    """Start sources (settings as keywords), and close them in the end."""
    with opener(broker.bootstrap_servers) as open_source:
        yield open_source


def damage(broker: LocalBroker, topic: str, batch: int, at: int, with_bytes: bytes) -> None:
    """Overwrite bytes of one batch (counted from 0) of partition 0."""
    (segment,) = (broker.data / f"{topic}-0").glob("*.log")
    with segment.open("r+b") as log:
        start = 0
        for _ in range(batch):
            log.seek(start + LENGTH_AT)
            start += BATCH_HEADER + struct.unpack(">i", log.read(4))[0]
        log.seek(start + at)
        log.write(with_bytes)


def written(cluster: Cluster, partitions: int = 2) -> str:
    """Return a topic with three batches in partition 0, of 3, 5 and 2 records, and records in partition 1."""
    topic = cluster.create_topic(partitions)
    for first, count in ((0, 3), (3, 5), (8, 2)):
        cluster.produce(topic, numbered(count, first=first), {"linger.ms": 500})
    cluster.produce(topic, numbered(4, 1))
    return topic


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_record_of_eight_megabytes_is_read_with_default_settings(
    cluster: Cluster, open_source: Open, compression: str
) -> None:
    """Whatever its compression, and with others around it."""
    topic = cluster.create_topic(config={"max.message.bytes": "20000000"})
    huge = os.urandom(HUGE)
    records = [Record(b"a"), Record(huge), Record(huge), Record(b"z")]
    cluster.produce(topic, records, {"message.max.bytes": 20_000_000, "compression.type": compression})
    assert values_of(read_all(open_source(topic))) == {0: [b"a", huge, huge, b"z"]}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_batch_is_told_and_left_out(
    broker: LocalBroker, cluster: Cluster, open_source: Open, kind: str
) -> None:
    """Exactly that batch is lost, the loss is a gap, and the partition and all others go on."""
    topic = written(cluster)
    damage(broker, topic, 1, *DAMAGE[kind])
    log, lines = capturing_log()
    source = open_source(topic, log=log)
    first = SourcePartition(topic, 0)
    batches = poll_until(source, lambda: source.positions[first] == 10 and set(source.lag().values()) == {0})
    assert values_of(batches) == {
        0: [b"0", b"1", b"2", b"8", b"9"],
        1: [b"0", b"1", b"2", b"3"],
    }
    assert source.take_gaps() == (Gap(first, 3, 8),)
    told = [fields for event, fields in lines if event == "kafka_record_unreadable"]
    assert [(line["topic"], line["partition"], line["offset"]) for line in told] == [(topic, 0, 3)]
    assert source.unreadable == ()
    cluster.produce(topic, numbered(1, first=10))
    assert values_of(poll_until(source, lambda: source.positions[first] == 11)) == {0: [b"10"]}


def test_damage_up_to_the_end_is_left_out_too(broker: LocalBroker, cluster: Cluster, open_source: Open) -> None:
    """The last two batches are damaged; what is written after them is read."""
    topic = written(cluster)
    damage(broker, topic, 1, *DAMAGE["a flipped byte"])
    damage(broker, topic, 2, *DAMAGE["a flipped byte"])
    source = open_source(topic)
    first = SourcePartition(topic, 0)
    poll_until(source, lambda: source.positions[first] == 10)
    gaps = source.take_gaps()
    assert (gaps[0].expected, gaps[-1].actual) == (3, 10)
    cluster.produce(topic, numbered(1, first=10))
    assert values_of(poll_until(source, lambda: source.positions[first] == 11))[0] == [b"10"]


def test_a_damaged_batch_stops_the_reading_where_nobody_wants_to_go_on(
    broker: LocalBroker, cluster: Cluster, open_source: Open
) -> None:
    """state.on_gap: stop; the error names the offset, and what came before was handed out."""
    topic = written(cluster)
    damage(broker, topic, 1, *DAMAGE["a flipped byte"])
    source = open_source(topic, on_gap="stop")
    batches: list[Any] = []
    with pytest.raises(RecordUnreadable) as stopped:
        poll_until(source, lambda: False, into=batches)
    error = stopped.value
    assert (error.topic, error.partition, error.offset) == (topic, 0, 3)
    assert values_of(batches)[0] == [b"0", b"1", b"2"]
    assert source.positions[SourcePartition(topic, 0)] == 3


def test_a_batch_too_large_for_the_client_is_told_and_the_others_go_on(cluster: Cluster, open_source: Open) -> None:
    """Its partition waits at the record, and shows as unreachable; with a higher limit nothing is lost."""
    topic = cluster.create_topic(4, {"max.message.bytes": "20000000"})
    huge = os.urandom(HUGE)
    cluster.produce(topic, [Record(b"a"), Record(huge), Record(b"z")], {"message.max.bytes": 20_000_000})
    for partition in (1, 2, 3):
        cluster.produce(topic, numbered(2_000, partition))
    limits = {"receive.message.max.bytes": 4_000_000, "fetch.max.bytes": 3_000_000, "message.max.bytes": 100_000}
    log, lines = capturing_log()
    source = open_source(topic, client=limits, log=log, discovery_interval="500ms")
    stuck = SourcePartition(topic, 0)
    others = source.partitions - {stuck}
    batches = poll_until(source, lambda: stuck in source.discover().unreachable)
    cluster.produce(topic, [record for n in (1, 2, 3) for record in numbered(10, n, first=2_000)])
    batches += poll_until(source, lambda: {source.positions[other] for other in others} == {2_010})
    assert values_of(batches)[0] == [b"a"]
    (told,) = [fields for event, fields in lines if event == "kafka_record_unreadable"]
    assert (told["partition"], told["offset"], told["reason"]) == (0, 1, Hurdle.TOO_LARGE.value)
    assert [(error.partition, error.offset) for error in source.unreadable] == [(0, 1)]
    assert source.take_gaps() == ()
    again = open_source(topic, {stuck: source.positions[stuck]})
    assert values_of(read_all(again))[0] == [huge, b"z"]


def test_a_partition_that_gives_nothing_without_a_word_is_told(
    broker: LocalBroker, cluster: Cluster, open_source: Open
) -> None:
    """A damaged length: the client reports nothing. The others go on, and deleting the records heals it."""
    topic = written(cluster)
    damage(broker, topic, 1, LENGTH_AT, struct.pack(">i", 2_000_000))
    log, lines = capturing_log()
    source = open_source(topic, log=log, discovery_interval="500ms")
    stuck, other = SourcePartition(topic, 0), SourcePartition(topic, 1)
    began = time.monotonic()
    poll_until(source, lambda: stuck in source.discover().unreachable)
    assert time.monotonic() - began < 25.0
    (told,) = [fields for event, fields in lines if event == "kafka_record_unreadable"]
    assert (told["partition"], told["offset"], told["reason"]) == (0, 3, Hurdle.SILENT.value)
    cluster.produce(topic, numbered(1, 1, first=4))
    poll_until(source, lambda: source.positions[other] == 5)
    cluster.delete_records(topic, 0, 8)
    poll_until(source, lambda: stuck not in source.discover().unreachable)
    assert source.take_gaps() == (Gap(stuck, 3, 8),)
    assert source.unreadable == ()
