from collections.abc import Sequence
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from driftd.errors import PositionBeyondEnd, RecordUnreadable, RetentionGap
from driftd.kafka.doubts import Doubts, OnGap
from driftd.kafka.hurdles import Hurdle
from driftd.kafka.reading import Reading
from driftd.kafka.start import Gap
from driftd.kafka.watch import Finding, Sighting
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from kafka_reading import Lines, capturing_log

A, B = SourcePartition("t", 0), SourcePartition("t", 1)
ELSEWHERE = SourcePartition("u", 0)
NOWHERE: frozenset[SourcePartition] = frozenset()


class RecordedConsumer:
    """Stands where the client stands: what it was told to fetch, and from where."""

    def __init__(self) -> None:
        self.fetching: dict[SourcePartition, int] = {}
        self.paused: set[SourcePartition] = set()
        self.ends: dict[SourcePartition, int] = {}

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        for entry in partitions:
            assert SourcePartition(entry.topic, entry.partition) not in self.fetching
            self.fetching[SourcePartition(entry.topic, entry.partition)] = entry.offset

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        for entry in partitions:
            del self.fetching[SourcePartition(entry.topic, entry.partition)]

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused |= {SourcePartition(entry.topic, entry.partition) for entry in partitions}

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused -= {SourcePartition(entry.topic, entry.partition) for entry in partitions}

    def get_watermark_offsets(self, entry: TopicPartition, *, cached: bool) -> tuple[int, int]:
        assert cached
        end = self.ends.get(SourcePartition(entry.topic, entry.partition))
        if end is None:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return 0, end


class World:
    """Doubts over two partitions of one topic and one of another, with a clock of its own."""

    def __init__(self, on_gap: OnGap = "continue") -> None:
        self.consumer = RecordedConsumer()
        self.reading = Reading(cast("Consumer", self.consumer))
        log, self.lines = capturing_log()
        self.doubts = Doubts(self.reading, log, on_gap)
        self.now_seconds = 100.0
        offsets = {A: 10, B: 20, ELSEWHERE: 30}
        self.reading.begin(offsets)
        self.doubts.begin(offsets)
        self.doubts.turn(self.now_seconds, NOWHERE)

    def listen(self, seconds: float, unreachable: frozenset[SourcePartition] = NOWHERE) -> bool:
        """Turn for a while, ten times a second; return whether anything was asked."""
        asked = False
        for _ in range(round(10 * seconds)):
            self.now_seconds += 0.1
            asked |= self.doubts.turn(self.now_seconds, unreachable)
        return asked

    def heard(self, batch: Batch) -> None:
        """Hand a batch out."""
        self.reading.advance(batch)
        self.doubts.heard(batch)

    def find(self, source: SourcePartition, hurdle: Hurdle | None = None, low: int = 0, behind: int = 0) -> None:
        """Answer what was asked about a partition that ends at 50."""
        position = self.doubts.open[source]
        self.doubts.settle(Sighting(findings={source: Finding(position, low, 50, hurdle, behind or position)}), ())

    def told(self) -> list[int]:
        """Return the offsets that were told to be unreadable."""
        return offsets_told(self.lines)


def offsets_told(lines: Lines) -> list[int]:
    """Return the offsets of lines that tell of unreadable records."""
    return [fields["offset"] for event, fields in lines if event == "kafka_record_unreadable"]


def test_a_partition_whose_position_is_refused_is_held_until_it_is_known_why() -> None:
    """Others are fetched; when nothing is found to be wrong it is read on from where it was."""
    world = World()
    world.doubts.refused(A)
    assert (world.reading.holds(A), world.consumer.paused, world.doubts.open) == (True, {A}, {A: 10})
    assert world.listen(0.1)
    world.find(A)
    assert (world.reading.holds(A), world.consumer.paused, world.doubts.open) == (False, set(), {})
    assert world.consumer.fetching == {A: 10, B: 20, ELSEWHERE: 30}
    assert world.doubts.take_gaps() == ()


def test_retention_that_overtook_a_position_is_a_gap() -> None:
    """Reading goes on at the first offset there is."""
    world = World()
    world.doubts.refused(A)
    world.find(A, low=15)
    assert world.doubts.take_gaps() == (Gap(A, 10, 15),)
    assert (world.reading.positions[A], world.consumer.fetching[A]) == (15, 15)


@pytest.mark.parametrize(
    ("hurdle", "low", "expected"), [(None, 15, RetentionGap), (Hurdle.DAMAGED, 0, RecordUnreadable)]
)
def test_with_stop_nothing_is_gone_on_behind(hurdle: Hurdle | None, low: int, expected: type[Exception]) -> None:
    """The position stays where it was, for the next start."""
    world = World("stop")
    world.doubts.refused(A)
    with pytest.raises(expected):
        world.find(A, hurdle, low=low, behind=17)
    assert (world.reading.positions[A], world.doubts.take_gaps()) == (10, ())


def test_an_end_before_the_position_is_an_error() -> None:
    """The log is not the one that was read."""
    world = World()
    world.reading.release(A, 51)
    world.doubts.refused(A)
    with pytest.raises(PositionBeyondEnd):
        world.find(A)


def test_a_damaged_batch_is_told_and_left_out_as_a_gap() -> None:
    """Reading goes on at the first offset behind it."""
    world = World()
    world.doubts.refused(A)
    world.find(A, Hurdle.DAMAGED, behind=17)
    assert (world.told(), world.doubts.take_gaps(), world.consumer.fetching[A]) == ([10], (Gap(A, 10, 17),), 17)
    assert world.doubts.aside == {}


def test_a_partition_that_ought_to_have_more_is_asked_about_and_goes_on_meanwhile() -> None:
    """After ten seconds of silence; not if it is at its end, paused or unreachable, and not twice at once."""
    world = World()
    world.heard(Batch(source=B, position=20, drained=True))
    world.consumer.ends[B] = 20
    assert not world.listen(9.0, frozenset({ELSEWHERE}))
    assert world.listen(2.0, frozenset({ELSEWHERE}))
    assert (world.doubts.open, world.consumer.paused) == ({A: 10}, set())
    assert not world.listen(20.0, frozenset({ELSEWHERE}))
    world.find(A)
    assert (world.doubts.open, world.consumer.fetching[A]) == ({}, 10)
    world.reading.pause({A})
    assert not world.listen(20.0, frozenset({ELSEWHERE}))


def test_a_batch_dispels_a_doubt() -> None:
    """An answer that comes later is about a position of the past."""
    world = World()
    world.listen(11.0)
    finding = Finding(10, 0, 50, Hurdle.SILENT, 10)
    world.heard(Batch(source=A, position=11, offsets=[10], values=[b"x"], timestamps_ms=[0]))
    assert A not in world.doubts.open
    world.doubts.settle(Sighting(findings={A: finding}), ())
    assert (world.doubts.aside, world.told()) == ({}, [])


def test_a_long_pause_of_our_own_is_nobodys_silence() -> None:
    """A process that was stopped for an hour does not doubt its partitions for it."""
    world = World()
    world.now_seconds += 3600.0
    assert not world.listen(1.0)


def test_the_end_that_moves_on_without_records_is_silence_too() -> None:
    """The client saw a higher end, and nothing comes."""
    world = World()
    world.heard(Batch(source=A, position=10, drained=True))
    world.consumer.ends[A] = 12
    world.listen(11.0, frozenset({B, ELSEWHERE}))
    assert world.doubts.open == {A: 10}


def test_a_partition_set_aside_is_told_once_and_looked_at_again() -> None:
    """Every half minute; it is read on when the reason has gone."""
    world = World()
    world.listen(11.0, frozenset({B, ELSEWHERE}))
    world.find(A, Hurdle.TOO_LARGE)
    assert (set(world.doubts.aside), world.consumer.paused, world.told()) == ({A}, {A}, [10])
    assert not world.listen(29.0, frozenset({B, ELSEWHERE}))
    assert world.listen(2.0, frozenset({B, ELSEWHERE}))
    world.find(A, Hurdle.TOO_LARGE)
    assert world.told() == [10]
    world.listen(31.0, frozenset({B, ELSEWHERE}))
    world.find(A)
    assert (world.doubts.aside, world.consumer.paused, world.consumer.fetching[A]) == ({}, set(), 10)


def test_a_silent_partition_set_aside_is_still_fetched() -> None:
    """Whatever comes of it ends the doubt, and that is told."""
    world = World()
    world.listen(11.0)
    world.find(A, Hurdle.SILENT)
    assert (set(world.doubts.aside), world.consumer.paused) == ({A}, set())
    world.heard(Batch(source=A, position=11, offsets=[10], values=[b"x"], timestamps_ms=[0]))
    assert world.doubts.aside == {}
    assert world.lines[-1][0] == "kafka_partition_readable"


def test_a_client_in_trouble_is_asked_about_sooner_and_about_all() -> None:
    """Also about partitions at their end: what the client cannot receive may be in any."""
    world = World()
    world.heard(Batch(source=A, position=10, drained=True))
    world.consumer.ends[A] = 10
    world.doubts.trouble()
    assert world.listen(3.0)
    assert world.doubts.open == {A: 10, B: 20, ELSEWHERE: 30}


def test_a_missing_topic_gives_nothing_until_it_is_known_again() -> None:
    """Its doubts are void; a topic that is back stays away while its id is unknown."""
    world = World()
    world.doubts.refused(B)
    world.doubts.settle(Sighting(missing=frozenset({"t"})), {"t"})
    assert (world.consumer.paused, world.doubts.open) == ({A, B}, {})
    world.doubts.settle(Sighting(), {"t"})
    assert world.consumer.paused == {A, B}
    world.doubts.settle(Sighting(), ())
    assert (world.consumer.paused, world.consumer.fetching) == (set(), {A: 10, B: 20, ELSEWHERE: 30})


def test_a_reader_that_resumes_a_held_partition_gets_it_later() -> None:
    """And one that paused it meanwhile finds it paused when it is released."""
    world = World()
    world.doubts.refused(A)
    assert world.reading.resume({A}) == frozenset()
    assert world.consumer.paused == {A}
    world.reading.pause({A})
    world.find(A)
    assert world.consumer.paused == {A}
    assert world.reading.resume({A, B}) == {A, B}
    assert world.consumer.paused == set()


def test_the_lag_of_a_partition_that_is_no_more_is_unknown() -> None:
    """The client has forgotten it."""
    world = World()
    world.consumer.ends[B] = 25
    assert [world.reading.lag(source) for source in (A, B)] == [None, 5]
