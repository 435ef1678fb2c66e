from itertools import groupby

from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    TIMESTAMP_NOT_AVAILABLE,
    KafkaError,
    Message,
)
from hypothesis import given
from hypothesis import strategies as st

from driftd.kafka.cut import Fault, before_faults, cut
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import SourcePartition

CLOCK_MS = 1_700_000_000_000
KINDS = [RecordTime.NONE, RecordTime.CREATE, RecordTime.LOG_APPEND]  # by the client's numbers


def message(topic: str, partition: int, offset: int, value: bytes | None = b"x", kind: int = 1) -> Message:
    """Return a record as the client hands it over."""
    return Message(topic=topic, partition=partition, offset=offset, value=value, timestamp=(kind, 10 * offset))


def end(topic: str, partition: int, offset: int) -> Message:
    """Return the end-of-partition event at an offset."""
    error = KafkaError(KafkaError._PARTITION_EOF)
    return Message(topic=topic, partition=partition, offset=offset, error=error, timestamp=(0, -1))


def test_nothing_is_cut_from_nothing() -> None:
    """No message, no batch."""
    assert cut([], CLOCK_MS) == ([], [])


def test_the_records_of_a_partition_are_one_batch() -> None:
    """Column by column, tombstones as None, positioned behind the last offset; whatever lies between them."""
    messages = [message("t", 3, 7), message("t", 3, 8, None), message("t", 4, 0), message("t", 3, 11, b"")]
    expected = Batch(
        source=SourcePartition("t", 3),
        position=12,
        offsets=[7, 8, 11],
        values=[b"x", None, b""],
        timestamps_ms=[70, 80, 110],
        record_time=RecordTime.CREATE,
        clock_ms=CLOCK_MS,
    )
    batches, faults = cut(messages, CLOCK_MS)
    assert ([batch.source.partition for batch in batches], faults) == ([3, 4], [])
    assert batches[0] == expected


def test_holes_between_offsets_are_kept() -> None:
    """Compaction leaves them anywhere; where there are none the offsets are a range."""
    messages = [message("t", 0, 1), message("t", 0, 3), message("t", 1, 5), message("t", 1, 6)]
    with_holes, without = cut(messages, CLOCK_MS).batches
    assert (with_holes.offsets, without.offsets) == ([1, 3], range(5, 7))


def test_the_end_of_a_partition_drains_the_batch_before_it() -> None:
    """It stands at the end's own offset, which transaction markers may put behind the last record."""
    batches, _ = cut([message("t", 0, 4), end("t", 0, 6)], CLOCK_MS)
    assert [(batch.position, list(batch.offsets), batch.drained) for batch in batches] == [(6, [4], True)]


def test_the_end_of_a_partition_alone_is_a_batch_without_records() -> None:
    """Its position is that end."""
    assert cut([end("t", 0, 6)], CLOCK_MS) == (
        [Batch(SourcePartition("t", 0), position=6, clock_ms=CLOCK_MS, drained=True)],
        [],
    )


def test_an_end_that_records_follow_is_forgotten() -> None:
    """Only the end behind the last record is news."""
    batches, _ = cut([message("t", 0, 4), end("t", 0, 5), message("t", 0, 5)], CLOCK_MS)
    assert [(batch.position, list(batch.offsets), batch.drained) for batch in batches] == [(6, [4, 5], False)]


def test_a_change_of_the_timestamps_meaning_ends_a_batch() -> None:
    """One batch has one meaning of its timestamps."""
    kinds = [TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, TIMESTAMP_NOT_AVAILABLE]
    batches, _ = cut([message("t", 0, offset, kind=kind) for offset, kind in enumerate(kinds)], CLOCK_MS)
    assert [batch.record_time for batch in batches] == [RecordTime.CREATE, RecordTime.LOG_APPEND, RecordTime.NONE]


def test_errors_are_handed_over_beside_the_batches() -> None:
    """An error names its partition, also where several of one kind follow each other."""
    lost = KafkaError(KafkaError._AUTO_OFFSET_RESET)
    down = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    messages = [
        message("t", 0, 1),
        Message(topic="t", partition=1, offset=9, error=lost, timestamp=(0, -1)),
        Message(topic="t", partition=1, offset=9, error=lost, timestamp=(0, -1)),
        Message(error=down, timestamp=(0, -1)),
        message("t", 0, 2),
    ]
    batches, faults = cut(messages, CLOCK_MS)
    assert [(batch.position, list(batch.offsets)) for batch in batches] == [(3, [1, 2])]
    assert faults == [Fault(SourcePartition("t", 1), lost, 9)] * 2 + [Fault(None, down)]


_STEPS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.booleans(), st.sampled_from([1, 1, 1, 2, 0])),
    max_size=60,
)


@given(_STEPS)
def test_cutting_keeps_every_record_of_a_partition_in_its_order(steps: list[tuple[str, int, bool, int]]) -> None:
    """Its batches, joined, are its messages; each has one meaning of its timestamps, and the last says the end."""
    messages: list[Message] = []
    expected: dict[SourcePartition, list[tuple[int, int, int]]] = {}
    ends: dict[SourcePartition, bool] = {}
    for offset, (topic, partition, is_end, kind) in enumerate(steps):
        source = SourcePartition(topic, partition)
        messages.append(end(topic, partition, offset) if is_end else message(topic, partition, offset, kind=kind))
        records = expected.setdefault(source, [])
        if not is_end:
            records.append((offset, kind, 10 * offset))
        ends[source] = is_end
    batches, faults = cut(messages, CLOCK_MS)
    for source, records in expected.items():
        mine = [batch for batch in batches if batch.source == source]
        joined = [
            (offset, KINDS.index(batch.record_time), time_ms)
            for batch in mine
            for offset, time_ms in zip(batch.offsets, batch.timestamps_ms, strict=True)
        ]
        assert joined == records
        assert [batch.drained for batch in mine] == [False] * (len(mine) - 1) + [ends[source]]
        assert len(mine) == max(len(list(groupby(kind for _, kind, _ in records))), 1)
    assert faults == []
    assert {batch.source for batch in batches} == set(expected)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30))
def test_a_topic_that_is_known_need_not_be_looked_for(steps: list[tuple[int, bool]]) -> None:
    """The batches are the same, and so are the errors of the client itself, which are of no topic."""
    down = Message(error=KafkaError(KafkaError._ALL_BROKERS_DOWN), timestamp=(0, -1))
    messages = [down]
    for offset, (partition, is_end) in enumerate(steps):
        messages.append(end("t", partition, offset) if is_end else message("t", partition, offset))
    assert cut(messages, CLOCK_MS, only_topic="t") == cut(messages, CLOCK_MS)


def test_what_comes_behind_a_refused_record_does_not_count() -> None:
    """Of its partition only, and only for errors of the codes asked for; the end of the partition neither."""
    refused = KafkaError(KafkaError._BAD_MSG)
    messages = [
        message("t", 0, 1),
        Message(topic="t", partition=0, offset=2, error=refused, timestamp=(0, -1)),
        message("t", 1, 5),
        message("t", 0, 7),
        end("t", 0, 8),
        Message(topic="t", partition=0, offset=2**62, error=refused, timestamp=(0, -1)),
    ]
    taken = cut(messages, CLOCK_MS)
    counted = before_faults(taken, {KafkaError._BAD_MSG})
    assert [(batch.source.partition, list(batch.offsets), batch.position, batch.drained) for batch in counted] == [
        (0, [1], 2, False),
        (1, [5], 6, False),
    ]
    assert before_faults(taken, {KafkaError._BAD_COMPRESSION}) == taken.batches
