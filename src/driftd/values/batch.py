"""What a source hands over: consecutive records of one source partition."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from driftd.values.keys import SourcePartition


class RecordTime(StrEnum):
    """What the timestamp of a record means."""

    NONE = "none"  # a file: no timestamp, no clock to hold events against
    CREATE = "create"  # set by the producer
    LOG_APPEND = "log_append"  # set by the broker


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive records of one source partition, column by column; offsets rise strictly.

    ``position`` is the next offset to read after this batch. ``drained`` says that the end of the
    partition was seen behind the last record. ``clock_ms`` is the wall clock at reading, None for files.
    A batch without records carries news of ``position`` and ``drained`` only.
    """

    source: SourcePartition
    position: int
    offsets: Sequence[int] = ()
    values: Sequence[bytes | None] = ()
    timestamps_ms: Sequence[int] = ()
    record_time: RecordTime = RecordTime.NONE
    clock_ms: int | None = None
    drained: bool = False
