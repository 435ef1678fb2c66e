"""The state of every column of a monitor."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import NamedTuple

from driftd.incidents.settings import MIN_WINDOWS
from driftd.values.keys import ColumnKey, Role
from driftd.values.state import State
from driftd.values.verdict import ColumnState, MonitorState, WindowVerdict


class States(NamedTuple):
    """The states of a monitor and its columns. A column that is not named was never judged: ``no_data``."""

    monitor: MonitorState
    columns: Mapping[ColumnKey, ColumnState]


@dataclass(slots=True)
class _Column:
    detected: int | None = None  # number of the newest window in which a detector spoke
    speaking: bool = False
    starved: bool = False


class ColumnStates:
    """What the newest windows said about each column, within one reference."""

    def __init__(self) -> None:
        self._columns: dict[ColumnKey, _Column] = {}

    def note(self, verdict: WindowVerdict, number: int) -> None:
        """Take in the monitor's window of this number. Columns that it does not judge stay as they were."""
        for judged in verdict.columns:
            column = self._columns.setdefault(judged.key, _Column())
            column.starved = False
            column.speaking = bool(judged.alarms or judged.speaking)
            if judged.detections:
                column.detected = number
        for key in verdict.starved:
            column = self._columns.setdefault(key, _Column())
            column.starved = True
            column.speaking = False

    def states(
        self, number: int, drifting: AbstractSet[ColumnKey], *, silent: bool, calibrating: bool = False
    ) -> States:
        """Return the states after window ``number``; ``drifting`` are in an open incident.

        An incident stays open while there is no data, so it outranks ``no_data``, for columns as for the
        monitor. A monitor has no data if it is ``silent``, or none of its columns has any. While it is
        ``calibrating`` so is every column about which nothing else is to be said: that nothing was found means
        little yet.
        """
        columns = {
            key: ColumnState.DRIFT
            if key in drifting
            else self._state(column, number, silent=silent, calibrating=calibrating)
            for key, column in sorted(self._columns.items())
        }
        if drifting:
            return States(MonitorState.FIRING, columns)
        if silent or all(state is ColumnState.NO_DATA for state in columns.values()):
            return States(MonitorState.NO_DATA, columns)
        return States(MonitorState.CALIBRATING if calibrating else MonitorState.OK, columns)

    @staticmethod
    def _state(column: _Column, number: int, *, silent: bool, calibrating: bool) -> ColumnState:
        if silent or column.starved:
            return ColumnState.NO_DATA
        if column.speaking:
            return ColumnState.DRIFT
        if column.detected is not None and number - column.detected < MIN_WINDOWS:
            return ColumnState.SUSPECT
        return ColumnState.CALIBRATING if calibrating else ColumnState.OK

    def to_state(self) -> list[State]:
        """Return what is known of each column, by key."""
        return [
            {
                "role": str(key.role),
                "name": key.name,
                "detected": column.detected,
                "speaking": column.speaking,
                "starved": column.starved,
            }
            for key, column in sorted(self._columns.items())
        ]

    @classmethod
    def from_state(cls, state: list[State]) -> "ColumnStates":
        """Take it back."""
        states = cls()
        for item in state:
            key = ColumnKey(Role(item["role"]), item["name"])
            states._columns[key] = _Column(item["detected"], item["speaking"], item["starved"])
        return states
