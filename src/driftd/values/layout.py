"""How the sums of a monitor lie in one vector of 64-bit integers.

Each column owns a run ``[n, missing, invalid, unseen, count of bin 0, count of bin 1, …]``:

* ``n``        events in which the column was looked at
* ``missing``  null, or absent where it was due
* ``invalid``  of the wrong type, NaN or infinite
* ``unseen``   texts that the reference has never seen; they count in the last bin (``other``) as well
* bins         ``n = missing + invalid + sum of bins`` always holds

Adding two vectors adds the sums: merging is exact, associative and commutative.

On the wire a vector takes as much room as it holds: its numbers are written in the least width that holds them
all, and only those that are not 0 where that is shorter. So the sums of a single event take some 150 bytes, however
many bins its profile has.

::

    dense   width             numbers
    sparse  width + 16, size  positions of the numbers that are not 0, those numbers

``width`` is one byte: 1, 2 or 4 for unsigned integers of so many bytes, 8 for signed ones; ``size`` is an unsigned
integer of four bytes; positions have the least width that holds ``size``. All are little-endian.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftd.values.keys import ColumnKey, Kind

HEADER = 4
N, MISSING, INVALID, UNSEEN = range(HEADER)

Sums = NDArray[np.int64]

_SPARSE = 16
_SIZE_BYTES = 4
_WIRE: dict[int, np.dtype[Any]] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4"), 8: np.dtype("<i8")}


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
    """Read a vector from its wire form."""
    wire = _WIRE[data[0] % _SPARSE]
    if data[0] < _SPARSE:
        return np.frombuffer(data, wire, offset=1).astype(np.int64)
    begin = 1 + _SIZE_BYTES
    size = int.from_bytes(data[1:begin], "little")
    places = _WIRE[_width(size)]
    filled = (len(data) - begin) // (places.itemsize + wire.itemsize)
    sums = np.zeros(size, dtype=np.int64)
    positions = np.frombuffer(data, places, filled, begin)
    sums[positions] = np.frombuffer(data, wire, filled, begin + positions.nbytes)
    return sums


def sums_to_bytes(sums: Sums) -> bytes:
    """Write a vector to its wire form: the same vector gives the same bytes. No number of it is below 0."""
    filled = np.flatnonzero(sums)
    numbers = sums[filled]
    width, place = _width(int(numbers.max(initial=0))), _width(len(sums))
    if _SIZE_BYTES + len(filled) * (place + width) >= len(sums) * width:
        return bytes([width]) + sums.astype(_WIRE[width]).tobytes()
    head = bytes([_SPARSE + width]) + len(sums).to_bytes(_SIZE_BYTES, "little")
    return head + filled.astype(_WIRE[place]).tobytes() + numbers.astype(_WIRE[width]).tobytes()


def _width(greatest: int) -> int:
    return 1 if greatest < 2**8 else 2 if greatest < 2**16 else 4 if greatest < 2**32 else 8
