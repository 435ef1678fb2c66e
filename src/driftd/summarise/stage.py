"""The first stage: batches of records to window parts and ledgers, for any number of source partitions.

The stage keeps no state of its own over a restart: the ledger that merging has put into its snapshot is
enough to read on, and to rebuild the windows that were open (architecture, section 6).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from driftd.summarise.seam import Cursor, Rejected, Summariser, Tally
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger, Part, Refused
from driftd.values.settings import WindowSettings

REFUSED_RUNS_KEPT = 1_024


@dataclass(slots=True)
class _Partition:
    """One source partition being read."""

    summariser: Summariser
    ledger: Ledger


class SummariseStage:
    """Sums what the sources hand over, and keeps the account of how far each partition has been read.

    ``make`` makes the summariser of one source partition.
    """

    def __init__(self, make: Callable[[SourcePartition], Summariser], windows: WindowSettings) -> None:
        self._make = make
        self._lateness_ms = windows.lateness
        self._partitions: dict[SourcePartition, _Partition] = {}
        self._rejected: Sequence[Rejected] = ()

    def start(self, ledger: Ledger) -> None:
        """Begin to read a partition where a ledger, fresh or restored, says: at its ``rewind``.

        A partition that is being read already starts over, as after a loss of its source.
        """
        self._partitions[ledger.source] = _Partition(self._make(ledger.source), ledger)

    def drop(self, source: SourcePartition) -> None:
        """Stop reading a partition. What was summed but not yet handed on is read again at the next start."""
        del self._partitions[source]

    def read(self, batch: Batch) -> tuple[list[Part], Ledger]:
        """Sum a batch; return the parts to hand on and the ledger that follows them.

        The parts are those of the windows that the watermark has passed; where the partition is
        drained, also those of all open windows that grew: their windows may close by time-out.
        """
        partition = self._partitions[batch.source]
        former = partition.ledger
        cursor = Cursor(former.position, former.watermark_ms, former.refused)
        tally = partition.summariser.add(batch, cursor)
        self._rejected = tuple(tally.rejected)
        watermark_ms = self._watermark_ms(former, tally)
        parts = [] if watermark_ms is None else list(partition.summariser.passed(watermark_ms))
        if batch.drained:
            parts += partition.summariser.touched()
        partition.ledger = _ledger(former, batch, tally, watermark_ms, partition.summariser.least_first_offset())
        return parts, partition.ledger

    def flush(self, source: SourcePartition) -> tuple[list[Part], Ledger]:
        """Return the parts of all open windows that grew since they were last returned, and the ledger."""
        partition = self._partitions[source]
        return list(partition.summariser.touched()), partition.ledger

    @property
    def rejected(self) -> Sequence[Rejected]:
        """What the last batch read had to be rejected, by offset."""
        return self._rejected

    def _watermark_ms(self, former: Ledger, tally: Tally) -> int | None:
        known = [] if former.watermark_ms is None else [former.watermark_ms]
        if tally.newest_ms is not None:
            known.append(tally.newest_ms - self._lateness_ms)
        return max(known, default=None)


def _ledger(
    former: Ledger, batch: Batch, tally: Tally, watermark_ms: int | None, least_first_offset: int | None
) -> Ledger:
    """Return the ledger after a batch. While it is still re-reading, the former one stays in force."""
    if batch.position < former.position:
        return replace(former, drained=batch.drained)
    rewind = batch.position if least_first_offset is None else least_first_offset
    rejected = Counter(former.rejected)
    rejected.update(rejection.reason for rejection in tally.rejected)
    return Ledger(
        source=batch.source,
        position=batch.position,
        rewind=rewind,
        watermark_ms=watermark_ms,
        drained=batch.drained,
        read=former.read + tally.read,
        late=former.late + tally.late,
        rejected={reason: rejected[reason] for reason in sorted(rejected)},
        refused=refused_runs(former.refused, tally.newly_refused, rewind),
    )


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
