"""Parquet, by way of pyarrow: importing this module needs the extra of the package."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet, types

from driftd.errors import DataError
from driftd.files.chunk import CHUNK_ROWS, Cell, Chunk


class ParquetFile:
    """The cells of a Parquet file, with its own types. Dates and times become RFC 3339 text, decimals numbers."""

    untyped = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name
        with self._open() as file:
            self.columns = tuple(file.schema_arrow.names)
            self.row_hint: int | None = file.metadata.num_rows
            types = list(zip(self.columns, file.schema_arrow.types, strict=True))
        if not self.columns or not self.row_hint:
            raise DataError(self.name, "has no rows")
        for name, kind in types:
            if self.columns.count(name) > 1:
                raise DataError(self.name, f"column {name!r} occurs twice")
            self._check(name, kind)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in order, a thousand at a time, whatever the size of the row groups."""
        start = 0
        try:
            with self._open() as file:
                for batch in file.iter_batches(batch_size=CHUNK_ROWS):
                    columns = zip(self.columns, map(_cells, batch.columns), strict=True)
                    yield Chunk(start, dict(columns))
                    start += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise DataError(self.name, f"cannot be read: {error}", start) from None

    def _open(self) -> Any:
        try:
            return parquet.ParquetFile(self._path)
        except OSError as error:
            raise DataError(str(self._path), f"cannot be read: {error.strerror or error}") from None
        except pa.ArrowException as error:
            raise DataError(self.name, f"is not Parquet: {error}") from None

    def _check(self, name: str, kind: Any) -> None:
        inner = kind.value_type if types.is_dictionary(kind) or types.is_list(kind) else kind
        if types.is_binary(inner) or types.is_large_binary(inner) or types.is_duration(inner) or types.is_map(inner):
            raise DataError(self.name, f"column {name!r} is of type {kind}, which no event can hold: ignore it")


def _cells(array: Any) -> list[Cell]:
    """Return an Arrow column as JSON values."""
    kind = array.type
    if types.is_dictionary(kind):
        return _cells(array.dictionary_decode())
    if types.is_floating(kind):
        return _finite(array.to_pylist())
    if types.is_decimal(kind):
        return [None if value is None else float(value) for value in array.to_pylist()]
    if types.is_timestamp(kind):  # nanoseconds would need pandas
        array = array.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    if types.is_temporal(kind):
        return [None if value is None else value.isoformat() for value in array.to_pylist()]
    values: list[Cell] = array.to_pylist()
    return values


def _finite(values: list[Any]) -> list[Cell]:
    """Write NaN as missing and infinities as text: JSON has neither, and text among numbers is invalid."""
    return [
        value if value is None or value - value == 0 else None if value != value else str(value)  # noqa: PLR0124 -- NaN
        for value in values
    ]
