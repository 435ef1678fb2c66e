"""The compiled kernel (src/kernel). Only summarise.compiled knows it; it says what everything here means."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, final

__all__ = ["Columns", "Kernel"]

_Offset: TypeAlias = int
_Milliseconds: TypeAlias = int

class _Places(Protocol):
    """Where a topic writes its fields: the keys that lead to each, outermost first; a text is a constant."""

    @property
    def model(self) -> Sequence[str] | str: ...
    @property
    def version(self) -> Sequence[str] | str: ...
    @property
    def timestamp(self) -> Sequence[str]: ...
    @property
    def features(self) -> Sequence[str]: ...
    @property
    def prediction(self) -> Sequence[str]: ...
    @property
    def label(self) -> Sequence[str]: ...

class _Bounds(Protocol):
    """What bounds a record, and how windows lie; ``monitors`` are those of one window."""

    @property
    def event_bytes(self) -> int: ...
    @property
    def name_length(self) -> int: ...
    @property
    def monitors(self) -> int: ...
    @property
    def duration_ms(self) -> int: ...
    @property
    def lateness_ms(self) -> int: ...
    @property
    def skew_ms(self) -> int: ...

class _Column(Protocol):
    """A column that is looked at.

    ``takes`` is ``feature``, ``element`` (of an array of ``length``), ``prediction``, ``class``,
    ``label`` or ``error``; ``name`` that of the feature or the class; ``position`` its place in the profile;
    ``start`` where its run of the sums starts.
    A numeric column has ``edges``. A categorical one has ``categories``, or their ``hashes`` where ``shown`` is
    ``hash`` or ``hide``; ``known`` are the hashes of further texts that are not unseen.
    """

    @property
    def takes(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def element(self) -> int: ...
    @property
    def length(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def edges(self) -> Sequence[float] | None: ...
    @property
    def categories(self) -> Sequence[str]: ...
    @property
    def hashes(self) -> Sequence[int]: ...
    @property
    def known(self) -> Sequence[int]: ...
    @property
    def open_vocabulary(self) -> bool: ...
    @property
    def shown(self) -> str: ...

#: Columns, whether they were made for another version, reference id, summary id; None: nothing is in force.
_InForce: TypeAlias = tuple[Columns, bool, str, str] | None
#: By model, version and window start. Called with the GIL, once in a batch for each that is not open yet.
_Find: TypeAlias = Callable[[str, str, _Milliseconds], _InForce]
#: Read, summed, late, rejected (offset and number of the reason), newly refused, newest and first event time.
_Tally: TypeAlias = tuple[
    int, int, int, list[tuple[_Offset, int]], list[_Offset], _Milliseconds | None, _Milliseconds | None
]
#: Model, version, window start, reference id, summary id, first and last offset, events, sums in their wire form,
#: newest event time, unseen texts (position of the column, hash, text, events; by column, then hash).
_Part: TypeAlias = tuple[
    str,
    str,
    _Milliseconds,
    str,
    str,
    _Offset,
    _Offset,
    int,
    bytes,
    _Milliseconds,
    list[tuple[int, int, str, int]],
]

@final
class Columns:
    """The columns of one profile that are looked at, in its order. Immutable: any number of kernels may share it."""

    def __new__(cls, columns: Sequence[_Column], size: int, predicted: str | None) -> Columns:
        """Take the columns, the length of the vector of sums, and the kind of the prediction as a whole.

        ValueError where a column takes or shows what there is not.
        """

@final
class Kernel:
    """Sums the events of one source partition (summarise.seam.Summariser). Not to be called by two threads at once."""

    def __new__(cls, places: _Places, bounds: _Bounds) -> Kernel: ...
    def add(
        self,
        offsets: Sequence[_Offset],
        values: Sequence[bytes | None],
        timestamps_ms: Sequence[_Milliseconds],
        clock_ms: _Milliseconds | None,
        counted_from: _Offset,
        watermark_ms: _Milliseconds | None,
        refused: Sequence[tuple[_Offset, _Offset]],
        find: _Find,
    ) -> _Tally:
        """Sum a batch, without the GIL. What ``find`` raises is raised: then part of the batch is summed.

        No ``timestamps_ms`` and no ``clock_ms``: they have no meaning. ValueError where the batch is uneven.
        """

    def touched(self) -> list[_Part]:
        """Return the parts that have grown since they were last returned."""

    def open_parts(self) -> list[_Part]:
        """Return the parts of all open windows."""

    def passed(self, watermark_ms: _Milliseconds) -> list[_Part]:
        """Remove the windows that end at or before the watermark, and return their parts."""

    def least_first_offset(self) -> _Offset | None:
        """Return the least first offset over all open windows."""
