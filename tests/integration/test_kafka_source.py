"""KafkaSource against a real broker."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from confluent_kafka import Consumer, Producer, TopicPartition

from driftd.errors import BrokerUnreachable, InstanceConflict, UnknownTopic
from driftd.kafka.settings import KafkaSettings
from driftd.kafka.source import KafkaSource
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import SourcePartition
from kafka_cluster import Cluster, Record
from kafka_reading import SECONDS, Open, numbered, opener, read_all, read_until, values_of, wall_clock_ms

pytestmark = pytest.mark.kafka


@pytest.fixture
def open_source(cluster: Cluster) -> Iterator[Open]:
    """Start sources (settings as keywords), and close them in the end."""
    with opener(cluster.bootstrap_servers) as open_source:
        yield open_source


def test_every_record_is_read_once_in_its_partitions_order(cluster: Cluster, open_source: Open) -> None:
    """All partitions are assigned without being named, and each ends with a drained batch at its end."""
    topic = cluster.create_topic(partitions=3)
    cluster.produce(topic, numbered(2500, 0) + numbered(7, 1))
    source = open_source(topic)
    batches = read_all(source)
    expected = {0: [str(n).encode() for n in range(2500)], 1: [str(n).encode() for n in range(7)], 2: []}
    assert values_of(batches) == expected
    assert {batch.source.partition: batch.position for batch in batches if batch.drained} == {0: 2500, 1: 7, 2: 0}
    assert max(len(batch.offsets) for batch in batches) <= 1000
    assert source.lag() == dict.fromkeys(source.partitions, 0)


def test_a_batch_tells_offsets_times_and_tombstones(cluster: Cluster, open_source: Open) -> None:
    """Create times are the producer's; a null value is a tombstone; the clock is the one passed in."""
    topic = cluster.create_topic()
    cluster.produce(topic, [Record(b"a", 0, 5_000), Record(None, 0, 4_000, (("k", b"v"),)), Record(b"", 0, 6_000)])
    first = read_all(open_source(topic, clock=lambda: 99))[0]
    expected = Batch(
        source=SourcePartition(topic, 0),
        position=3,
        offsets=range(3),
        values=[b"a", None, b""],
        timestamps_ms=[5_000, 4_000, 6_000],
        record_time=RecordTime.CREATE,
        clock_ms=99,
    )
    assert replace(first, drained=False) == expected  # whether the end comes with them is a matter of time


def test_log_append_times_are_the_brokers(cluster: Cluster, open_source: Open) -> None:
    """What the producer claimed is gone, and the batch says so."""
    topic = cluster.create_topic(config={"message.timestamp.type": "LogAppendTime"})
    before_ms = wall_clock_ms()
    cluster.produce(topic, numbered(3))
    first = read_all(open_source(topic))[0]
    assert first.record_time is RecordTime.LOG_APPEND
    assert all(before_ms - 60_000 <= time_ms <= wall_clock_ms() + 60_000 for time_ms in first.timestamps_ms)


def test_a_huge_record_comes_through(cluster: Cluster, open_source: Open) -> None:
    """A record larger than a fetch and than the queue's bound is read like any other, and so is the next."""
    topic = cluster.create_topic(config={"max.message.bytes": "10485760"})
    huge = b"h" * 5_000_000
    cluster.produce(topic, [Record(huge), Record(b"next")], {"message.max.bytes": 10_485_760})
    source = open_source(topic, client={"fetch.message.max.bytes": 100_000, "queued.max.messages.kbytes": 1024})
    assert values_of(read_all(source)) == {0: [huge, b"next"]}


def test_transaction_markers_leave_no_lag(cluster: Cluster, open_source: Open) -> None:
    """Offsets that no record has do not keep the lag at one, committed or aborted."""
    topic = cluster.create_topic()
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(SECONDS)
    for end in (producer.commit_transaction, producer.abort_transaction):
        producer.begin_transaction()
        producer.produce(topic, b"x")
        producer.flush(SECONDS)
        end(SECONDS)
    source = open_source(topic)
    batches = read_until(source, lambda batches: any(batch.drained and batch.position == 4 for batch in batches))
    assert values_of(batches) == {0: [b"x"]}
    assert source.lag() == {SourcePartition(topic, 0): 0}


def test_lag_is_what_is_left_to_read(cluster: Cluster, open_source: Open) -> None:
    """Half-way, the lag is the distance from the position to the end."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(300))
    source = open_source(topic, batch_records=100)
    read_until(source, bool)
    assert source.lag() == {SourcePartition(topic, 0): 200}


@pytest.mark.parametrize(("start", "first"), [("earliest", 0), ("latest", 10), ("30m", 7), ("1s", 10)])
def test_without_a_position_reading_starts_where_the_settings_say(
    cluster: Cluster, open_source: Open, start: str, first: int
) -> None:
    """A duration back means the first record that young, or the end where there is none."""
    topic = cluster.create_topic()
    now_ms = wall_clock_ms()
    ages_min = [90, 80, 70, 60, 50, 45, 31, 29, 10, 5]
    cluster.produce(topic, [Record(b"x", 0, now_ms - 60_000 * age) for age in ages_min])
    source = open_source(topic, start=start, clock=lambda: now_ms)
    assert source.positions == {SourcePartition(topic, 0): first}
    assert len(values_of(read_all(source))[0]) == 10 - first


def test_a_position_wins_over_the_start_setting(cluster: Cluster, open_source: Open) -> None:
    """A partition with a position goes on there; one without starts as the settings say."""
    topic = cluster.create_topic(partitions=2)
    cluster.produce(topic, numbered(4, 0) + numbered(4, 1))
    source = open_source(topic, {SourcePartition(topic, 0): 3}, start="earliest")
    assert values_of(read_all(source)) == {0: [b"3"], 1: [b"0", b"1", b"2", b"3"]}


def test_a_paused_partition_gives_nothing_until_it_is_resumed(cluster: Cluster, open_source: Open) -> None:
    """Others go on meanwhile, and nothing of the paused one is lost or repeated."""
    topic = cluster.create_topic(partitions=2)
    cluster.produce(topic, numbered(500, 0) + numbered(500, 1))
    source = open_source(topic, batch_records=50)
    held, other = SourcePartition(topic, 0), SourcePartition(topic, 1)
    early = read_until(source, lambda batches: any(batch.source == held for batch in batches))
    source.pause({held})
    meanwhile = read_until(
        source, lambda batches: sum(len(b.values) for b in early + batches if b.source == other) == 500
    )
    assert [batch for batch in meanwhile if batch.source == held] == []
    source.resume({held})
    late = read_until(source, lambda batches: sum(len(b.values) for b in early + batches if b.source == held) == 500)
    expected = [str(n).encode() for n in range(500)]
    assert values_of(early + meanwhile + late) == {0: expected, 1: expected}


def test_new_partitions_are_found_within_ten_seconds(cluster: Cluster, open_source: Open) -> None:
    """With default settings; they are read from their first record, and reported once."""
    topic = cluster.create_topic()
    source = open_source(topic)
    cluster.add_partitions(topic, 3)
    deadline = time.monotonic() + 10.0
    cluster.produce(topic, numbered(5, 2))
    found: dict[SourcePartition, int] = {}
    batches: list[Batch] = []
    while len(found) < 2:
        assert time.monotonic() < deadline
        batches += source.poll(0.1)
        found |= source.discover().found
    assert found == {SourcePartition(topic, 1): 0, SourcePartition(topic, 2): 0}
    assert source.discover().found == {}
    batches += read_until(source, lambda new: sum(len(batch.values) for batch in batches + new) == 5)
    assert values_of(batches)[2] == [b"0", b"1", b"2", b"3", b"4"]


def test_commits_carry_the_position_and_the_claim(cluster: Cluster, open_source: Open) -> None:
    """Lag tools see the position; the metadata names the instance and its time, also when nothing moved."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(3))
    times = iter(range(1_000, 9_000))
    source = open_source(topic, clock=lambda: next(times))
    read_all(source)
    written = []
    for _ in range(2):
        source.commit({SourcePartition(topic, 0): 3})
        source.poll(0.5)
        written.append(committed(cluster, topic))
    assert [offset for offset, _ in written] == [3, 3]
    assert [claim["instance"] for _, claim in written] == ["me", "me"]
    assert written[0][1]["time_ms"] < written[1][1]["time_ms"]
    source.close()
    assert committed(cluster, topic)[1]["stopped"] is True


def committed(cluster: Cluster, topic: str) -> tuple[int, dict[str, Any]]:
    """Return the committed offset of partition 0, and its metadata decoded."""
    consumer = Consumer({"bootstrap.servers": cluster.bootstrap_servers, "group.id": f"group-{topic}"})
    try:
        (entry,) = consumer.committed([TopicPartition(topic, 0)], timeout=SECONDS)
    finally:
        consumer.close()
    return entry.offset, json.loads(entry.metadata or "{}")


def test_a_second_instance_is_refused_until_the_first_has_stopped(cluster: Cluster, open_source: Open) -> None:
    """The first one's own restart is none of that, and a clean stop frees the group at once."""
    topic = cluster.create_topic()
    first = open_source(topic, instance="first")
    first.check_other_instance(30.0)
    first.commit(first.positions)
    first.poll(0.5)
    second = open_source(topic, instance="second")
    with pytest.raises(InstanceConflict) as refused:
        second.check_other_instance(30.0)
    assert (refused.value.group_id, refused.value.other) == (f"group-{topic}", "first")
    open_source(topic, instance="first").check_other_instance(30.0)
    first.close()
    second.check_other_instance(30.0)


def test_an_instance_that_died_frees_the_group_after_a_while(cluster: Cluster, open_source: Open) -> None:
    """A claim that is not renewed grows old."""
    topic = cluster.create_topic()
    first = open_source(topic, instance="first", clock=lambda: wall_clock_ms() - 31_000)
    first.commit(first.positions)
    first.poll(0.5)
    open_source(topic, instance="second").check_other_instance(30.0)


def test_an_unknown_topic_is_named(open_source: Open) -> None:
    """It is not created by asking for it."""
    with pytest.raises(UnknownTopic) as refused:
        open_source("test-no-such-topic")
    assert refused.value.topic == "test-no-such-topic"


def test_an_unreachable_broker_is_told_in_time() -> None:
    """After the wait that was asked for, and closing does not take long either."""
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", group_id="g", topics=["t"])
    source = KafkaSource(settings, "me", structlog.get_logger(), wall_clock_ms)
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable) as refused:
        source.start({}, wait_seconds=1.0)
    source.close()
    assert (refused.value.servers, refused.value.waited_seconds) == ("127.0.0.1:1", 1.0)
    assert 1.0 <= time.monotonic() - began < 8.0
