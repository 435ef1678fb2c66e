"""Messages of the client as batches: column by column, all records of a source partition together."""

from bisect import bisect_left
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby
from typing import NamedTuple, TypeVar, cast

from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    TIMESTAMP_NOT_AVAILABLE,
    KafkaError,
    Message,
)

from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import SourcePartition

_Attribute = TypeVar("_Attribute", bound=Hashable)

_RECORD_TIMES = {
    TIMESTAMP_NOT_AVAILABLE: RecordTime.NONE,
    TIMESTAMP_CREATE_TIME: RecordTime.CREATE,
    TIMESTAMP_LOG_APPEND_TIME: RecordTime.LOG_APPEND,
}


class Fault(NamedTuple):
    """An error that came in place of a record, at an offset; neither that nor a partition where it is the client's."""

    source: SourcePartition | None
    error: KafkaError
    offset: int | None = None


class Cut(NamedTuple):
    """The batches, those of one partition in the order of its messages, and the errors among them."""

    batches: list[Batch]
    faults: list[Fault]


def cut(messages: Sequence[Message], clock_ms: int | None, *, only_topic: str | None = None) -> Cut:
    """Gather the messages of each partition into one batch; into several where their timestamps differ in meaning.

    The order between partitions is not kept: nothing follows from it. The end of a partition makes the batch
    before it ``drained``, positioned at that end, unless records follow; where there is none before it, it is
    a batch without records. ``only_topic`` is the topic where no other is read: its name is not compared then.

    The work per message is done by the interpreter's own loops. A partition's offsets rise strictly, as the client
    hands them over, so the first and the last tell whether there are holes.
    """
    taken = Cut([], [])
    topics = _grouped(messages, Message.topic) if only_topic is None else {only_topic: messages}
    for topic, of_topic in topics.items():
        for partition, group in _grouped(of_topic, Message.partition).items():
            source = None if topic is None or partition is None else SourcePartition(topic, partition)
            stamps = list(chain.from_iterable(map(Message.timestamp, group)))
            kinds, times = stamps[::2], stamps[1::2]
            sound = kinds[0] != TIMESTAMP_NOT_AVAILABLE and kinds.count(kinds[0]) == len(kinds)
            if source is not None and sound:  # an error has no timestamp
                taken.batches.append(_batch(source, group, kinds[0], times, clock_ms))
            else:
                _cut_mixed(source, group, clock_ms, taken)
    return taken


def before_faults(taken: Cut, codes: Collection[int]) -> list[Batch]:
    """Return the batches without what lies behind a fault of their partition with one of these codes."""
    first_fault: dict[SourcePartition, int] = {}
    for source, error, offset in taken.faults:
        if source is not None and offset is not None and error.code() in codes:
            first_fault[source] = min(offset, first_fault.get(source, offset))
    return list(_up_to(first_fault, taken.batches)) if first_fault else taken.batches


def _grouped(
    messages: Sequence[Message], attribute: Callable[[Message], _Attribute]
) -> Mapping[_Attribute, Sequence[Message]]:
    """Group messages by an attribute, each group in their order."""
    groups: dict[_Attribute, list[Message]] = {}
    first = 0
    for value, run in groupby(map(attribute, messages)):
        last = first + len(list(run))
        groups.setdefault(value, []).extend(messages[first:last])
        first = last
    return groups


def _batch(
    source: SourcePartition, records: Sequence[Message], kind: int, times: list[int], clock_ms: int | None
) -> Batch:
    first, last = cast("int", records[0].offset()), cast("int", records[-1].offset())
    offsets: Sequence[int] = range(first, last + 1)
    if len(offsets) != len(records):  # compaction and transaction markers leave holes
        offsets = cast("list[int]", list(map(Message.offset, records)))
    return Batch(
        source=source,
        position=last + 1,
        offsets=offsets,
        values=list(map(Message.value, records)),
        timestamps_ms=times,
        record_time=_RECORD_TIMES[kind],
        clock_ms=clock_ms,
    )


def _cut_mixed(source: SourcePartition | None, group: Iterable[Message], clock_ms: int | None, taken: Cut) -> None:
    """Cut messages of one partition among which there are errors, or timestamps of several meanings or none."""
    records: list[Message] = []
    end: int | None = None
    for message in group:
        error, offset = message.error(), message.offset()
        if error is None:
            records.append(message)
            end = None
        elif source is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            end = offset
        else:
            taken.faults.append(Fault(source, error, offset))
    if source is None:
        return
    batches = []
    for kind, run in groupby(records, _kind):
        of_kind = list(run)
        batches.append(_batch(source, of_kind, kind, [message.timestamp()[1] for message in of_kind], clock_ms))
    if end is not None:
        last = batches.pop() if batches else Batch(source, end, clock_ms=clock_ms)
        batches.append(replace(last, position=end, drained=True))
    taken.batches.extend(batches)


def _kind(message: Message) -> int:
    return message.timestamp()[0]


def _up_to(first_fault: Mapping[SourcePartition, int], batches: Iterable[Batch]) -> Iterator[Batch]:
    for batch in batches:
        fault = first_fault.get(batch.source)
        if fault is None:
            yield batch
        elif kept := bisect_left(batch.offsets, fault):
            yield replace(
                batch,
                position=batch.offsets[kept - 1] + 1,
                offsets=batch.offsets[:kept],
                values=batch.values[:kept],
                timestamps_ms=batch.timestamps_ms[:kept],
                drained=False,
            )
