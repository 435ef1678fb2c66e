"""The summariser in plain Python: the oracle of the tests, and what runs where nothing compiled is at hand.

Every event is decoded and judged on its own; what its columns need is gathered by monitor and window, and
counted column by column when the batch ends.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from driftd.references.profile import Profile
from driftd.summarise.clocks import Clocks
from driftd.summarise.event import Event, EventReader
from driftd.summarise.plan import ColumnPlan, Rows
from driftd.summarise.seam import Cursor, FindProfile, Rejected, Tally
from driftd.summarise.settings import TopicSettings
from driftd.summarise.unseen import UnseenTexts
from driftd.values.batch import Batch
from driftd.values.hashing import content_id
from driftd.values.keys import MonitorKey, Reason, SourcePartition
from driftd.values.layout import UNSEEN, Sums, sums_from_bytes, sums_to_bytes
from driftd.values.part import Part, PartKey
from driftd.values.settings import LimitSettings, WindowSettings
from driftd.values.windows import Window, window_at

_FEW = 32  # up to so many events a monitor's sums are kept as a part has them: far smaller than the vector
_NO_UNSEEN: Mapping[int, UnseenTexts] = {}

#: Events are counted at the latest when so many bytes of them are held decoded, which takes many times as much.
DECODED_BYTES = 2 << 20


class _OpenMonitor:
    """The sums of one monitor in one open window, in as little room as its events allow."""

    __slots__ = ("events", "first_offset", "grown", "key", "last_offset", "newest_ms", "plan", "rows", "sums", "unseen")

    def __init__(self, key: PartKey, plan: ColumnPlan, first_offset: int) -> None:
        self.key = key
        self.plan = plan
        self.first_offset = first_offset
        self.last_offset = first_offset
        self.newest_ms = key.window.start_ms
        self.events = 0
        self.rows: Rows | None = None  # of this batch
        self.sums: Sums | bytes = b""
        self.unseen = _NO_UNSEEN
        self.grown = False

    def take(self, event: Event, offset: int, time_ms: int) -> None:
        if self.rows is None:
            self.rows = Rows()
        self.plan.take(event, self.rows)
        self.events += 1
        self.last_offset = offset
        self.newest_ms = max(self.newest_ms, time_ms)

    def count(self) -> None:
        assert self.rows is not None, "only what took events is counted"
        if not isinstance(self.sums, bytes):
            sums = self.sums
        elif self.sums:
            sums = sums_from_bytes(self.sums)
        else:
            sums = np.zeros(self.plan.profile.layout.size, dtype=np.int64)
        unseen = dict(self.unseen)
        self.plan.count(self.rows, sums, unseen)
        self.rows = None
        self.sums = sums if self.events > _FEW else sums_to_bytes(sums)
        columns = self.plan.profile.layout.columns
        self.unseen = {at: texts for at, texts in unseen.items() if sums[columns[at].start + UNSEEN]} or _NO_UNSEEN
        self.grown = True

    def part(self) -> Part:
        self.grown = False
        unseen = [category for column in sorted(self.unseen) for category in self.unseen[column].categories(column)]
        return Part(
            key=self.key,
            reference_id=self.plan.profile.reference_id,
            first_offset=self.first_offset,
            last_offset=self.last_offset,
            events=self.events,
            sums=self.sums if isinstance(self.sums, bytes) else sums_to_bytes(self.sums),
            newest_ms=self.newest_ms,
            unseen=tuple(unseen),
        )


#: The open monitors of one window by (model, version), in the order in which they turned up.
_OpenWindow = dict[tuple[str, str], _OpenMonitor]


class PlainSummariser:
    """Implements ``seam.Summariser`` for one source partition (docs/events.md is the law).

    Memory: the sums of the open windows, and during ``add`` the decoded rows of the batch. Between batches the
    windows that have not passed lie within ``windows.lateness`` of the newest event, so they are few; each has
    at most ``limits.monitors`` monitors and those whose versions have profiles of their own.
    """

    def __init__(
        self,
        source: SourcePartition,
        topic: TopicSettings,
        windows: WindowSettings,
        limits: LimitSettings,
        find_profile: FindProfile,
    ) -> None:
        self._source = source
        self._windows = windows
        self._limits = limits
        self._find_profile = find_profile
        self._reader = EventReader(topic, limits)
        self._not_features = topic.not_features
        self._topic_id = topic.content_id
        self._open: dict[int, _OpenWindow] = {}  # by window start
        self._plans: dict[int, tuple[ColumnPlan, str]] = {}  # by identity of the profile, which the plan keeps alive

    def add(self, batch: Batch, cursor: Cursor) -> Tally:
        """Read a batch and sum it. The records below ``cursor.counted_from`` are being re-read."""
        tally = Tally()
        clocks = Clocks(batch, cursor, self._windows)
        grown: set[_OpenMonitor] = set()
        decoded_bytes = 0
        for index, (offset, value) in enumerate(zip(batch.offsets, batch.values, strict=True)):
            first_reading = offset >= cursor.counted_from
            if not first_reading and clocks.was_refused(offset):
                continue
            outcome = self._read(value, index, offset, clocks, first_reading=first_reading)
            if isinstance(outcome, _OpenMonitor):
                grown.add(outcome)
                decoded_bytes += len(value or b"")
                if decoded_bytes >= DECODED_BYTES:
                    decoded_bytes = 0
                    _count(grown)
            if first_reading:
                _account(tally, outcome, offset)
        _count(grown)
        tally.newest_ms = clocks.newest_ms
        tally.first_ms = clocks.first_ms
        tally.newly_refused = clocks.newly_refused
        return tally

    def _read(
        self, value: bytes | None, index: int, offset: int, clocks: Clocks, *, first_reading: bool
    ) -> _OpenMonitor | Reason | None:
        """Take one record; return the monitor that it went to, or why it is rejected, or None: it is late."""
        event = self._reader.read(value)
        if isinstance(event, Reason):
            return event
        time_ms = clocks.time_of(event.time_ms, index, offset, first_reading=first_reading)
        if isinstance(time_ms, Reason):
            return time_ms
        window = window_at(time_ms, self._windows.duration)
        late = clocks.has_passed(window.end_ms)
        if first_reading:
            clocks.advance(time_ms, late=late)
        monitor = self._monitor_of(event, window, offset, late=late)
        if isinstance(monitor, _OpenMonitor):
            monitor.take(event, offset, time_ms)
        return monitor

    def _monitor_of(self, event: Event, window: Window, offset: int, *, late: bool) -> _OpenMonitor | Reason | None:
        """Return the open monitor of an event, opening it if need be."""
        monitors = self._open.get(window.start_ms, {})
        monitor = monitors.get((event.model, event.version))
        if monitor is not None:
            return None if late else monitor
        profile = self._find_profile(event.model, event.version, window.start_ms)
        if profile is None:
            return Reason.NO_REFERENCE
        if late:
            return None
        key = MonitorKey(event.model, event.version)
        borrowed = (profile.model, profile.version_or_none) != (key.model, key.version)
        if borrowed and len(monitors) >= self._limits.monitors:
            return Reason.LIMIT
        plan, summary_id = self._plan_of(profile)
        if monitors:
            window = next(iter(monitors.values())).key.window  # one object for all of them
        monitor = _OpenMonitor(PartKey(key, window, self._source, summary_id), plan, offset)
        self._open.setdefault(window.start_ms, {})[event.model, event.version] = monitor
        return monitor

    def _plan_of(self, profile: Profile) -> tuple[ColumnPlan, str]:
        known = self._plans.get(id(profile))
        if known is None:
            if len(self._plans) >= self._limits.monitors:  # profiles come and go: what is in use is made again
                self._plans.clear()
            shaped_by = f"{profile.binning_id} {self._windows.duration} {self._topic_id}"
            known = self._plans[id(profile)] = (
                ColumnPlan(profile, self._not_features),
                content_id(shaped_by.encode()),
            )
        return known

    def touched(self) -> Sequence[Part]:
        """Return the cumulative parts of the windows that grew since they were last returned, by key."""
        return _parts(m for window in self._open.values() for m in window.values() if m.grown)

    def open_parts(self) -> Sequence[Part]:
        """Return the cumulative parts of all open windows, by key; nothing has grown since then."""
        return _parts(m for window in self._open.values() for m in window.values())

    def passed(self, watermark_ms: int) -> Sequence[Part]:
        """Remove the windows that end at or before the watermark, and return their parts, by key."""
        starts = [start for start in self._open if start + self._windows.duration <= watermark_ms]
        return _parts(m for start in starts for m in self._open.pop(start).values())

    def least_first_offset(self) -> int | None:
        """Return the least first offset over all open windows: of any monitor, summed or not yet returned."""
        # The first monitor of a window is the one that opened it; the windows themselves open in any order.
        return min((next(iter(window.values())).first_offset for window in self._open.values()), default=None)


def _count(grown: set[_OpenMonitor]) -> None:
    """Count the rows that were taken, and let go of them."""
    for monitor in grown:
        monitor.count()
    grown.clear()


def _account(tally: Tally, outcome: _OpenMonitor | Reason | None, offset: int) -> None:
    tally.read += 1
    if outcome is None:
        tally.late += 1
    elif isinstance(outcome, _OpenMonitor):
        tally.summed += 1
    else:
        tally.rejected.append(Rejected(offset, outcome))


def _parts(monitors: Iterable[_OpenMonitor]) -> list[Part]:
    return sorted((monitor.part() for monitor in monitors), key=lambda part: part.key)
