"""Where in its sources a monitor's past windows began: for the offsets of an onset."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from driftd.values.closed import SourceSpan
from driftd.values.state import State

WINDOWS_KEPT = 288
SPANS_KEPT = 1024  # over all windows kept: a monitor fed by many partitions remembers fewer windows


class SourceOffset(NamedTuple):
    """A place in a source partition."""

    topic: str
    partition: int
    offset: int


class WindowOffsets:
    """The first offsets of a monitor's newest windows, bounded in windows and in spans."""

    def __init__(self) -> None:
        self._windows: deque[tuple[int, tuple[SourceOffset, ...]]] = deque()
        self._spans = 0

    def add(self, start_ms: int, sources: Iterable[SourceSpan]) -> None:
        """Remember a window; windows come in the order of event time."""
        places = tuple(SourceOffset(s.topic, s.partition, s.first_offset) for s in sources)
        self._windows.append((start_ms, places))
        self._spans += len(places)
        while len(self._windows) > WINDOWS_KEPT or (self._spans > SPANS_KEPT and len(self._windows) > 1):
            self._spans -= len(self._windows.popleft()[1])

    def since(self, event_ms: int) -> tuple[SourceOffset, ...]:
        """Return where to read each source from to see all events since a time, sorted by source.

        That is each source's first offset in the newest window starting at or before the time, or in the
        first one after it that has this source; what lies before the oldest window kept is unknown, and
        the oldest offsets known are returned.
        """
        starts = [start_ms for start_ms, _ in self._windows]
        at = max(bisect_right(starts, event_ms) - 1, 0)
        found: dict[tuple[str, int], SourceOffset] = {}
        for _, places in list(self._windows)[at:]:
            for place in places:
                found.setdefault((place.topic, place.partition), place)
        return tuple(found[source] for source in sorted(found))

    def to_state(self) -> State:
        """Return the windows; each source is named once."""
        sources = sorted({(p.topic, p.partition) for _, places in self._windows for p in places})
        number = {source: position for position, source in enumerate(sources)}
        return {
            "sources": [list(source) for source in sources],
            "windows": [
                [start_ms, [[number[p.topic, p.partition], p.offset] for p in places]]
                for start_ms, places in self._windows
            ],
        }

    @classmethod
    def from_state(cls, state: State) -> "WindowOffsets":
        """Take the windows back."""
        offsets = cls()
        sources = [(topic, partition) for topic, partition in state["sources"]]
        for start_ms, numbered in state["windows"]:
            places = tuple(SourceOffset._make((*sources[number], offset)) for number, offset in numbered)
            offsets._windows.append((start_ms, places))
            offsets._spans += len(places)
        return offsets
