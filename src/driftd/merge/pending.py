"""Parts that wait for their window to close, and what was counted of those that closed early."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from driftd.values.keys import MonitorKey, SourcePartition
from driftd.values.part import Part, PartKey, PartPlace, UnseenCategory
from driftd.values.state import State
from driftd.values.windows import Window


class Late(NamedTuple):
    """Events of a topic that came for a closed window."""

    topic: str
    events: int


class Pending:
    """The fullest part of every (monitor, window, partition, summary), until the window closes.

    Receiving a part twice, or out of order, changes nothing: the higher last offset wins. Of a window
    that closed before one of its partitions had passed it, the number of events counted is remembered
    until that partition passes, so that what comes later is told as late, and only once.
    Memory: the open windows, bounded by max_ahead; the counts are one integer a part.
    """

    def __init__(self) -> None:
        self._windows: dict[Window, dict[PartKey, Part]] = {}
        self._counted: dict[PartPlace, int] = {}

    def receive(self, part: Part, frontier_ms: int | None) -> Late | None:
        """Keep a part if its window is open; else return what it adds to the late events."""
        key = part.key
        if frontier_ms is not None and key.window.end_ms <= frontier_ms:
            excess = part.events - self._counted.get(key.place, 0)
            if excess <= 0:
                return None
            self._counted[key.place] = part.events
            return Late(key.source.topic, excess)
        parts = self._windows.setdefault(key.window, {})
        known = parts.get(key)
        if known is None or part.last_offset > known.last_offset:
            parts[key] = part
        return None

    def passed(self, source: SourcePartition, watermark_ms: int) -> None:
        """Forget the counts of closed windows that this partition has passed: no part of them will come."""
        done = [place for place in self._counted if place.source == source and place.window.end_ms <= watermark_ms]
        for place in done:
            del self._counted[place]

    def forget_open(self, source: SourcePartition, watermark_ms: int | None) -> None:
        """Drop the parts of windows that this partition has not passed: they will be read again, otherwise."""
        for window, parts in list(self._windows.items()):
            if watermark_ms is None or window.end_ms > watermark_ms:
                self._windows[window] = {key: part for key, part in parts.items() if key.source != source}

    def recount(self, source: SourcePartition, watermark_ms: int | None, parts: Iterable[Part]) -> int:
        """Take note that these parts are all that a partition has, by now, in the windows it has not passed.

        They are received afterwards; what it handed on before of open windows is dropped. Returns how many
        events of closed windows were counted and are in no part any more.
        """
        self.forget_open(source, watermark_ms)
        events: Counter[PartPlace] = Counter()
        for part in parts:
            events[part.key.place] += part.events
        gone = 0
        for place, counted in self._counted.items():
            if place.source == source and events[place] < counted:
                gone += counted - events[place]
                self._counted[place] = events[place]
        return gone

    def windows(self) -> list[Window]:
        """Return the open windows that have parts, oldest first."""
        return sorted(self._windows)

    def close(
        self, window: Window, watermarks: dict[SourcePartition, int | None]
    ) -> dict[tuple[MonitorKey, str], list[Part]]:
        """Remove a window and return its parts by (monitor, summary), each list by source."""
        grouped: defaultdict[tuple[MonitorKey, str], list[Part]] = defaultdict(list)
        for key, part in sorted(self._windows.pop(window).items()):
            grouped[key.monitor, key.summary_id].append(part)
            watermark = watermarks.get(key.source)
            if watermark is None or watermark < window.end_ms:
                self._counted[key.place] = part.events
        return dict(grouped)

    def events(self) -> Counter[str]:
        """Return the number of events in open windows, by topic."""
        total: Counter[str] = Counter()
        for parts in self._windows.values():
            for key, part in parts.items():
                total[key.source.topic] += part.events
        return total

    def to_state(self) -> State:
        """Return parts and counts, sorted by key."""
        parts = [part for window in sorted(self._windows) for _, part in sorted(self._windows[window].items())]
        return {
            "parts": [part_to_state(part) for part in parts],
            "counted": [[*map(list, place), events] for place, events in sorted(self._counted.items())],
        }

    def restore(self, state: State) -> None:
        """Take parts and counts back."""
        for item in state["parts"]:
            part = part_from_state(item)
            self._windows.setdefault(part.key.window, {})[part.key] = part
        for monitor, window, source, events in state["counted"]:
            self._counted[PartPlace(MonitorKey(*monitor), Window(*window), SourcePartition(*source))] = events


def part_to_state(part: Part) -> State:
    """Write a part as plain data."""
    return {
        "key": _key_to_list(part.key),
        "reference": part.reference_id,
        "offsets": [part.first_offset, part.last_offset],
        "events": part.events,
        "newest_ms": part.newest_ms,
        "sums": part.sums.hex(),
        "unseen": [list(u) for u in part.unseen],
    }


def part_from_state(state: State) -> Part:
    """Read a part from plain data."""
    return Part(
        key=_key_from_list(state["key"]),
        reference_id=state["reference"],
        first_offset=state["offsets"][0],
        last_offset=state["offsets"][1],
        events=state["events"],
        sums=bytes.fromhex(state["sums"]),
        newest_ms=state["newest_ms"],
        unseen=tuple(UnseenCategory(*u) for u in state["unseen"]),
    )


def _key_to_list(key: PartKey) -> list[object]:
    return [list(key.monitor), list(key.window), list(key.source), key.summary_id]


def _key_from_list(items: list[list[object]]) -> PartKey:
    monitor, window, source, summary_id = items
    return PartKey(MonitorKey(*monitor), Window(*window), SourcePartition(*source), summary_id)  # type: ignore[arg-type]
