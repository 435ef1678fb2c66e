"""What each monitor has seen since its columns changed: the live data that an operator may accept as the new normal.

Pure, like the incidents it goes with: the same windows in the same order leave the same memory.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from driftd.values.closed import ClosedWindow
from driftd.values.keys import MonitorKey
from driftd.values.layout import Sums, sums_from_bytes, sums_to_bytes
from driftd.values.part import Unseen, UnseenCategory, merge_unseen
from driftd.values.state import State

NEWEST_KEPT = 12  # windows: an onset lies at most a few windows before its page


@dataclass(frozen=True, slots=True)
class LiveSums:
    """The sums of all columns of a monitor (values.layout) over its windows from ``start_ms`` to ``end_ms``."""

    reference_id: str
    start_ms: int
    end_ms: int
    windows: int
    events: int
    sums: bytes
    unseen: Unseen

    @property
    def vector(self) -> Sums:
        """The sums, to calculate with."""
        return sums_from_bytes(self.sums)

    def plus(self, later: "LiveSums") -> "LiveSums":
        """Add what came next. Two pieces of one window (of topics that are read differently) count it once."""
        return LiveSums(
            self.reference_id,
            self.start_ms,
            later.end_ms,
            self.windows + (later.windows if later.start_ms >= self.end_ms else 0),
            self.events + later.events,
            sums_to_bytes(self.vector + later.vector),
            merge_unseen(self.unseen, later.unseen),
        )


class LiveStage:
    """Keeps the sums of every monitor's newest windows and, while an incident is open, of those since it settled.

    Where a monitor settled (IncidentStage.settled_ms) before the windows that are kept, what is kept is taken.
    Memory per monitor: 13 vectors of sums in their wire form, all against one reference; a new one begins anew.
    """

    def __init__(self) -> None:
        self._monitors: dict[MonitorKey, _Monitor] = {}

    def observe(self, window: ClosedWindow, settled_ms: int | None) -> None:
        """Take in a window; ``settled_ms`` is what the incidents say after it."""
        known = self._monitors.get(window.monitor)
        if known is None or known.reference_id != window.reference_id:
            known = self._monitors[window.monitor] = _Monitor(window.reference_id)
        known.observe(window, settled_ms)

    def forget(self, monitor: MonitorKey) -> None:
        """Drop what is remembered of a monitor; harmless where there is nothing."""
        self._monitors.pop(monitor, None)

    def gathered(self, monitor: MonitorKey) -> LiveSums | None:
        """Return the sums since a monitor settled; None while no incident was open at its newest window."""
        known = self._monitors.get(monitor)
        return known.gathered if known else None

    def to_state(self) -> dict[MonitorKey, State]:
        """Return the memory of each monitor, by key."""
        return {key: self._monitors[key].to_state() for key in sorted(self._monitors)}

    def restore(self, state: Mapping[MonitorKey, State]) -> None:
        """Take the memory back, replacing all there is."""
        self._monitors = {key: _Monitor.from_state(state[key]) for key in sorted(state)}


class _Monitor:
    """The memory of one monitor, within one reference."""

    def __init__(self, reference_id: str) -> None:
        self.reference_id = reference_id
        self.gathered: LiveSums | None = None
        self._settled_ms: int | None = None  # since when ``gathered`` is
        self._newest: deque[LiveSums] = deque(maxlen=NEWEST_KEPT)

    def observe(self, window: ClosedWindow, settled_ms: int | None) -> None:
        piece = LiveSums(
            self.reference_id, *window.window, 1, events=window.events, sums=window.sums, unseen=window.unseen
        )
        if self._newest and self._newest[-1].start_ms == piece.start_ms:
            self._newest[-1] = self._newest[-1].plus(piece)
        else:
            self._newest.append(piece)
        if settled_ms is None:
            self._settled_ms = self.gathered = None
        elif self._settled_ms is None or settled_ms > self._settled_ms:
            self._settled_ms = settled_ms
            self.gathered = _sum([one for one in self._newest if one.start_ms >= settled_ms])
        elif piece.start_ms >= self._settled_ms:
            self.gathered = self.gathered.plus(piece) if self.gathered else piece

    def to_state(self) -> State:
        return {
            "reference_id": self.reference_id,
            "settled_ms": self._settled_ms,
            "gathered": _to_state(self.gathered) if self.gathered else None,
            "newest": [_to_state(piece) for piece in self._newest],
        }

    @classmethod
    def from_state(cls, state: State) -> "_Monitor":
        monitor = cls(state["reference_id"])
        monitor._settled_ms = state["settled_ms"]
        monitor.gathered = _from_state(state["gathered"]) if state["gathered"] else None
        monitor._newest.extend(map(_from_state, state["newest"]))
        return monitor


def _sum(pieces: list[LiveSums]) -> LiveSums | None:
    if not pieces:
        return None
    total = pieces[0]
    for piece in pieces[1:]:
        total = total.plus(piece)
    return total


def _to_state(piece: LiveSums) -> State:
    """Write sums; ``reference`` and ``unseen`` stand as in a part, so that what masks those masks these."""
    return {
        "reference": piece.reference_id,
        "window": [piece.start_ms, piece.end_ms],
        "windows": piece.windows,
        "events": piece.events,
        "sums": piece.sums.hex(),
        "unseen": [list(category) for category in piece.unseen],
    }


def _from_state(state: Mapping[str, Any]) -> LiveSums:
    start_ms, end_ms = state["window"]
    return LiveSums(
        reference_id=state["reference"],
        start_ms=start_ms,
        end_ms=end_ms,
        windows=state["windows"],
        events=state["events"],
        sums=bytes.fromhex(state["sums"]),
        unseen=tuple(UnseenCategory(*category) for category in state["unseen"]),
    )
