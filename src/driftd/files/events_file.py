"""JSONL: one canonical event a line (docs/events.md), plain or gzip-compressed."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple, cast

from driftd.errors import DataError
from driftd.files.bounded_lines import bounded_lines
from driftd.files.options import ReadOptions
from driftd.references.profile import Profile
from driftd.references.rows import Row

_HEAD_BYTES = 65_536


class EventRow(NamedTuple):
    """A decoded event: whose it is, and its row."""

    model: str
    version: str
    row: Row


#: Decodes an event's bytes; ValueError says what is wrong with it.
ReadEvent = Callable[[bytes], EventRow]


class EventsFile:
    """Events as they are: replayed byte for byte; decoded for building a profile, or to be sorted.

    Lines are numbered from 0, blank ones left out, after sorting where ``options.sort`` asks for it (all
    lines are then held in memory; one without a readable time stays behind the one before). Their own order
    is not checked for a replay: events of a topic are never quite in order, and lateness is for that.
    Where ``options.timestamp`` is given, ``rows`` are in time order or an error. ``options.model`` and
    ``version`` choose whose events become rows; None: those of the first event, and others are an error.
    """

    def __init__(self, path: Path, options: ReadOptions, read_event: ReadEvent) -> None:
        self._path = path
        self._options = options
        self._read_event = read_event
        self.name = path.name
        self.ordered = options.timestamp is not None
        if options.prediction is not None or options.label is not None:
            raise DataError(self.name, "canonical events name their prediction and label themselves")
        first = next(self._stored(), None)
        if first is None:
            raise DataError(self.name, "is empty: there are no events")
        self.row_hint = self._estimate()
        self._sorted = self._sort() if options.sort else None

    @property
    def model(self) -> str:
        """Whose events become rows."""
        return self._options.model or self._first().model

    @property
    def version(self) -> str:
        """The version whose events become rows."""
        return self._options.version or self._first().version

    def typed_by_rows(self, start: int = 0, stop: int | None = None) -> "EventsFile":  # noqa: ARG002 -- as Table's
        """Return the same: events are typed."""
        return self

    def typed_by_profile(self, profile: Profile) -> "EventsFile":  # noqa: ARG002 -- as Table's
        """Return the same: events are typed."""
        return self

    def events(self, start: int = 0) -> Iterator[bytes]:
        """Yield the events from number ``start`` on, as they stand in the file."""
        at = -1
        for at, line in enumerate(self._lines()):
            if at >= start:
                yield line
        if at < start:
            raise DataError(self.name, f"has {at + 1} events, too few for row {start}")

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[Row]:
        """Yield the rows of events ``start`` to ``stop - 1`` that are of this model and version."""
        model, version = self.model, self.version
        newest: int | None = None
        at = start - 1
        for at, line in enumerate(islice(self._lines(), start, stop), start):
            event = self._decode(line, at)
            if (event.model, event.version) != (model, version):
                self._check_others(event, at)
                continue
            if self.ordered:
                newest = self._follow(newest, event.row.time_ms, at)
            features = {name: value for name, value in event.row.features.items() if name not in self._options.ignore}
            yield Row(features, event.row.prediction, event.row.label, event.row.time_ms)
        if at < start or (stop is not None and at + 1 < stop):
            raise DataError(self.name, f"has {at + 1} events, too few for rows {start}:{stop or ''}")

    def _check_others(self, event: EventRow, at: int) -> None:
        options = self._options
        chosen = (options.model in {None, event.model}) and (options.version in {None, event.version})
        if chosen:
            reason = f"holds events of {self.model}/{self.version} and of {event.model}/{event.version}"
            raise DataError(self.name, f"{reason}: choose with --model and --version", at)

    def _follow(self, newest: int | None, time_ms: int | None, at: int) -> int:
        if time_ms is None:
            raise DataError(self.name, "the event has no time, so the rows have no order", at)
        if newest is not None and time_ms < newest:
            reason = "is not in time order: this event is earlier than the event before"
            raise DataError(self.name, f"{reason}; use --sort, or leave --timestamp out", at)
        return time_ms

    def _first(self) -> EventRow:
        return self._decode(next(self._lines()), 0)

    def _decode(self, line: bytes, at: int) -> EventRow:
        try:
            return self._read_event(line)
        except ValueError as error:
            raise DataError(self.name, f"broken event: {error}", at) from None

    def _lines(self) -> Iterator[bytes]:
        return iter(self._sorted) if self._sorted is not None else self._stored()

    def _stored(self) -> Iterator[bytes]:
        try:
            with self._open() as file:
                for line in bounded_lines(file, self.name):
                    stripped = line.rstrip(b"\r\n")
                    if stripped.strip():
                        yield stripped
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(str(self._path), f"cannot be read: {reason}") from None

    def _open(self) -> IO[bytes]:
        return cast("IO[bytes]", gzip.open(self._path)) if self._path.suffix == ".gz" else self._path.open("rb")

    def _sort(self) -> list[bytes]:
        lines = list(self._stored())
        times: list[int] = []
        for line in lines:
            try:
                time_ms = self._read_event(line).row.time_ms
            except ValueError:
                time_ms = None  # the daemon's stages will reject it by the right reason
            times.append(time_ms if time_ms is not None else (times[-1] if times else 0))
        return [lines[at] for at in sorted(range(len(lines)), key=times.__getitem__)]

    def _estimate(self) -> int | None:
        """Guess the number of events from the first ones' length."""
        if self._path.suffix == ".gz":
            return None
        with self._path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        return max(round(max(head.count(b"\n"), 1) * self._path.stat().st_size / len(head)), 1)
