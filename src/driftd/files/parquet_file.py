"""Parquet, by way of pyarrow: importing this module needs the extra of the package."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
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
            self.columns: tuple[str, ...] = tuple(file.schema_arrow.names)
            self.row_hint: int | None = file.metadata.num_rows
            if not self.columns or not self.row_hint:
                raise DataError(self.name, "has no rows")
            name, times = Counter(self.columns).most_common(1)[0]
            if times > 1:
                raise DataError(self.name, f"column {name!r} occurs twice")
            for name, kind in zip(self.columns, file.schema_arrow.types, strict=True):
                if not (types.is_decimal(kind) or _is_json(kind)):
                    raise DataError(self.name, f"column {name!r} is of type {kind}, which no event can hold: ignore it")

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in order, a thousand at a time, whatever the size of the row groups."""
        with self._open() as file:
            start = 0
            for batch in file.iter_batches(batch_size=CHUNK_ROWS):
                columns = zip(self.columns, map(_cells, batch.columns), strict=True)
                yield Chunk(start, dict(columns))
                start += batch.num_rows

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file; whatever is wrong with it or with a value in it is a DataError."""
        try:
            file = parquet.ParquetFile(self._path)
        except OSError as error:
            raise DataError(str(self._path), f"cannot be read: {_reason(error)}") from None
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(self.name, f"is not Parquet: {_reason(error)}") from None
        try:
            with file:
                yield file
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # the last for a date out of range
            raise DataError(self.name, f"cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split())


def _is_json(kind: Any) -> bool:
    """Tell whether pyarrow gives values of a type in a form that JSON has, inner types included."""
    if types.is_dictionary(kind):
        return _is_json(kind.value_type)
    if types.is_nested(kind):
        return not (types.is_map(kind) or types.is_union(kind)) and all(
            _is_json(kind.field(at).type) for at in range(kind.num_fields)
        )
    plain = (types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_date, types.is_time)
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    return types.is_timestamp(kind) or any(is_of(kind) for is_of in (*plain, *texts))


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
