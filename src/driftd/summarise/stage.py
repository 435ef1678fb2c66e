"""The first stage: batches of records to window parts and ledgers, for any number of source partitions.

The stage keeps no state of its own over a restart: the ledger that merging has put into its snapshot is
enough to read on, and to rebuild the windows that were open (architecture, section 6).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from driftd.summarise.seam import Cursor, Rejected, Summariser, Tally
from driftd.values.batch import Batch
from driftd.values.keys import Reason, SourcePartition
from driftd.values.part import Gap, Ledger, Part, Refused
from driftd.values.settings import WindowSettings
from driftd.values.windows import window_at

REFUSED_RUNS_KEPT = 1_024


@dataclass(slots=True)
class _Partition:
    """One source partition being read."""

    summariser: Summariser
    ledger: Ledger
    rereading: bool  # below the ledger's position


class SummariseStage:
    """Sums what the sources hand over, and keeps the account of how far each partition has been read.

    After a restart a partition is re-read from its ledger's ``rewind``. When the position is reached the open
    windows are recounted: what they hold less than before was lost to the source, what they hold more was
    rejected then. ``make`` makes the summariser of one source partition.
    """

    def __init__(self, make: Callable[[SourcePartition], Summariser], windows: WindowSettings) -> None:
        self._make = make
        self._windows = windows
        self._partitions: dict[SourcePartition, _Partition] = {}
        self._rejected: Sequence[Rejected] = ()
        self._recounted = False

    def start(self, ledger: Ledger) -> None:
        """Begin to read a partition where a ledger, fresh or restored, says: at its ``rewind``.

        A partition that is being read already starts over, as after a loss of its source.
        """
        rereading = ledger.rewind < ledger.position
        if ledger.open_events is None and not rereading:
            ledger = replace(ledger, open_events=0)
        self._partitions[ledger.source] = _Partition(self._make(ledger.source), ledger, rereading)

    def cut(self, batch: Batch) -> tuple[Batch, ...]:
        """Cut a batch where re-reading ends, so that what was read before is recounted before anything else is read."""
        partition = self._partitions[batch.source]
        if not partition.rereading:
            return (batch,)
        position = partition.ledger.position
        at = bisect_left(batch.offsets, position)
        if at == len(batch.offsets):
            return (batch,)
        again = replace(
            batch,
            position=position,
            offsets=batch.offsets[:at],
            values=batch.values[:at],
            timestamps_ms=batch.timestamps_ms[:at],
            drained=False,
        )
        rest = replace(
            batch, offsets=batch.offsets[at:], values=batch.values[at:], timestamps_ms=batch.timestamps_ms[at:]
        )
        return again, rest

    def read(self, batch: Batch) -> tuple[list[Part], Ledger]:
        """Sum a batch; return the parts to hand on and the ledger that follows them.

        The parts are those of the windows that the watermark has passed; where the partition is
        drained, also those of all open windows that grew: their windows may close by time-out. Where
        ``recounted``, they are those of all windows that are open, or were before the batch.
        """
        partition = self._partitions[batch.source]
        former = partition.ledger
        cursor = Cursor(former.position, former.watermark_ms, former.refused)
        tally = partition.summariser.add(batch, cursor)
        self._rejected = tuple(tally.rejected)
        watermark_ms = self._watermark_ms(former, tally)
        parts = [] if watermark_ms is None else list(partition.summariser.passed(watermark_ms))
        closing = sum(part.events for part in parts)
        again = None
        self._recounted = partition.rereading and batch.position >= former.position
        if self._recounted:
            partition.rereading = False
            parts += partition.summariser.open_parts()
            again = sum(part.events for part in parts) - tally.summed
        elif batch.drained:
            parts += partition.summariser.touched()
        if batch.position < former.position:  # until it is reached again the former ledger stays in force
            partition.ledger = replace(former, drained=batch.drained)
        else:
            first = partition.summariser.least_first_offset()
            rewind = batch.position if first is None else first
            ledger = _recounted(former, again)
            partition.ledger = Ledger(
                source=batch.source,
                position=batch.position,
                rewind=rewind,
                watermark_ms=watermark_ms,
                drained=batch.drained,
                read=ledger.read + tally.read,
                late=ledger.late + tally.late,
                rejected=_counted(ledger.rejected, tally.rejected),
                refused=refused_runs(ledger.refused, tally.newly_refused, rewind),
                open_events=(ledger.open_events or 0) + tally.summed - closing,
                lost=ledger.lost,
                gap=self._gap(ledger.gap, tally.first_ms, watermark_ms),
            )
        return parts, partition.ledger

    def gap(self, source: SourcePartition, expected: int, actual: int) -> tuple[list[Part], Ledger]:
        """Take note that reading must go on at ``actual`` although it stood at ``expected``: what lay between is gone.

        To be told before the first batch behind it. Returns the parts to hand on and the ledger, as ``read`` does.
        """
        partition = self._partitions[source]
        former = partition.ledger
        self._recounted = False
        if actual <= max(expected, former.rewind):  # nothing that is to be summed lay there
            return [], former
        gap = Gap(former.watermark_ms, None)
        if actual <= former.position and former.watermark_ms is not None:
            gap = Gap(former.watermark_ms, former.watermark_ms + self._windows.lateness)
        if former.gap is not None and not self._has_passed(former.gap, former.watermark_ms):
            gap = _both(former.gap, gap)
        partition.ledger = replace(former, gap=gap)
        if actual > former.position:
            return self.read(Batch(source, actual))
        return [], partition.ledger

    def flush(self, source: SourcePartition) -> tuple[list[Part], Ledger]:
        """Return the parts of all open windows that grew since they were last returned, and the ledger."""
        partition = self._partitions[source]
        return list(partition.summariser.touched()), partition.ledger

    @property
    def rejected(self) -> Sequence[Rejected]:
        """What the last batch read had to be rejected, by offset."""
        return self._rejected

    @property
    def recounted(self) -> bool:
        """Whether re-reading ended with the last batch: its parts stand for all that is open."""
        return self._recounted

    def _watermark_ms(self, former: Ledger, tally: Tally) -> int | None:
        known = [] if former.watermark_ms is None else [former.watermark_ms]
        if tally.newest_ms is not None:
            known.append(tally.newest_ms - self._windows.lateness)
        return max(known, default=None)

    def _gap(self, gap: Gap | None, first_ms: int | None, watermark_ms: int | None) -> Gap | None:
        """Bound a gap by the first event behind it; forget one that is bounded once all its windows have passed."""
        if gap is None or self._has_passed(gap, watermark_ms):
            return None
        if gap.until_ms is None and first_ms is not None:
            return Gap(gap.from_ms, first_ms + self._windows.lateness)
        return gap

    def _has_passed(self, gap: Gap, watermark_ms: int | None) -> bool:
        if gap.until_ms is None or watermark_ms is None:
            return False
        return window_at(gap.until_ms, self._windows.duration).end_ms <= watermark_ms


def _counted(former: dict[Reason, int], newly_rejected: Sequence[Rejected]) -> dict[Reason, int]:
    """Return how many were rejected for each reason, by reason."""
    if not newly_rejected:
        return former
    counts = Counter(former)
    counts.update(rejection.reason for rejection in newly_rejected)
    return {reason: counts[reason] for reason in sorted(counts)}


def _recounted(former: Ledger, again: int | None) -> Ledger:
    """Return the ledger when its position is reached again and so many events were summed; None: it was not left."""
    if again is None:
        return former
    missing = 0 if former.open_events is None else former.open_events - again
    return replace(former, open_events=again, lost=former.lost + max(missing, 0), read=former.read + max(-missing, 0))


def _both(former: Gap, gap: Gap) -> Gap:
    """Return what spans both: the former one's windows have not all passed, so they reach to the new one's."""
    if former.until_ms is None or gap.until_ms is None:
        return Gap(former.from_ms, None)
    return Gap(former.from_ms, max(former.until_ms, gap.until_ms))


def refused_runs(former: Iterable[Refused], newly_refused: Iterable[int], rewind: int) -> tuple[Refused, ...]:
    """Extend the runs of refused offsets, and forget what lies before ``rewind``: it is never read again.

    At most ``REFUSED_RUNS_KEPT`` runs are kept, the oldest are dropped. A record so forgotten is judged
    without our clock if it is read again: then it is summed if its window is open by that time.
    """
    runs = list(former)
    for offset in newly_refused:
        if runs and runs[-1].last_offset + 1 == offset:
            runs[-1] = Refused(runs[-1].first_offset, offset)
        else:
            runs.append(Refused(offset, offset))
    kept = [Refused(max(run.first_offset, rewind), run.last_offset) for run in runs if run.last_offset >= rewind]
    return tuple(kept[-REFUSED_RUNS_KEPT:])
