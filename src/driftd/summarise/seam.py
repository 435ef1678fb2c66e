"""The narrow seam between the stage and what does the work per event.

Two implementations are meant to exist: summarise.plain (Python, the oracle) and a compiled one. Both pass
tests/contract/test_summariser.py and agree to the bit; docs/events.md is the law for both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from driftd.references.profile import Profile
from driftd.values.batch import Batch
from driftd.values.keys import Reason
from driftd.values.part import Part, Refused

#: (model, version, window start) -> the profile in force, or None
FindProfile = Callable[[str, str, int], Profile | None]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a partition's reading stands before a batch.

    Below ``counted_from`` records were counted by an earlier life: they are summed if their window is
    open under ``watermark_ms``, and never counted, judged late or rejected again; records in ``refused``
    are skipped. From ``counted_from`` on everything is judged anew.
    """

    counted_from: int
    watermark_ms: int | None
    refused: tuple[Refused, ...] = ()


class Rejected(NamedTuple):
    """One rejected record, for the counters (and, later, the dead-letter topic)."""

    offset: int
    reason: Reason


@dataclass(slots=True)
class Tally:
    """What became of a batch: ``read = summed + late + len(rejected)``, re-read records not counted.

    ``newly_refused`` are the offsets rejected as ``future`` by our own clock (not by the record's or the
    broker's), in order. ``newest_ms`` is the largest event time of the batch that moves the watermark: of
    any sound event that is not ``future``, whether it is summed, late, without a reference or over a
    limit (else a partition of unwatched models would hold every window open); None if there was none.
    ``first_ms`` is that of the first such event that is not late.
    """

    read: int = 0
    summed: int = 0
    late: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    newly_refused: list[int] = field(default_factory=list)
    newest_ms: int | None = None
    first_ms: int | None = None


class Summariser(Protocol):
    """Sums the events of one source partition into its open windows.

    Within a batch the watermark follows the records: it is the largest event time seen (as
    ``Tally.newest_ms`` says) minus the lateness, and never falls. The event that moves it is judged by
    the watermark as it stood before; an event whose window ends at or before the watermark is late.

    Memory: what an open monitor takes follows from what came for it. A single event takes some hundred bytes,
    however many columns its profile has.
    """

    def add(self, batch: Batch, cursor: Cursor) -> Tally:
        """Read a batch and sum it. The records below ``cursor.counted_from`` are being re-read."""
        ...

    def touched(self) -> Sequence[Part]:
        """Return the cumulative parts of the windows that grew since they were last returned, by key."""
        ...

    def open_parts(self) -> Sequence[Part]:
        """Return the cumulative parts of all open windows, by key; nothing has grown since then."""
        ...

    def passed(self, watermark_ms: int) -> Sequence[Part]:
        """Remove the windows that end at or before the watermark, and return their parts, by key."""
        ...

    def least_first_offset(self) -> int | None:
        """Return the least first offset over all open windows: of any monitor, summed or not yet returned."""
        ...
