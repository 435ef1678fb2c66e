"""A table as training rows and as canonical events."""

from collections.abc import Iterator
from copy import copy
from pathlib import Path

import orjson

from driftd.errors import DataError
from driftd.files.chunk import Chunk, RawTable
from driftd.files.csv_file import CsvFile, as_numbers, number, plain_numbers
from driftd.files.options import ReadOptions
from driftd.files.timeline import in_order, sorted_by_time
from driftd.files.timestamps import event_time
from driftd.references.profile import Profile
from driftd.references.rows import Row
from driftd.references.shape import LABEL, PREDICTION
from driftd.values.keys import NO_VERSION, ColumnKey, Kind, Role


class Table:
    """A CSV or Parquet file. Rows are numbered from 0, after sorting where ``options.sort`` asks for it.

    CSV cells are text: one of ``typed_by_rows`` and ``typed_by_profile`` says which columns are numbers
    before rows or events are read; without either all are text. Parquet has types of its own, and both
    return it as it is. Raises DataError for whatever is wrong with the file or the options.
    """

    def __init__(self, path: Path, options: ReadOptions) -> None:
        raw = _parquet(path) if path.suffix == ".parquet" else CsvFile(path)
        self._features = options.features(raw.name, raw.columns)
        self._raw = sorted_by_time(raw, options) if options.sort else raw
        self._options = options
        self._numeric: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The file's name."""
        return self._raw.name

    @property
    def row_hint(self) -> int | None:
        """Number of rows, about; None: unknown."""
        return self._raw.row_hint

    @property
    def model(self) -> str:
        """Whose rows these are."""
        return self._options.model or self.name.split(".")[0]

    @property
    def version(self) -> str:
        """The model's version."""
        return self._options.version or NO_VERSION

    @property
    def ordered(self) -> bool:
        """Whether the rows have times of their own, in order."""
        return self._options.timestamp is not None

    def typed_by_rows(self, start: int = 0, stop: int | None = None) -> "Table":
        """Take for numeric what holds numbers only, and at least one, in rows ``start`` to ``stop - 1``."""
        if not self._raw.untyped:
            return self
        candidates = set(self._watched())
        found: set[str] = set()
        for chunk in self._raw.chunks():
            if stop is not None and chunk.start >= stop:
                break
            for name in sorted(candidates):
                texts = [cell for cell in chunk.between(start, stop).columns[name] if cell is not None]
                if plain_numbers(texts) is None and not all(map(_numeric, texts)):
                    candidates.discard(name)
                elif any(number(text) is not None for text in texts):
                    found.add(name)
        return self._typed(frozenset(found & candidates))

    def typed_by_profile(self, profile: Profile) -> "Table":
        """Take for numeric what is numeric in a profile."""
        if not self._raw.untyped:
            return self
        kinds = {column.key: column.kind for column in profile.columns}
        keys = {name: ColumnKey(Role.FEATURE, name) for name in self._features}
        if self._options.prediction is not None:
            keys[self._options.prediction] = PREDICTION
        if self._options.label is not None:
            keys[self._options.label] = LABEL
        return self._typed(frozenset(name for name, key in keys.items() if kinds.get(key) is Kind.NUMERIC))

    def _typed(self, numeric: frozenset[str]) -> "Table":
        table = copy(self)
        table._numeric = numeric  # noqa: SLF001 -- its own class
        return table

    def _watched(self) -> tuple[str, ...]:
        roles = (self._options.prediction, self._options.label)
        return (*self._features, *(name for name in roles if name is not None))

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[Row]:
        """Yield rows ``start`` to ``stop - 1`` for building a profile."""
        options = self._options
        for chunk, times in self._chunks(start, stop):
            features = _records(self._features, chunk)
            predictions = chunk.columns[options.prediction] if options.prediction else [None] * chunk.rows
            labels = chunk.columns[options.label] if options.label else [None] * chunk.rows
            yield from map(Row, features, predictions, labels, times)

    def events(self, start: int = 0) -> Iterator[bytes]:
        """Yield the rows from ``start`` on as canonical events (docs/events.md)."""
        options = self._options
        for chunk, times in self._chunks(start, None):
            roles = {"prediction": options.prediction, "label": options.label}
            given = {role: chunk.columns[name] for role, name in roles.items() if name}
            common = {"model": self.model, "version": self.version}
            for at, (features, time) in enumerate(zip(_records(self._features, chunk), times, strict=True)):
                outcome = {role: cells[at] for role, cells in given.items()}
                event = {**common, "timestamp": event_time(time), "features": features, **outcome}
                yield orjson.dumps(event, option=orjson.OPT_SORT_KEYS)

    def _chunks(self, start: int, stop: int | None) -> Iterator[tuple[Chunk, list[int]]]:
        """Yield the chunks of a span, typed, with times; DataError if the table has no row in it."""
        reached = 0
        for whole, times in in_order(self._raw, self._options):
            reached = whole.start + whole.rows
            chunk = whole.between(start, stop)
            if chunk.rows:
                offset = chunk.start - whole.start
                yield self._convert(chunk), times[offset : offset + chunk.rows]
            if stop is not None and reached >= stop:
                return
        if stop is not None or reached <= start:
            asked = f"row {start}" if stop is None else f"rows {start}:{stop}"
            raise DataError(self.name, f"has {reached} rows, too few for {asked}")

    def _convert(self, chunk: Chunk) -> Chunk:
        columns = {name: as_numbers(cells) if name in self._numeric else cells for name, cells in chunk.columns.items()}
        return chunk._replace(columns=columns)


def _parquet(path: Path) -> RawTable:
    """Open a Parquet file: pyarrow is an extra, and takes its time and memory to load."""
    try:
        from driftd.files.parquet_file import ParquetFile  # noqa: PLC0415 -- loaded where it is used
    except ImportError:
        raise DataError(path.name, "Parquet needs pyarrow: pip install driftd[parquet]") from None
    return ParquetFile(path)


def _numeric(text: str) -> bool:
    """Return whether a cell's text leaves its column numeric: a number, or an infinity, which is invalid there."""
    return number(text) is not None or text.strip().lower().lstrip("+-") in {"inf", "infinity"}


def _records(names: tuple[str, ...], chunk: Chunk) -> Iterator[dict[str, object]]:
    """Yield the named cells of each row."""
    if not names:
        return iter({} for _ in range(chunk.rows))
    columns = zip(*(chunk.columns[name] for name in names), strict=True)
    return (dict(zip(names, cells, strict=True)) for cells in columns)
