"""Columns with few observations are carried from window to window until they have enough."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from driftd.values.closed import ColumnSums
from driftd.values.layout import Layout, N, Sums, sums_from_bytes, sums_to_bytes
from driftd.values.part import Unseen, UnseenCategory, merge_unseen
from driftd.values.state import State
from driftd.values.windows import Window


@dataclass(frozen=True, slots=True)
class Carried:
    """What one column has gathered so far."""

    start_ms: int
    windows: int
    sums: Sums
    unseen: Unseen


class Release(NamedTuple):
    """What a window releases: columns with enough observations, and those that waited too long."""

    columns: tuple[ColumnSums, ...]
    starved: tuple[int, ...]


class Carry:
    """The carried columns of one monitor, within one reference.

    Memory: at most one vector of the monitor's size. A column is released at the first window with
    ``min_observations`` since its last release, and starved once that takes longer than ``max_span``.
    """

    def __init__(self, reference_id: str) -> None:
        self.reference_id = reference_id
        self._columns: dict[int, Carried] = {}

    def release(
        self, window: Window, layout: Layout, sums: Sums, unseen: Unseen, *, min_observations: int, max_span_ms: int
    ) -> Release:
        """Add a window's sums (of the whole monitor), and release what is ready."""
        ready: list[ColumnSums] = []
        starved: list[int] = []
        for position, column in enumerate(layout.columns):
            now = Carried(
                window.start_ms,
                1,
                sums[column.start : column.stop],
                tuple(u for u in unseen if u.column == position) if unseen else (),
            )
            before = self._columns.pop(position, None)
            if before is not None:
                if window.end_ms - before.start_ms <= max_span_ms:
                    now = Carried(
                        before.start_ms,
                        before.windows + 1,
                        before.sums + now.sums,
                        merge_unseen(before.unseen, now.unseen),
                    )
                else:  # a gap in the traffic: what was carried is too old to be joined to this
                    starved.append(position)
            if now.sums[N] >= min_observations:
                span = Window(now.start_ms, window.end_ms)
                ready.append(ColumnSums(position, span, now.windows, now.sums, now.unseen))
            elif window.end_ms - now.start_ms >= max_span_ms:
                starved.append(position)
            else:
                self._columns[position] = replace(now, sums=now.sums.copy())  # a view would keep the whole vector
        released = {column.column for column in ready}
        return Release(tuple(ready), tuple(sorted({c for c in starved if c not in released})))

    def to_state(self) -> State:
        """Return the carried columns."""
        return {
            "reference": self.reference_id,
            "columns": [
                [position, c.start_ms, c.windows, sums_to_bytes(c.sums).hex(), [list(u) for u in c.unseen]]
                for position, c in sorted(self._columns.items())
            ],
        }

    @classmethod
    def from_state(cls, state: State) -> "Carry":
        """Take the carried columns back."""
        carry = cls(state["reference"])
        for position, start_ms, windows, sums, unseen in state["columns"]:
            carry._columns[position] = Carried(
                start_ms, windows, sums_from_bytes(bytes.fromhex(sums)), tuple(UnseenCategory(*u) for u in unseen)
            )
        return carry
