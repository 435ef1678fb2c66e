"""A shift of mean u in the feature's own units: how far all of the reference's values would have to be moved."""

import numpy as np

from driftd.references.profile import ColumnProfile, Floats
from driftd.values.keys import Kind
from driftd.values.privacy import Shown

_POINTS = 16  # that stand for the values of a fine bin
_HALVINGS = 40  # of the range of the values
_LEAST = 1e-9  # of that range: what a smaller move does is the doing of values that are equal
_DIGITS = 4  # that are worth telling


def value_shift(column: ColumnProfile, shift: float) -> float | None:
    """Return by how much all values must rise, or fall, to move mean u by ``shift`` > 0; of both the larger.

    A direction does not count if u cannot be moved so far in it, or if so many values are equal that the least move
    does. None where neither counts, for categories, and where the values are not shown. Values are taken to be
    spread evenly in their fine bin.
    """
    if column.kind is not Kind.NUMERIC or column.shown is not Shown.SHOW or not any(column.counts):
        return None
    moves = [_least_move(column, shift, side) for side in (1, -1)]
    return max((move for move in moves if move is not None), default=None)


def _least_move(column: ColumnProfile, shift: float, side: int) -> float | None:
    """Return the least move up (1) or down (-1) that suffices, None where none does."""
    edges, u = np.asarray(column.edges), column.midranks[np.asarray(column.test_of)]
    values, shares = _values(column)

    def moved(by: float) -> float:
        return float((shares * u[np.searchsorted(edges, values + side * by, side="right")]).sum()) - at_rest

    at_rest = 0.0
    at_rest = moved(0.0)
    high = float(values.max() - values.min())
    low = high * _LEAST
    if side * moved(low) >= shift or side * moved(high) < shift:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if side * moved(middle) >= shift else (middle, high)
    return float(f"{high:.{_DIGITS}g}")


def _values(column: ColumnProfile) -> tuple[Floats, Floats]:
    """Return points that stand for the reference's values, each in its fine bin, and the share of each."""
    edges, counts = np.asarray(column.edges), np.asarray(column.counts)
    held = counts > 0
    low = np.concatenate(([np.nextafter(edges[0], -np.inf)], edges))[held, None]
    high = np.concatenate((edges, [np.nextafter(edges[-1], np.inf)]))[held, None]
    within = (np.arange(_POINTS) + 0.5) / _POINTS
    points = np.clip(low * (1 - within) + high * within, low, np.nextafter(high, -np.inf))
    return points.ravel(), np.repeat(counts[held] / counts.sum() / _POINTS, _POINTS)
