"""What merging hands on: closed windows, and monitors to forget."""

from dataclasses import dataclass
from typing import NamedTuple

from driftd.values.keys import MonitorKey
from driftd.values.layout import Sums
from driftd.values.part import Unseen, UnseenCategory
from driftd.values.windows import Window


class SourceSpan(NamedTuple):
    """The offsets that one source partition contributed to a window."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int


@dataclass(frozen=True, slots=True)
class ColumnSums:
    """The sums of one column that has enough observations: its run of values.layout, over ``span``.

    ``span`` starts before the window where counts were carried over from earlier windows;
    ``windows`` is the number of windows that contributed.
    """

    column: int  # index in the reference's order
    span: Window
    windows: int
    sums: Sums  # [n, missing, invalid, unseen, bins…]
    unseen: tuple[UnseenCategory, ...] = ()


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """All that one monitor saw in one window, summed over the source partitions.

    ``columns`` holds those with enough observations, in the reference's order; ``starved`` the indices
    of those that ran past ``windows.max_span`` without. ``incomplete`` says that the window was closed
    without a silent or unreachable partition, or may lack records that a partition had lost. ``sums`` (in the wire
    form of values.layout) and ``unseen`` are those of all columns in this window alone, nothing carried over.
    """

    monitor: MonitorKey
    window: Window
    reference_id: str
    summary_id: str
    events: int
    incomplete: bool
    sources: tuple[SourceSpan, ...]
    columns: tuple[ColumnSums, ...]
    starved: tuple[int, ...] = ()
    newest_ms: int | None = None  # the largest event time in it
    sums: bytes = b""
    unseen: Unseen = ()


@dataclass(frozen=True, slots=True)
class Expired:
    """A monitor that is watched no longer: whatever is remembered of it is to be forgotten.

    It has had no window for ``limits.expire_after`` of event time, or it made room for a version with a profile
    of its own. ``at_ms`` is the event time of this; what was closed before it stands before it.
    """

    monitor: MonitorKey
    at_ms: int


#: What merging hands on, in the order of event time.
Closing = ClosedWindow | Expired
