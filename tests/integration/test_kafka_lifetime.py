"""Opening and closing KafkaSource again and again, and every call's time while the broker is frozen."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from broker import LocalBroker
from driftd.errors import (
    BrokerUnreachable,
    PositionBeyondEnd,
    RetentionGap,
    SourceError,
    TopicRecreated,
    UnknownTopic,
)
from driftd.kafka.source import KafkaSource
from driftd.values.keys import SourcePartition
from kafka_cluster import Cluster
from kafka_reading import SECONDS, capturing_log, numbered, poll_until, settings_for, wall_clock_ms
from waiting import wait_for

pytestmark = pytest.mark.kafka

ROUNDS = 20
POLL_SECONDS = 0.2
POLL_LATE_SECONDS = 0.3  # a poll beyond its time-out, on a machine that does other things too


def in_use() -> tuple[int, int]:
    """Return how many file descriptors and threads this process has."""
    return len(list(Path("/proc/self/fd").iterdir())), len(list(Path("/proc/self/task").iterdir()))


def settled(before: tuple[int, int]) -> tuple[int, int]:
    """Return what is in use, as soon as it is no more than before; at the latest after some seconds."""
    with suppress(AssertionError):
        wait_for(lambda: in_use() <= before, "nothing is left behind", 10.0)
    return in_use()


def test_sources_that_fail_leave_nothing_behind(cluster: Cluster) -> None:
    """For each lasting failure of a start, and for one while reading: threads and descriptors stay what they were."""
    topic, cut_off = cluster.create_topic(), cluster.create_topic()
    cluster.produce(topic, numbered(10))
    cluster.produce(cut_off, numbered(10))
    cluster.delete_records(cut_off, 0, 5)
    partition, short = SourcePartition(topic, 0), SourcePartition(cut_off, 0)
    log, _ = capturing_log()

    def fail(expected: type[SourceError], name: str, run: Callable[[KafkaSource], None], servers: str = "") -> None:
        settings = settings_for(servers or cluster.bootstrap_servers, name, discovery_interval="100ms")
        source = KafkaSource(settings, "me", log, wall_clock_ms, on_gap="stop")
        with pytest.raises(expected):
            run(source)
        source.close()

    def read_a_recreated_one(source: KafkaSource) -> None:
        source.start({}, SECONDS)
        cluster.delete_topic(topic)
        cluster.create_topic(name=topic)
        cluster.produce(topic, numbered(10))
        poll_until(source, lambda: False)

    def rounds() -> None:
        fail(UnknownTopic, "test-none", lambda source: source.start({}, SECONDS))
        fail(PositionBeyondEnd, topic, lambda source: source.start({partition: 11}, SECONDS))
        fail(TopicRecreated, topic, lambda source: source.start({}, SECONDS, topic_ids={topic: "another"}))
        fail(RetentionGap, cut_off, lambda source: source.start({short: 2}, SECONDS))
        fail(BrokerUnreachable, topic, lambda source: source.start({}, 0.1), servers="127.0.0.1:1")
        fail(TopicRecreated, topic, read_a_recreated_one)

    rounds()  # what is made once, is made now
    before = in_use()
    for _ in range(ROUNDS // 6 + 1):
        rounds()
    assert settled(before) <= before


def test_sources_that_work_leave_nothing_behind(cluster: Cluster) -> None:
    """Twenty starts, each reading, committing and closing: threads and descriptors stay what they were."""
    topic = cluster.create_topic(partitions=3)
    cluster.produce(topic, numbered(10))
    first = SourcePartition(topic, 0)
    log, _ = capturing_log()

    def read() -> None:
        settings = settings_for(cluster.bootstrap_servers, topic)
        source = KafkaSource(settings, "me", log, wall_clock_ms)
        source.start({}, SECONDS)
        source.check_other_instance(30.0)
        poll_until(source, lambda: source.positions[first] == 10)
        source.commit(source.positions)
        source.close()
        source.close()

    read()
    before = in_use()
    for _ in range(ROUNDS):
        read()
    assert settled(before) <= before


def test_no_call_waits_for_a_frozen_broker(own_broker: LocalBroker) -> None:
    """While nothing answers, and also where something is to be found out about a partition."""
    cluster = Cluster(own_broker.bootstrap_servers)
    topic = cluster.create_topic(partitions=2)
    cluster.produce(topic, numbered(10))
    log, _ = capturing_log()
    settings = settings_for(cluster.bootstrap_servers, topic, discovery_interval="200ms")
    source = KafkaSource(settings, "me", log, wall_clock_ms)
    source.start({}, SECONDS)
    first = SourcePartition(topic, 0)
    poll_until(source, lambda: source.positions[first] == 10)
    own_broker.freeze()
    source._doubts.refused(first)  # as if the client had refused its position just now
    longest: dict[str, float] = {}

    def timed(name: str, call: Callable[[], object]) -> None:
        began = time.monotonic()
        call()
        longest[name] = max(time.monotonic() - began, longest.get(name, 0.0))

    deadline = time.monotonic() + 6.0
    while time.monotonic() < deadline:
        timed("poll", lambda: source.poll(POLL_SECONDS))
        timed("discover", source.discover)
        timed("commit", lambda: source.commit(source.positions))
        timed("lag", source.lag)
        timed("pause", lambda: source.pause(source.partitions))
        timed("resume", lambda: source.resume(source.partitions))
        timed("take_gaps", source.take_gaps)
    assert source.discover().unreachable == source.partitions
    assert longest.pop("poll") < POLL_SECONDS + POLL_LATE_SECONDS
    assert {name: seconds for name, seconds in longest.items() if seconds >= POLL_LATE_SECONDS} == {}
    timed("close", source.close)
    assert longest["close"] < 7.0
    own_broker.thaw()


def test_a_start_that_no_broker_answers_ends_in_time_and_is_heeded(own_broker: LocalBroker) -> None:
    """A frozen broker accepts connections and says nothing: the wait that was asked for holds, and can be ended."""
    own_broker.freeze()
    log, _ = capturing_log()

    class EnoughError(Exception):
        pass

    def enough() -> None:
        raise EnoughError

    source = KafkaSource(settings_for(own_broker.bootstrap_servers, "t"), "me", log, wall_clock_ms)
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable):
        source.start({}, 1.0)
    assert time.monotonic() - began < 3.0
    began = time.monotonic()
    with pytest.raises(EnoughError):
        source.start({}, 60.0, heed=enough)
    source.close()
    assert time.monotonic() - began < 6.0
    own_broker.thaw()
