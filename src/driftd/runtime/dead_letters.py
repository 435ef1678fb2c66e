"""Rejected records on their way to the dead-letter topic: each written at least once, or counted as lost.

The snapshot holds the places of the letters that are not acknowledged yet, never their values: after a
restart their records are read again, which the source keeps anyway. So letters never hold up detection, and
what is remembered of them is bounded by what the writer takes.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from structlog.typing import FilteringBoundLogger

from driftd.summarise.seam import Rejected
from driftd.values.batch import Batch, RecordTime
from driftd.values.delivery import DeadLetter, LetterWriter
from driftd.values.keys import Reason, SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State
from driftd.values.view import DeadLettersView


@dataclass(slots=True)
class _Rereading:
    """One partition whose records are read again: which letters are owed, and where the pipeline's part begins."""

    owed: deque[int]
    rewind: int


class DeadLetters:
    """Hands rejected records to a writer, and remembers the places of those that are not acknowledged.

    The order of calls: ``restore`` where there is a snapshot, ``starts`` with all ledgers, then for each batch
    ``resume`` and, with what it returns and was rejected of it, ``take``.
    """

    def __init__(self, writer: LetterWriter, log: FilteringBoundLogger) -> None:
        self._writer = writer
        self._log = log
        self._waiting: dict[SourcePartition, dict[int, Reason]] = {}
        self._rereading: dict[SourcePartition, _Rereading] = {}
        self._written = 0
        self._lost = 0

    def restore(self, state: State) -> None:
        """Take up what ``to_state`` gave for the snapshot; nothing, of a snapshot from before there were letters."""
        for topic, partition, places in state.get("waiting", ()):
            self._waiting[SourcePartition(topic, partition)] = {offset: Reason(reason) for offset, reason in places}

    def starts(self, ledgers: Iterable[Ledger]) -> dict[SourcePartition, int]:
        """Return where each partition must be read from: at its rewind, or earlier for letters that are owed.

        A place that the ledger has not reached is of a topic that was made anew since: such a letter is lost.
        """
        starts = {}
        for ledger in ledgers:
            starts[ledger.source] = ledger.rewind
            places = sorted(self._waiting.get(ledger.source, ()))
            owed = places[: bisect_left(places, ledger.position)]
            self._lose(ledger.source, places[len(owed) :])
            if owed:
                self._rereading[ledger.source] = _Rereading(deque(owed), ledger.rewind)
                starts[ledger.source] = min(owed[0], ledger.rewind)
        return starts

    def resume(self, batch: Batch) -> Batch | None:
        """Write the letters owed that are in a batch; return the part from the rewind on, None if that is nothing.

        A record that is owed and no longer there is lost.
        """
        reading = self._rereading.get(batch.source)
        if reading is None:
            return batch
        lost = []
        while reading.owed and reading.owed[0] < batch.position:
            offset = reading.owed.popleft()
            if not self._write(batch, offset, self._waiting[batch.source][offset]):
                lost.append(offset)
        self._lose(batch.source, lost)
        if not reading.owed and batch.position >= reading.rewind:
            del self._rereading[batch.source]
        return _from(reading.rewind, batch)

    def take(self, batch: Batch, rejected: Sequence[Rejected]) -> None:
        """Write the rejected records of a batch; what the writer has no room for is lost at once."""
        self._lose(batch.source, [offset for offset, reason in rejected if not self._write(batch, offset, reason)])

    def poll(self) -> bool:
        """Take note of what was acknowledged or refused; return whether the state has changed with it."""
        reports = self._writer.take_reports()
        for source, offset, written in reports:
            self._forget(source, offset)
            self._written += written
            self._lost += not written
        return bool(reports)

    @property
    def waiting(self) -> bool:
        """Whether any letter is not acknowledged yet."""
        return any(self._waiting.values())

    def to_state(self) -> State:
        """Return the places of the letters that are not acknowledged."""
        return {
            "waiting": [
                [source.topic, source.partition, [[offset, str(reason)] for offset, reason in sorted(places.items())]]
                for source, places in sorted(self._waiting.items())
            ]
        }

    def view(self) -> DeadLettersView:
        """Return the totals of this process, and how many letters are on their way or still owed."""
        return DeadLettersView(self._written, self._lost, sum(map(len, self._waiting.values())))

    def close(self, wait_seconds: float) -> None:
        """Wait at most so long for the letters that are on their way. The state is up to date afterwards."""
        self._writer.close(wait_seconds)
        self.poll()

    def _write(self, batch: Batch, offset: int, reason: Reason) -> bool:
        """Hand a record to the writer; return False if it is gone or there is no room."""
        index = bisect_left(batch.offsets, offset)
        if index < len(batch.offsets) and batch.offsets[index] == offset:
            time_ms = None if batch.record_time is RecordTime.NONE else batch.timestamps_ms[index]
            letter = DeadLetter(batch.source, offset, reason, time_ms, batch.values[index])
            if self._writer.write(letter):
                self._waiting.setdefault(batch.source, {})[offset] = reason
                return True
        return False

    def _forget(self, source: SourcePartition, offset: int) -> None:
        places = self._waiting.get(source)
        if places is not None:
            places.pop(offset, None)
            if not places:
                del self._waiting[source]

    def _lose(self, source: SourcePartition, offsets: Sequence[int]) -> None:
        if offsets:
            self._lost += len(offsets)
            for offset in offsets:
                self._forget(source, offset)
            self._log.warning("dead letters lost", partition=str(source), letters=len(offsets))


def _from(rewind: int, batch: Batch) -> Batch | None:
    """Cut off the records before an offset; None if no news is left."""
    first = bisect_left(batch.offsets, rewind)
    nothing_new = first == len(batch.offsets) and batch.position == rewind and not batch.drained
    if batch.position < rewind or nothing_new:
        return None
    if first == 0:
        return batch
    return replace(
        batch,
        offsets=batch.offsets[first:],
        values=batch.values[first:],
        timestamps_ms=batch.timestamps_ms[first:],
    )
