"""The columns whose series are wanted, and as many of their series as there is room for."""

from collections.abc import Iterator, Sequence
from itertools import product
from operator import itemgetter
from typing import NamedTuple

from driftd.metrics.column_lines import GROUPS, LabelledColumn
from driftd.metrics.settings import ColumnChoice
from driftd.values.verdict import ColumnState
from driftd.values.view import ColumnView, MonitorView

_SUSPECT = 1
#: How much a column matters by its state; the least first.
_RANKS = {
    ColumnState.DRIFT: 0,
    ColumnState.SUSPECT: _SUSPECT,
    ColumnState.OK: 2,
    ColumnState.CALIBRATING: 2,
    ColumnState.NO_DATA: 3,
}
_RANK_NUMBERS = range(4)
_WANTED_RANKS = {"all": _RANK_NUMBERS, "suspects": range(_SUSPECT + 1), "none": range(0)}


class Block(NamedTuple):
    """A monitor's columns of one rank: how many, and how many series of each group they have."""

    columns: int
    series: tuple[int, ...]


class WantedColumns:
    """The columns of a monitor whose series are wanted, those that matter most first.

    First those in state drift, then those that are suspect or among the suspects of an incident that is shown,
    then the others, those without data last; within a rank in the order of the profile. ``blocks`` are the ranks.
    """

    def __init__(self, monitor: MonitorView, choice: ColumnChoice) -> None:
        self._monitor = monitor
        self._wanted = _WANTED_RANKS[choice]
        ranked: list[list[ColumnView]] = [[] for _ in _RANK_NUMBERS]
        for rank, column in self._ranked():
            ranked[rank].append(column)
        self.blocks = tuple(
            Block(len(columns), tuple(sum(map(group.size, columns)) for group in GROUPS)) for columns in ranked
        )

    def _ranked(self) -> Iterator[tuple[int, ColumnView]]:
        """Yield the wanted columns in the order of the profile, and how much each matters."""
        suspects = {suspect.key for incident in self._monitor.incidents for suspect in incident.suspects}
        for column in self._monitor.columns:
            rank = _RANKS[column.state]
            if column.key in suspects:
                rank = min(rank, _SUSPECT)
            if rank in self._wanted:
                yield rank, column

    def foremost(self, columns: int) -> list[LabelledColumn]:
        """Return so many columns."""
        ordered = sorted(self._ranked(), key=itemgetter(0))  # stable
        return [LabelledColumn.of(column) for _, column in ordered[:columns]]

    def fitting(self, rank: int, group: int, room: int) -> tuple[int, int]:
        """Return how many of a rank's columns have room for a group's series, and how many series those are."""
        columns = series = 0
        for found, column in self._ranked():
            if found == rank:
                size = GROUPS[group].size(column)
                if series + size > room:
                    break
                columns, series = columns + 1, series + size
        return columns, series


def allotted(room: int, monitors: Sequence[WantedColumns]) -> tuple[list[list[int]], int]:
    """Return of how many of its columns each monitor keeps each group, and how many series are left out of all.

    A group is kept of every column before the next group is begun; of the first group that does not fit, it is
    kept of the foremost columns, of each wholly or not at all: by rank, then by monitor. Behind the first one left
    out nothing is kept. So what is kept changes with the states, the monitors and their references, and with the
    number of series that a column has, and with nothing else.
    """
    kept = [[0] * len(GROUPS) for _ in monitors]
    shed = 0
    for group, rank in product(range(len(GROUPS)), _RANK_NUMBERS):
        for own, monitor in zip(kept, monitors, strict=True):
            columns, wanted = monitor.blocks[rank].columns, monitor.blocks[rank].series[group]
            fitting = wanted
            if shed:
                columns = fitting = 0
            elif wanted > room:
                columns, fitting = monitor.fitting(rank, group, room)
            own[group] += columns
            room -= fitting
            shed += wanted - fitting
    return kept, shed
