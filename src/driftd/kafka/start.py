"""Where the reading of each partition starts: decided from plain values, without a broker."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from driftd.errors import PositionBeyondEnd
from driftd.values.keys import SourcePartition


class Gap(NamedTuple):
    """Records that could not be read: the offsets from ``expected`` to ``actual`` - 1.

    Retention removed them, or the client cannot read them. Offsets that never held a record (of transaction
    markers, of what compaction took away) may be among them; alone they are no gap.
    """

    source: SourcePartition
    expected: int
    actual: int


@dataclass(frozen=True, slots=True)
class Start:
    """The first offset to read of each partition, and what retention has taken in between."""

    offsets: Mapping[SourcePartition, int]
    gaps: tuple[Gap, ...]

    def gaps_beyond(self, needed: Mapping[SourcePartition, int]) -> tuple[Gap, ...]:
        """Return the gaps as far as they are of records that are ``needed``."""
        cut = [gap._replace(expected=max(gap.expected, needed.get(gap.source, 0))) for gap in self.gaps]
        return tuple(gap for gap in cut if gap.expected < gap.actual)


def resume(positions: Mapping[SourcePartition, int], bounds: Mapping[SourcePartition, tuple[int, int]]) -> Start:
    """Go on at known positions, or at the first offset there still is.

    ``bounds`` are each partition's first offset and end; a partition without (it has no leader now) is
    taken at its word. Raises PositionBeyondEnd.
    """
    offsets = {}
    gaps = []
    for source, position in sorted(positions.items()):
        low, end = bounds.get(source, (position, position))
        if position > end:
            raise PositionBeyondEnd(source.topic, source.partition, position, end)
        if position < low:
            gaps.append(Gap(source, position, low))
        offsets[source] = max(position, low)
    return Start(offsets, tuple(gaps))
