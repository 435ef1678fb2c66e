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


def test_a_run_of_one_partition_is_one_batch() -> None:
    """Column by column, tombstones as None, positioned behind the last offset."""
    messages = [message("t", 3, 7), message("t", 3, 8, None), message("t", 3, 11, b"")]
    expected = Batch(
        source=SourcePartition("t", 3),
        position=12,
        offsets=[7, 8, 11],
        values=[b"x", None, b""],
        timestamps_ms=[70, 80, 110],
        record_time=RecordTime.CREATE,
        clock_ms=CLOCK_MS,
    )
    assert cut(messages, CLOCK_MS) == ([expected], [])


def test_the_end_of_a_partition_is_a_drained_batch_without_records() -> None:
    """It stands at the end's own offset, which transaction markers may put behind the last record."""
    batches, _ = cut([message("t", 0, 4), end("t", 0, 6)], CLOCK_MS)
    assert [(batch.position, len(batch.offsets), batch.drained) for batch in batches] == [(5, 1, False), (6, 0, True)]


def test_a_change_of_the_timestamps_meaning_ends_a_run() -> None:
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
    assert [batch.position for batch in batches] == [2, 3]
    assert faults == [Fault(SourcePartition("t", 1), lost, 9)] * 2 + [Fault(None, down)]


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.booleans()), max_size=60))
def test_cutting_keeps_every_message_in_its_order(steps: list[tuple[str, int, bool]]) -> None:
    """The batches, joined, are the messages; neighbours differ in what a batch has in common."""
    messages = []
    for offset, (topic, partition, is_end) in enumerate(steps):
        messages.append(end(topic, partition, offset) if is_end else message(topic, partition, offset))
    batches, faults = cut(messages, CLOCK_MS)
    joined = []
    for batch in batches:
        offsets = [batch.position] if batch.drained else list(batch.offsets)
        joined += [(batch.source.topic, batch.source.partition, batch.drained, offset) for offset in offsets]
    expected = [(topic, partition, is_end, offset) for offset, (topic, partition, is_end) in enumerate(steps)]
    runs = sum(1 if not key[2] else len(list(group)) for key, group in groupby(steps))
    assert (joined, faults, len(batches)) == (expected, [], runs)


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
    assert [(batch.source.partition, batch.position) for batch in counted] == [(0, 2), (1, 6)]
    assert before_faults(taken, {KafkaError._BAD_COMPRESSION}) == taken.batches
