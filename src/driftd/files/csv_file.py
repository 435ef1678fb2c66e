"""CSV, plain or gzip-compressed: comma-separated, UTF-8, a header line, quoted as RFC 4180 has it.

Blank lines are passed over, and so are spaces behind a comma.
"""

import csv
import gzip
import math
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from driftd.errors import DataError
from driftd.files.bounded_lines import bounded_lines
from driftd.files.chunk import CHUNK_ROWS, Cell, Chunk

#: What stands for a missing value, in columns of numbers and of text alike.
NULLS = frozenset({"", "NA", "NaN", "nan"})
_HEAD_BYTES = 65_536
_DIALECT: Mapping[str, Any] = {"strict": True, "skipinitialspace": True}


class CsvFile:
    """The cells of a CSV file, as text or None. A column without a name is called ``unnamed_`` and its place."""

    untyped = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = path.name
        with self._open() as file:
            reader = self._reader(file)
            self.columns = self._header(reader)
            if not any(any(row) for row in islice(self._records(reader), 1)):
                raise DataError(self.name, "has a header but no rows")
        self.row_hint = self._estimate()

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in order. Raises DataError for a row that is broken or has too many or few fields."""
        with self._open() as file:
            reader = self._reader(file)
            self._header(reader)
            records = self._records(reader)
            start = 0
            while rows := list(islice(records, CHUNK_ROWS)):
                for at, row in enumerate(rows, start):
                    if len(row) != len(self.columns):
                        reason = f"{len(row)} fields where the header has {len(self.columns)}"
                        raise DataError(self.name, reason, at)
                cells: Iterator[tuple[str, ...]] = zip(*rows, strict=True)
                columns = [[None if cell in NULLS else cell for cell in column] for column in cells]
                yield Chunk(start, dict(zip(self.columns, columns, strict=True)))
                start += len(rows)

    def _open(self) -> TextIO:
        try:
            if self._path.suffix == ".gz":
                return TextIOWrapper(gzip.open(self._path), encoding="utf-8-sig", newline="")
            return self._path.open(encoding="utf-8-sig", newline="")
        except OSError as error:
            raise DataError(str(self._path), f"cannot be read: {error.strerror}") from None

    def _reader(self, file: TextIO) -> Iterator[list[str]]:
        return csv.reader(bounded_lines(file, self.name), **_DIALECT)

    def _records(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        """Yield the records, blank lines skipped; say which row is broken."""
        at = 0
        while True:
            try:
                for record in reader:
                    if record:
                        yield record
                        at += 1
            except csv.Error as error:
                raise DataError(self.name, f"broken row: {error}", at) from None
            except UnicodeDecodeError as error:
                raise DataError(self.name, f"is not UTF-8: {error.reason}", at) from None
            except (OSError, EOFError, zlib.error) as error:  # gzip's own complaints are among them
                raise DataError(self.name, f"cannot be read: {error}", at) from None
            return

    def _header(self, reader: Iterator[list[str]]) -> tuple[str, ...]:
        header: Sequence[str] = next(self._records(reader), ())
        if not header:
            raise DataError(self.name, "is empty: there is no header")
        names = tuple(name.strip() or f"unnamed_{at}" for at, name in enumerate(header))
        name, times = Counter(names).most_common(1)[0]
        if times > 1:
            raise DataError(self.name, f"column {name!r} occurs twice in the header")
        return names

    def _estimate(self) -> int | None:
        """Guess the number of rows from the first lines' length."""
        if self._path.suffix == ".gz":
            return None
        with self._path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        return max(round(head.count(b"\n") * self._path.stat().st_size / len(head)) - 1, 1)


def number(text: str) -> float | None:
    """Return the finite number that a cell's text is, or None. Python's own spelling ``1_000`` is text."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if "_" not in text and value - value == 0 else None  # inf - inf is NaN


def as_numbers(cells: list[Cell]) -> list[Cell]:
    """Return the cells of a numeric column: what is no finite number stays text, and so is invalid there."""
    texts = [cell for cell in cells if cell is not None]
    values = plain_numbers(texts)
    if values is None:
        return [None if cell is None else cell if (value := number(cell)) is None else value for cell in cells]
    if len(values) == len(cells):
        return values
    present = iter(values)
    return [None if cell is None else next(present) for cell in cells]


def plain_numbers(texts: list[str]) -> list[float] | None:
    """Return the numbers of many texts, or None if any may be no finite number: the common case, quickly."""
    try:
        values = list(map(float, texts))
    except ValueError:
        return None
    return values if math.isfinite(sum(values)) and "_" not in "".join(texts) else None
