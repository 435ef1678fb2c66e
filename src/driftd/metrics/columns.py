"""The series of columns: those that are wanted, and as many of them as there is room for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from driftd.metrics import catalogue as c
from driftd.metrics.samples import Sample
from driftd.metrics.settings import ColumnChoice
from driftd.values.keys import MonitorKey
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

Labels = tuple[str, ...]


class WantedColumn(NamedTuple):
    """A column whose series are wanted, and how much it matters."""

    rank: int
    monitor: MonitorKey
    view: ColumnView

    @property
    def labels(self) -> Labels:
        """The labels that all its series have."""
        return (*self.monitor, str(self.view.key.role), self.view.key.name)


class _Group(NamedTuple):
    """Series of a column that are kept or shed together: how many they are, and what makes them."""

    size: Callable[[ColumnView], int]
    samples: Callable[[Labels, ColumnView], Iterator[Sample]]


def wanted_columns(monitors: Iterable[MonitorView], choice: ColumnChoice) -> Sequence[WantedColumn]:
    """Return the columns whose series are wanted, those that matter most first.

    First those in state drift, then those that are suspect or among the suspects of an incident that is shown,
    then the others, those without data last; each by monitor, and within it in the order of its profile. So the
    order changes with the states, the monitors and their references, and with nothing else.
    """
    if choice == "none":
        return ()
    columns = [column for monitor in monitors for column in _of_monitor(monitor)]
    if choice == "suspects":
        columns = [column for column in columns if column.rank <= _SUSPECT]
    return sorted(columns, key=attrgetter("rank"))  # stable: by monitor and column within a rank


def _of_monitor(monitor: MonitorView) -> Iterator[WantedColumn]:
    suspects = {suspect.key for incident in monitor.incidents for suspect in incident.suspects}
    for column in monitor.columns:
        rank = _RANKS[column.state]
        yield WantedColumn(min(rank, _SUSPECT) if column.key in suspects else rank, monitor.key, column)


def samples_within(room: int, columns: Sequence[WantedColumn]) -> tuple[list[Sample], int]:
    """Return the samples that there is room for, and how many are left out.

    A group is kept of every column before the next group is begun; of the first group that does not fit, it is
    kept of the foremost columns, of each wholly or not at all. Behind the first one left out nothing is kept.
    """
    samples: list[Sample] = []
    shed = 0
    for group in _GROUPS:
        for column in columns:
            size = group.size(column.view)
            if shed or len(samples) + size > room:
                shed += size
            else:
                samples += group.samples(column.labels, column.view)
    return samples, shed


def _figures(labels: Labels, column: ColumnView) -> Iterator[Sample]:
    """Yield the state, and the newest window's evidence, shift and ratios; these stay while there is no data."""
    for state in c.COLUMN_STATE.values["state"]:
        yield Sample(c.COLUMN_STATE, (*labels, state), state == column.state)
    newest = column.newest
    if newest is not None:
        if newest.evidence is not None:
            yield Sample(c.COLUMN_EVIDENCE, labels, newest.evidence)
        yield Sample(c.COLUMN_SHIFT, labels, newest.shift)
        if newest.n:
            yield Sample(c.COLUMN_MISSING, labels, newest.missing / newest.n)
            yield Sample(c.COLUMN_UNSEEN, labels, newest.unseen / newest.n)
            yield Sample(c.COLUMN_INVALID, labels, newest.invalid / newest.n)


def _figures_size(column: ColumnView) -> int:
    newest = column.newest
    if newest is None:
        return len(ColumnState)
    return len(ColumnState) + (newest.evidence is not None) + (4 if newest.n else 1)


def _distances(labels: Labels, column: ColumnView) -> Iterator[Sample]:
    """Yield the newest window's distances, and the shifts that could be found."""
    if column.newest is not None:
        for distance in c.DISTANCES:
            yield Sample(c.COLUMN_DISTANCE, (*labels, distance), getattr(column.newest.distances, distance))
    for within, shift in column.detectable.items():
        yield Sample(c.COLUMN_DETECTABLE, (*labels, within), shift)


def _distances_size(column: ColumnView) -> int:
    return (0 if column.newest is None else len(c.DISTANCES)) + len(column.detectable)


def _detections(labels: Labels, column: ColumnView) -> Iterator[Sample]:
    for detection, windows in sorted(column.detections.items()):
        yield Sample(c.DETECTIONS, (*labels, str(detection.channel), detection.detector), windows)


def _detections_size(column: ColumnView) -> int:
    return len(column.detections)


#: In the order in which they are kept: what stands last is shed first.
_GROUPS = (
    _Group(_figures_size, _figures),
    _Group(_distances_size, _distances),
    _Group(_detections_size, _detections),
)
