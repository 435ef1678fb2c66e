"""KafkaSource and offsets that hold no record: retention, compaction, transactions."""

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Producer

from broker import LocalBroker
from driftd.errors import RetentionGap
from driftd.kafka.start import Gap
from driftd.values.keys import SourcePartition
from kafka_cluster import Cluster, Record
from kafka_reading import SECONDS, Open, numbered, opener, poll_until, read_all, read_until, values_of

pytestmark = pytest.mark.kafka


@pytest.fixture
def open_source(cluster: Cluster) -> Iterator[Open]:
    """Start sources (settings as keywords), and close them in the end."""
    with opener(cluster.bootstrap_servers) as open_source:
        yield open_source


@pytest.fixture
def cleaning_broker(start_broker: Callable[..., LocalBroker]) -> LocalBroker:
    """A broker that looks for what it may remove all the time."""
    names = ("log.retention.check.interval.ms", "log.cleaner.backoff.ms", "log.initial.task.delay.ms")
    return start_broker(dict.fromkeys(names, "300"))


def test_a_position_that_retention_overtook_leaves_a_gap(cluster: Cluster, open_source: Open) -> None:
    """At the start: reading goes on at the first offset there is, and the gap is reported once."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(10))
    cluster.delete_records(topic, 0, 6)
    source = open_source(topic, {SourcePartition(topic, 0): 2})
    assert source.take_gaps() == (Gap(SourcePartition(topic, 0), 2, 6),)
    assert source.take_gaps() == ()
    assert values_of(read_all(source)) == {0: [b"6", b"7", b"8", b"9"]}


def test_retention_that_overtakes_the_reading_leaves_a_gap(cluster: Cluster, open_source: Open) -> None:
    """While running: as after a long pause."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(10))
    source = open_source(topic, batch_records=3)
    batches = read_until(source, bool)
    source.pause(source.partitions)
    cluster.delete_records(topic, 0, 8)
    source.resume(source.partitions)
    batches += read_until(source, lambda new: any(batch.drained for batch in new))
    assert values_of(batches) == {0: [b"0", b"1", b"2", b"8", b"9"]}
    assert source.take_gaps() == (Gap(SourcePartition(topic, 0), 3, 8),)


def test_a_position_at_the_first_offset_is_no_gap(cluster: Cluster, open_source: Open) -> None:
    """Retention removed exactly what had been read; also where it removed everything."""
    topic = cluster.create_topic(partitions=2)
    cluster.produce(topic, numbered(10, 0) + numbered(10, 1))
    first, second = SourcePartition(topic, 0), SourcePartition(topic, 1)
    cluster.delete_records(topic, 0, 6)
    cluster.delete_records(topic, 1, 10)
    source = open_source(topic, {first: 6, second: 10}, on_gap="stop")
    assert values_of(read_all(source))[0] == [b"6", b"7", b"8", b"9"]
    assert source.take_gaps() == ()


def test_a_gap_may_take_a_partition_to_its_end(cluster: Cluster, open_source: Open) -> None:
    """Nothing is left, and what is written later is read."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(10))
    cluster.delete_records(topic, 0, 10)
    source = open_source(topic, {SourcePartition(topic, 0): 4})
    assert source.take_gaps() == (Gap(SourcePartition(topic, 0), 4, 10),)
    cluster.produce(topic, numbered(1, first=10))
    assert values_of(read_until(source, lambda batches: any(batch.values for batch in batches))) == {0: [b"10"]}


def test_a_gap_below_what_had_been_reached_is_counted_from_where_reading_resumes(
    cluster: Cluster, open_source: Open
) -> None:
    """Records to be read again are lost as well, whether retention got up to what had been reached or beyond."""
    topic = cluster.create_topic(partitions=2)
    cluster.produce(topic, numbered(10, 0) + numbered(10, 1))
    below, beyond = SourcePartition(topic, 0), SourcePartition(topic, 1)
    cluster.delete_records(topic, 0, 4)
    cluster.delete_records(topic, 1, 8)
    source = open_source(topic, {below: 2, beyond: 2}, reached={below: 6, beyond: 6})
    assert source.take_gaps() == (Gap(below, 2, 4), Gap(beyond, 2, 8))


def test_a_gap_stops_the_start_where_nobody_wants_to_go_on(cluster: Cluster, open_source: Open) -> None:
    """state.on_gap: stop; the error names the partition and both offsets, and what to do."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(10))
    cluster.delete_records(topic, 0, 6)
    with pytest.raises(RetentionGap) as stopped:
        open_source(topic, {SourcePartition(topic, 0): 2}, on_gap="stop")
    error = stopped.value
    assert (error.topic, error.partition, error.expected, error.actual) == (topic, 0, 2, 6)
    assert "state.on_gap: continue" in str(error)
    assert "driftd state reset" in str(error)


def test_a_gap_of_a_paused_partition_stops_the_reading_when_it_is_resumed(cluster: Cluster, open_source: Open) -> None:
    """Nothing is handed out behind it, and the other partition's records were not lost."""
    topic = cluster.create_topic(partitions=2)
    cluster.produce(topic, numbered(10, 0) + numbered(3, 1))
    source = open_source(topic, batch_records=3, on_gap="stop")
    held = SourcePartition(topic, 0)
    batches = read_until(source, lambda batches: any(batch.source == held for batch in batches))
    position = source.positions[held]
    source.pause({held})
    cluster.delete_records(topic, 0, 9)
    batches += poll_until(source, lambda: source.positions[SourcePartition(topic, 1)] == 3)
    source.resume({held})
    with pytest.raises(RetentionGap) as stopped:
        poll_until(source, lambda: False)
    assert (stopped.value.expected, stopped.value.actual) == (position, 9)
    assert values_of(batches)[1] == [b"0", b"1", b"2"]
    assert source.positions[held] == position


def test_retention_of_the_broker_itself_leaves_a_gap(cleaning_broker: LocalBroker) -> None:
    """Old segments go by their age, as in operation, while their partition is paused."""
    cluster = Cluster(cleaning_broker.bootstrap_servers)
    topic = cluster.create_topic(config={"segment.bytes": "1048576", "file.delete.delay.ms": "0"})
    records = [Record(b"o" * 1000, 0, 1_000 + n) for n in range(2_500)]
    cluster.produce(topic, records, {"batch.num.messages": 100})
    partition = SourcePartition(topic, 0)
    with opener(cluster.bootstrap_servers) as open_source:
        source = open_source(topic, batch_records=3)
        read_until(source, bool)
        source.pause(source.partitions)
        position = source.positions[partition]
        cluster.configure(topic, {"retention.ms": "1000"})
        poll_until(source, lambda: cluster.first_offset(topic, 0) > position)
        source.resume(source.partitions)
        poll_until(source, lambda: source.positions[partition] > position)
        gap = source.take_gaps()[0]
    assert (gap.source, gap.expected) == (partition, position)
    assert gap.actual > 1_000  # a segment or two of a mebibyte


def test_compacted_records_are_no_gap(cleaning_broker: LocalBroker) -> None:
    """What compaction took away leaves holes between offsets, and a position in a hole is sound."""
    cluster = Cluster(cleaning_broker.bootstrap_servers)
    config = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "100"}
    topic = cluster.create_topic(config={**config, "max.compaction.lag.ms": "100"})
    deadline = time.monotonic() + SECONDS
    with opener(cluster.bootstrap_servers) as open_source:
        written, offsets = 0, list(range(1))
        while len(offsets) > written // 2:
            assert time.monotonic() < deadline
            cluster.produce(topic, [Record(b"x", key=b"same")] * 10, {"batch.num.messages": 1})
            written += 10
            source = open_source(topic, on_gap="stop")
            offsets = [offset for batch in read_all(source) for offset in batch.offsets]
            assert source.take_gaps() == ()
            source.close()
        assert offsets[0] > 1
        source = open_source(topic, {SourcePartition(topic, 0): 1}, on_gap="stop")
        assert [offset for batch in read_all(source) for offset in batch.offsets][-1] == offsets[-1]
        assert source.take_gaps() == ()


def test_transactions_leave_no_gap(cluster: Cluster, open_source: Open) -> None:
    """Markers and aborted records take up offsets; a position on one of them is sound as well."""
    topic = cluster.create_topic()
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers, "transactional.id": topic, "log_level": 0})
    producer.init_transactions(SECONDS)
    for value, end in ((b"a", producer.commit_transaction), (b"b", producer.abort_transaction)) * 2:
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(SECONDS)
        end(SECONDS)
    partition = SourcePartition(topic, 0)
    for position, values in ((0, [b"a", b"a"]), (1, [b"a"]), (2, [b"a"]), (3, [b"a"]), (5, []), (7, []), (8, [])):
        source = open_source(topic, {partition: position}, on_gap="stop")
        batches = read_until(source, lambda batches: any(b.drained and b.position == 8 for b in batches))
        assert values_of(batches) == {0: values}
        assert source.take_gaps() == ()
        source.close()
