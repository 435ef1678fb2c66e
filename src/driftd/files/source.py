"""A file as the source of a replay: one partition, read to its end."""

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import SourcePartition

BATCH_ROWS = 1_000


class Events(Protocol):
    """A file as events that are numbered from 0: a table, a file of events, or what stands before one of them."""

    @property
    def name(self) -> str:
        """The file's name."""
        ...

    def events(self, start: int = 0) -> Iterator[bytes]:
        """Yield the events from number ``start`` on."""
        ...


class TableSource:
    """Yields a file's rows from ``start`` on as batches of at most 1,000 canonical events, in order.

    A row's offset is its number in the file, after sorting. Records have no timestamp and there is no clock.
    The last batch says ``drained``; it has records too.
    """

    def __init__(self, data: Events, start: int = 0) -> None:
        self.source = SourcePartition(data.name, 0)
        self.start = start
        self._data = data

    def __iter__(self) -> Iterator[Batch]:
        events = self._data.events(self.start)
        position = self.start
        values = list(islice(events, BATCH_ROWS))
        while values:
            upcoming = list(islice(events, BATCH_ROWS))
            offsets = range(position, position + len(values))
            position = offsets.stop
            yield Batch(
                source=self.source,
                position=position,
                offsets=offsets,
                values=values,
                timestamps_ms=[-1] * len(values),
                record_time=RecordTime.NONE,
                drained=not upcoming,
            )
            values = upcoming
