"""The times a batch is judged by: record timestamps, our own clock, and the watermark that follows the events."""

from bisect import bisect_right

from driftd.summarise.seam import Cursor
from driftd.summarise.timestamps import LATEST_MS
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import Reason
from driftd.values.settings import WindowSettings


class Clocks:
    """Steps 7 to 9 and 11 of docs/events.md for the records of one batch, in order.

    ``newest_ms``, ``first_ms`` and ``newly_refused`` are as ``seam.Tally`` has them.
    """

    def __init__(self, batch: Batch, cursor: Cursor, windows: WindowSettings) -> None:
        self.newest_ms: int | None = None
        self.first_ms: int | None = None
        self.newly_refused: list[int] = []
        self._timestamps_ms = batch.timestamps_ms if batch.record_time is not RecordTime.NONE else ()
        self._skew_ms = windows.max_skew
        self._lateness_ms = windows.lateness
        self._watermark_ms = cursor.watermark_ms
        self._clock_bound_ms: int | None = None
        if batch.record_time is RecordTime.CREATE and batch.clock_ms is not None:
            self._clock_bound_ms = batch.clock_ms + windows.max_skew
        self._refused = cursor.refused
        self._refused_firsts = [run.first_offset for run in cursor.refused]

    def was_refused(self, offset: int) -> bool:
        """Say whether our own clock refused a record when it was first read."""
        run = bisect_right(self._refused_firsts, offset) - 1
        return run >= 0 and offset <= self._refused[run].last_offset

    def time_of(self, written_ms: int | None, index: int, offset: int, *, first_reading: bool) -> int | Reason:
        """Return the event time of the batch's record at ``index``, or why it has none that counts."""
        record_ms = self._record_ms(index)
        event_ms = record_ms if written_ms is None else written_ms
        if event_ms is None:
            return Reason.NO_TIMESTAMP
        if record_ms is not None and event_ms > record_ms + self._skew_ms:
            return Reason.FUTURE
        if first_reading and self._clock_bound_ms is not None and event_ms > self._clock_bound_ms:
            self.newly_refused.append(offset)
            return Reason.FUTURE
        return event_ms

    def _record_ms(self, index: int) -> int | None:
        if not self._timestamps_ms:
            return None
        record_ms = self._timestamps_ms[index]
        return record_ms if 0 <= record_ms <= LATEST_MS else None

    def has_passed(self, window_end_ms: int) -> bool:
        """Say whether the watermark has passed a window."""
        return self._watermark_ms is not None and window_end_ms <= self._watermark_ms

    def advance(self, event_ms: int, *, late: bool) -> None:
        """Let a sound event move the watermark; it never falls."""
        if self.first_ms is None and not late:
            self.first_ms = event_ms
        if self.newest_ms is None or event_ms > self.newest_ms:
            self.newest_ms = event_ms
            watermark_ms = event_ms - self._lateness_ms
            if self._watermark_ms is None or watermark_ms > self._watermark_ms:
                self._watermark_ms = watermark_ms
