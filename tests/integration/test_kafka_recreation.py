"""KafkaSource and topics that are deleted, made anew, or cut off at their end."""

from collections.abc import Iterator

import pytest

from driftd.errors import PositionBeyondEnd, TopicRecreated
from driftd.values.keys import SourcePartition
from kafka_cluster import Cluster
from kafka_reading import Open, numbered, opener, poll_until, read_all, values_of

pytestmark = pytest.mark.kafka


@pytest.fixture
def open_source(cluster: Cluster) -> Iterator[Open]:
    """Start sources (settings as keywords), and close them in the end."""
    with opener(cluster.bootstrap_servers) as open_source:
        yield open_source


def recreate(cluster: Cluster, topic: str, records: int, partitions: int = 1) -> None:
    """Delete a topic and make it anew, with some records."""
    cluster.delete_topic(topic)
    cluster.create_topic(partitions, name=topic)
    cluster.produce(topic, numbered(records, first=1000))


def test_a_recreated_topic_is_refused_at_the_start(cluster: Cluster, open_source: Open) -> None:
    """A position beyond the end, or in a partition that is no more, names the topic and both offsets."""
    topic = cluster.create_topic(partitions=2)
    cluster.delete_topic(topic)
    cluster.create_topic(partitions=1, name=topic)
    cluster.produce(topic, numbered(2))
    with pytest.raises(PositionBeyondEnd) as cut:
        open_source(topic, {SourcePartition(topic, 0): 5})
    assert (cut.value.topic, cut.value.partition, cut.value.position, cut.value.end) == (topic, 0, 5, 2)
    with pytest.raises(PositionBeyondEnd) as gone:
        open_source(topic, {SourcePartition(topic, 1): 4})
    assert (gone.value.partition, gone.value.position, gone.value.end) == (1, 4, 0)


def test_a_topic_recreated_with_records_beyond_the_rewind_is_refused(cluster: Cluster, open_source: Open) -> None:
    """Reading resumes at the rewind, but what had been read beyond it must still be there."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(6))
    partition = SourcePartition(topic, 0)
    with pytest.raises(PositionBeyondEnd) as refused:
        open_source(topic, {partition: 4}, reached={partition: 9})
    assert (refused.value.position, refused.value.end) == (9, 6)


@pytest.mark.parametrize("records", [3, 6, 20])
def test_a_topic_made_anew_is_refused_at_the_start_by_its_id(cluster: Cluster, open_source: Open, records: int) -> None:
    """Also where it has as many records as were read, or more: ids tell it, positions do not."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(6))
    first = open_source(topic)
    read_all(first)
    known = first.topic_ids
    first.close()
    assert read_all(open_source(topic, {SourcePartition(topic, 0): 6}, topic_ids=known))[-1].position == 6
    recreate(cluster, topic, records)
    with pytest.raises(TopicRecreated) as refused:
        open_source(topic, {SourcePartition(topic, 0): 6}, topic_ids=known)
    assert (refused.value.topic, refused.value.was) == (topic, known[topic])
    assert refused.value.now not in {known[topic], ""}
    # without the old id nothing speaks against it, if it is long enough
    if records >= 6:
        assert open_source(topic, {SourcePartition(topic, 0): 6}).topic_ids == {topic: refused.value.now}


def test_ids_of_topics_that_are_not_read_are_of_no_account(cluster: Cluster, open_source: Open) -> None:
    """What is no longer read may be made anew; the ids handed out are those of the topics that are."""
    topic = cluster.create_topic()
    source = open_source(topic, topic_ids={"given-up": "an id"})
    assert set(source.topic_ids) == {topic}


@pytest.mark.parametrize("records", [2, 10, 25])
def test_a_topic_made_anew_while_it_is_read_ends_the_reading(cluster: Cluster, open_source: Open, records: int) -> None:
    """Whether it is shorter, as long or longer; told within the interval of discovery, and told again."""
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(10))
    source = open_source(topic, discovery_interval="500ms")
    read_all(source)
    was = source.topic_ids[topic]
    recreate(cluster, topic, records)
    with pytest.raises(TopicRecreated) as refused:
        poll_until(source, lambda: False, seconds=5.0)
    assert (refused.value.topic, refused.value.was) == (topic, was)
    with pytest.raises(TopicRecreated):
        source.poll(0.1)
    assert source.lag().keys() == {SourcePartition(topic, 0)}


def test_nothing_gets_through_of_a_topic_that_was_seen_to_be_gone(cluster: Cluster, open_source: Open) -> None:
    """Its partitions are unreachable meanwhile; a longer one of the same name gives not one record.

    The interval leaves it the time to give some, before anybody looks at its id.
    """
    topic = cluster.create_topic()
    cluster.produce(topic, numbered(10))
    source = open_source(topic, discovery_interval="3s")
    read_all(source)
    cluster.delete_topic(topic)
    batches = poll_until(source, lambda: source.discover().unreachable == source.partitions)
    assert source.lag().keys() == source.partitions
    source.commit(source.positions)
    source.pause(source.partitions)
    source.resume(source.partitions)
    cluster.create_topic(name=topic)
    cluster.produce(topic, numbered(30))
    with pytest.raises(TopicRecreated):
        poll_until(source, lambda: False, into=batches)
    assert values_of(batches).get(0, []) == []


def test_partitions_of_a_topic_made_anew_are_not_found(cluster: Cluster, open_source: Open) -> None:
    """It may have more of them than before, which must not be taken for new ones of the old topic."""
    topic = cluster.create_topic()
    source = open_source(topic, discovery_interval="100ms")
    recreate(cluster, topic, 3, partitions=4)
    with pytest.raises(TopicRecreated):
        poll_until(source, lambda: bool(source.discover().found))
    assert len(source.partitions) == 1
