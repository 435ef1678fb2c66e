"""Some consecutive rows of a table, column by column."""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

CHUNK_ROWS = 1_000

#: A JSON value without NaN and infinities: None is missing.
Cell = Any


class Chunk(NamedTuple):
    """Rows ``start`` to ``start + rows - 1``: for each column, in order, its cells."""

    start: int
    columns: dict[str, list[Cell]]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values())))

    def between(self, start: int, stop: int | None) -> "Chunk":
        """Return the rows of this chunk that lie from ``start`` to before ``stop``."""
        first = max(start - self.start, 0)
        last = self.rows if stop is None else max(min(stop - self.start, self.rows), first)
        if first == 0 and last == self.rows:
            return self
        return Chunk(self.start + first, {name: cells[first:last] for name, cells in self.columns.items()})


class RawTable(Protocol):
    """A table as it is stored. ``untyped``: cells are text that still has to be told from numbers."""

    name: str
    columns: tuple[str, ...]
    row_hint: int | None
    untyped: bool

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in order, from the first; may be called again."""
        ...


class HeldTable:
    """A table in memory."""

    def __init__(self, like: RawTable, columns: dict[str, list[Cell]]) -> None:
        self.name = like.name
        self.columns = like.columns
        self.untyped = like.untyped
        self._columns = columns
        self.row_hint: int | None = len(columns[like.columns[0]])

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows in order."""
        for start in range(0, self.row_hint or 0, CHUNK_ROWS):
            yield Chunk(start, {name: cells[start : start + CHUNK_ROWS] for name, cells in self._columns.items()})
