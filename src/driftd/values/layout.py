"""How the sums of a monitor lie in one vector of 64-bit integers.

Each column owns a run ``[n, missing, invalid, unseen, count of bin 0, count of bin 1, …]``:

* ``n``        events in which the column was looked at
* ``missing``  null, or absent where it was due
* ``invalid``  of the wrong type, NaN or infinite
* ``unseen``   texts that the reference has never seen; they count in the last bin (``other``) as well
* bins         ``n = missing + invalid + sum of bins`` always holds

Adding two vectors adds the sums: merging is exact, associative and commutative.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from driftd.values.keys import ColumnKey, Kind

HEADER = 4
N, MISSING, INVALID, UNSEEN = range(HEADER)

WIRE_DTYPE = "<i8"
Sums = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ColumnLayout:
    """Where one column's run starts, and how many bins it has."""

    key: ColumnKey
    kind: Kind
    start: int
    bins: int

    @property
    def stop(self) -> int:
        """The end of the run."""
        return self.start + HEADER + self.bins


@dataclass(frozen=True, slots=True)
class Layout:
    """The runs of all columns of one reference, in its order."""

    columns: tuple[ColumnLayout, ...]

    @property
    def size(self) -> int:
        """Length of the whole vector."""
        return self.columns[-1].stop if self.columns else 0


def sums_from_bytes(data: bytes) -> Sums:
    """Read a vector from its wire form (little-endian int64); the result is read-only."""
    return np.frombuffer(data, dtype=WIRE_DTYPE).astype(np.int64, copy=False)


def sums_to_bytes(sums: Sums) -> bytes:
    """Write a vector to its wire form."""
    return sums.astype(WIRE_DTYPE, copy=False).tobytes()
