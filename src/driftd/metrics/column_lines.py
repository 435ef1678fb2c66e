"""The series of a column, in three groups, and what stands in their lines."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, Self

from driftd.metrics import catalogue as c
from driftd.metrics.lines import Row, escaped
from driftd.metrics.metric import Metric
from driftd.values.verdict import ColumnState, ColumnVerdict
from driftd.values.view import ColumnView

_STATES = tuple(state.value for state in ColumnState)
_distances_of = attrgetter(*c.DISTANCES)


class LabelledColumn(NamedTuple):
    """A column, and its labels as they stand on the page."""

    role: str
    name: str
    view: ColumnView

    @classmethod
    def of(cls, view: ColumnView) -> Self:
        """Label a column."""
        return cls(view.key.role.value, escaped(view.key.name), view)


#: Yields the rows of one metric for columns of one monitor.
Rows = Callable[[Sequence[LabelledColumn]], Iterator[Row]]


class Group(NamedTuple):
    """Series of a column that are kept or shed together: how many they are, and the rows of each metric."""

    size: Callable[[ColumnView], int]
    rows: tuple[tuple[Metric, Rows], ...]


def _states(columns: Sequence[LabelledColumn]) -> Iterator[Row]:
    for role, name, column in columns:
        for state in _STATES:
            yield role, name, state, state == column.state


def _of_newest(figure: Callable[[ColumnVerdict], float | None]) -> Rows:
    """Return the rows of a figure of the newest window, where there is one; it stays while there is no data."""

    def rows(columns: Sequence[LabelledColumn]) -> Iterator[Row]:
        for role, name, column in columns:
            value = None if column.newest is None else figure(column.newest)
            if value is not None:
                yield role, name, value

    return rows


def _figures_size(column: ColumnView) -> int:
    newest = column.newest
    if newest is None:
        return len(_STATES)
    return len(_STATES) + (newest.evidence is not None) + (4 if newest.n else 1)


def _distances(columns: Sequence[LabelledColumn]) -> Iterator[Row]:
    for role, name, column in columns:
        if column.newest is not None:
            for distance, value in zip(c.DISTANCES, _distances_of(column.newest.distances), strict=True):
                yield role, name, distance, value


def _detectable(columns: Sequence[LabelledColumn]) -> Iterator[Row]:
    for role, name, column in columns:
        for within, shift in column.detectable.items():
            yield role, name, within.value, shift


def _distances_size(column: ColumnView) -> int:
    return (0 if column.newest is None else len(c.DISTANCES)) + len(column.detectable)


def _detections(columns: Sequence[LabelledColumn]) -> Iterator[Row]:
    for role, name, column in columns:
        for detection, windows in sorted(column.detections.items()):
            yield role, name, detection.channel.value, escaped(detection.detector), windows


def _detections_size(column: ColumnView) -> int:
    return len(column.detections)


#: In the order in which they are kept: what stands last is shed first.
GROUPS = (
    Group(
        _figures_size,
        (
            (c.COLUMN_STATE, _states),
            (c.COLUMN_EVIDENCE, _of_newest(attrgetter("evidence"))),
            (c.COLUMN_SHIFT, _of_newest(attrgetter("shift"))),
            (c.COLUMN_MISSING, _of_newest(lambda newest: newest.missing / newest.n if newest.n else None)),
            (c.COLUMN_UNSEEN, _of_newest(lambda newest: newest.unseen / newest.n if newest.n else None)),
            (c.COLUMN_INVALID, _of_newest(lambda newest: newest.invalid / newest.n if newest.n else None)),
        ),
    ),
    Group(_distances_size, ((c.COLUMN_DISTANCE, _distances), (c.COLUMN_DETECTABLE, _detectable))),
    Group(_detections_size, ((c.DETECTIONS, _detections),)),
)
