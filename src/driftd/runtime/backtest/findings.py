"""What became of injections: by which page a changed column was found, or which incident it joined, and how soon."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from driftd.incidents.events import event_type, rfc3339
from driftd.incidents.lifecycle import ChangeKind
from driftd.runtime.backtest.injected import InjectedEvents
from driftd.values.keys import ColumnKey, Role
from driftd.values.state import State
from driftd.values.verdict import DriftEvent

FIRING = event_type(ChangeKind.FIRING)
_ENDED = {event_type(ChangeKind.RESOLVED), event_type(ChangeKind.SUPERSEDED)}


class Told(NamedTuple):
    """A drift event, as far as it matters here."""

    type: str
    incident: str
    time_ms: int
    last_row: int  # of the window it tells of
    suspects: frozenset[ColumnKey]

    @classmethod
    def of(cls, event: DriftEvent) -> Self:
        """Take from a drift event what matters."""
        data = event.body["data"]
        suspects = frozenset(ColumnKey(Role(s["role"]), s["column"]) for s in data["suspects"])
        return cls(event.type, data["incident"], event.time_ms, last_row(event), suspects)


def last_row(event: DriftEvent) -> int:
    """Return the last row of the window that a drift event tells of."""
    rows: list[int] = [source["last_offset"] for source in event.body["data"]["window"]["sources"]]
    return max(rows)


def found_in(told: Iterable[Told], columns: Sequence[ColumnKey], row: int) -> dict[ColumnKey, Told]:
    """Return by which drift event each column was found first; those that were not are left out.

    A column is found when it becomes a suspect of an incident in a window that reaches to ``row`` or beyond.
    """
    found: dict[ColumnKey, Told] = {}
    suspects: dict[str, frozenset[ColumnKey]] = {}
    for event in told:
        joined = event.suspects - suspects.get(event.incident, frozenset())
        suspects[event.incident] = event.suspects
        if event.last_row >= row and event.type not in _ENDED:
            for column in columns:
                if column in joined:
                    found.setdefault(column, event)
    return found


def suspected_before(told: Iterable[Told], columns: Sequence[ColumnKey], row: int) -> set[ColumnKey]:
    """Return the columns that are suspects of an incident which is open when ``row`` comes."""
    suspects: dict[str, frozenset[ColumnKey]] = {}
    for event in told:
        if event.last_row < row:
            suspects[event.incident] = event.suspects if event.type not in _ENDED else frozenset()
    return set().union(*suspects.values()).intersection(columns)


def injections_told(told: Sequence[Told], injected: InjectedEvents) -> list[State]:
    """Return what became of each injection, in their order: the part of a replay's summary."""
    return [_injection(told, injected, number) for number in range(len(injected.injections))]


def _injection(told: Sequence[Told], injected: InjectedEvents, number: int) -> State:
    injection, columns, start_ms = injected.injections[number], injected.columns[number], injected.starts_ms[number]
    found = {} if start_ms is None else found_in(told, columns, injection.row)
    before = suspected_before(told, columns, injection.row)
    first = min(found.values(), key=lambda event: (event.last_row, event.type != FIRING), default=None)
    return {
        "spec": injection.spec,
        "row": injection.row,
        "time": None if start_ms is None else rfc3339(start_ms),
        "changed": injected.changed[number],
        "found": first is not None,
        **_finding(first, injection.row, start_ms),
        "columns": [
            {
                "column": column.name,
                "role": str(column.role),
                "suspected_before": column in before,
                "found": column in found,
                **_finding(found.get(column), injection.row, start_ms),
            }
            for column in columns
        ],
    }


def _finding(event: Told | None, row: int, start_ms: int | None) -> State:
    """Say how, where and how soon; rows count the injected ones up to the end of the window that told."""
    if event is None or start_ms is None:
        return dict.fromkeys(("by", "incident", "at_row", "after_rows", "after_seconds"))
    return {
        "by": "page" if event.type == FIRING else "join",
        "incident": event.incident,
        "at_row": event.last_row,
        "after_rows": event.last_row + 1 - row,
        "after_seconds": (event.time_ms - start_ms) / 1_000,
    }
