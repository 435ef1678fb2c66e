"""What crosses the parts channel: window parts and ledgers."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from driftd.values.keys import MonitorKey, Reason, SourcePartition
from driftd.values.windows import Window


class UnseenCategory(NamedTuple):
    """A text that the reference has never seen, with its exact count.

    Per column the ones with the least hashes are kept (bottom-k): a union of such sets is again such a
    set, and the counts stay exact, since a text in the union's set is in every part's set it occurs in.
    """

    column: int  # index in the reference's order
    hash: int  # unsigned 64 bit
    text: str  # at most 128 characters of it
    events: int


UNSEEN_KEPT = 16

Unseen = tuple[UnseenCategory, ...]


def merge_unseen(first: Unseen, second: Unseen) -> Unseen:
    """Merge two bottom-k sets, each sorted by (column, hash): exact, associative, commutative."""
    if not first or not second:
        return first or second
    merged: dict[tuple[int, int], UnseenCategory] = {}
    for category in (*first, *second):
        place = (category.column, category.hash)
        known = merged.get(place)
        merged[place] = category if known is None else category._replace(events=known.events + category.events)
    kept: list[UnseenCategory] = []
    in_column: Counter[int] = Counter()
    for place in sorted(merged):
        in_column[place[0]] += 1
        if in_column[place[0]] <= UNSEEN_KEPT:
            kept.append(merged[place])
    return tuple(kept)


class PartKey(NamedTuple):
    """What identifies a part: parts of the same key replace each other, the higher last offset wins."""

    monitor: MonitorKey
    window: Window
    source: SourcePartition
    summary_id: str

    @property
    def place(self) -> "PartPlace":
        """The key without what shaped the sums."""
        return PartPlace(self.monitor, self.window, self.source)


class PartPlace(NamedTuple):
    """Where the events of a part are from."""

    monitor: MonitorKey
    window: Window
    source: SourcePartition


@dataclass(frozen=True, slots=True)
class Part:
    """One source partition's exact sums for one monitor and window, cumulative from ``first_offset`` on."""

    key: PartKey
    reference_id: str
    first_offset: int
    last_offset: int
    events: int
    sums: bytes  # laid out as the reference says, in the wire form of values.layout
    newest_ms: int  # the largest event time among them
    unseen: tuple[UnseenCategory, ...] = ()  # sorted by (column, hash)


class Refused(NamedTuple):
    """A run of consecutive offsets refused as ``future`` by our own clock at first reading."""

    first_offset: int
    last_offset: int


class Gap(NamedTuple):
    """The windows that may lack records of a partition, because its source had lost records before they were summed.

    ``from_ms`` is the partition's watermark at the gap: windows that end by then had passed, and lack nothing.
    ``until_ms`` is the latest event time that a lost record can have had, as far as events keep to
    ``windows.lateness``: the newest event time read so far where all of the lost records had been read before,
    else the time of the first event behind the gap that is not late, plus the lateness. Windows that start
    later lack nothing. None: without a bound; at the end, until that first event is read.
    """

    from_ms: int | None
    until_ms: int | None

    def covers(self, window: Window) -> bool:
        """Say whether a window may lack records."""
        return (self.from_ms is None or window.end_ms > self.from_ms) and (
            self.until_ms is None or window.start_ms <= self.until_ms
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """How far one source partition has been read.

    ``rewind`` is the least first offset over all windows open for this partition, or ``position`` if
    none is: re-reading from there, and summing below ``position`` only what lies in windows still open
    under ``watermark_ms``, rebuilds the summariser's open windows exactly.
    The counts are cumulative since the partition was first read, over all restarts.
    ``refused`` lists what our own clock refused between rewind and position.

    ``open_events`` were summed into the windows that are open for this partition: so many must be summed again
    after a restart. ``lost`` were not, since their records were gone by then. An event that was rejected at
    first and is summed when it is read again, under other settings, counts as read twice.
    """

    source: SourcePartition
    position: int
    rewind: int
    watermark_ms: int | None = None
    drained: bool = False
    read: int = 0
    late: int = 0
    rejected: dict[Reason, int] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    open_events: int | None = 0  # None: not known, in a ledger of the first release
    lost: int = 0
    gap: Gap | None = None  # until the partition has passed all windows that may lack records
