"""The names of things: source partitions, monitors, columns, channels, reasons."""

from enum import StrEnum
from typing import NamedTuple

NO_VERSION = "none"
ALL_SEGMENTS = "all"


class SourcePartition(NamedTuple):
    """One partition of a source topic; for a file, its name and partition 0."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class MonitorKey(NamedTuple):
    """What is monitored on its own: one model, version and segment. No field is ever empty."""

    model: str
    version: str = NO_VERSION
    segment: str = ALL_SEGMENTS

    def __str__(self) -> str:
        return f"{self.model}/{self.version}/{self.segment}"


class Role(StrEnum):
    """What a column is to its model."""

    FEATURE = "feature"
    PREDICTION = "prediction"
    LABEL = "label"
    ERROR = "error"


class Kind(StrEnum):
    """How a column's values are compared."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


class ColumnKey(NamedTuple):
    """One watched column of a monitor."""

    role: Role
    name: str

    def __str__(self) -> str:
        return f"{self.role}:{self.name}"


class Channel(StrEnum):
    """One statistic of a column that is followed over windows."""

    LOCATION = "location"
    SCALE = "scale"
    SHAPE = "shape"
    MISSING = "missing"
    UNSEEN = "unseen"
    INVALID = "invalid"


class Reason(StrEnum):
    """Why a whole event is rejected. The set is closed: docs/events.md lists it."""

    MALFORMED = "malformed"
    MISSING_MODEL = "missing_model"
    NO_REFERENCE = "no_reference"
    NO_TIMESTAMP = "no_timestamp"
    FUTURE = "future"
    TOO_LARGE = "too_large"
    LIMIT = "limit"
    UNSUPPORTED = "unsupported"
    TOMBSTONE = "tombstone"


class LateReason(StrEnum):
    """Why an event was not summed although it is sound."""

    WATERMARK = "watermark"  # its window had passed in its own partition
    CLOSED = "closed"  # its window had been closed without its partition
    GAP = "gap"  # read, but lost to the source before its window had passed, and so not to be summed again
