"""Test bins of equal probability, cut into fine bins, with tails that grow (architecture, section 5).

All edges between the training minimum and maximum are chosen by rank, so the counts per test bin are the
same after any strictly increasing map of the column: verdicts do not depend on the feature's unit.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from driftd.references.profile import Floats, Ints

TEST_BINS = 20
FINE_PER_TEST = 5
TAIL_BINS = 12  # on each side, the outermost unbounded
TAIL_GROWTH = 4
TAIL_START = 20  # the first tail bin is this fraction of the training range


@dataclass(frozen=True, slots=True)
class Bins:
    """Fine bins of a numeric column: strictly increasing finite edges, and the test bin of each fine bin."""

    edges: tuple[float, ...]
    test_of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Cell:
    """A test bin within the training range: distinct values ``start`` to ``stop - 1``."""

    start: int
    stop: int
    atom: bool


def numeric_bins(values: Floats, test_bins: int = TEST_BINS) -> Bins:
    """Cut the real line for finite training values (any order; at least one).

    * A value with more than 1/test_bins of the mass (an atom) is a fine bin ``[v, nextafter(v))`` and a
      test bin; between two neighbouring atoms lies nothing in training, and what comes to lie there counts
      with the lower one.
    * Values between atoms share ``round(mass * test_bins)``, at least one, test bins of equal probability,
      each cut into up to 5 fine bins of equal probability.
    * Beyond the training minimum and maximum up to 12 fine bins on each side grow fourfold. They belong to
      the first and last test bin; beyond an atom they are a test bin of their own without training mass,
      else a constant column could never be seen to move.

    Edges that would not be finite or not increase are dropped. O(n log n).
    """
    distinct, occurrences = np.unique(values, return_counts=True)
    distinct = distinct + 0.0  # -0.0 and 0.0 are one value, written 0.0
    ranks = np.concatenate(([0], np.cumsum(occurrences)))
    atoms = occurrences * test_bins > ranks[-1]
    cells = _cells(atoms, ranks, test_bins)

    first = 1 if cells[0].atom else 0
    last = first + len(cells) - 1
    low, high = float(distinct[0]), float(distinct[-1])
    above = math.nextafter(high, math.inf)
    # A fine bin is named by the edge it starts at; the first one starts at minus infinity.
    starts = [(edge, 0) for edge in reversed(_tail(low, -_first_width(low, high)))]
    starts.extend((edge, first + cell) for edge, cell in _starts(cells, distinct, ranks))
    if math.isfinite(above):
        starts.extend((edge, last + cells[-1].atom) for edge in (above, *_tail(above, _first_width(low, high))))
    # what follows the greatest negative number is -0.0, and is written 0.0
    return Bins(edges=tuple(edge + 0.0 for edge, _ in starts), test_of=(0, *(test for _, test in starts)))


def regroup(counts: Ints, test_bins: int = TEST_BINS) -> tuple[int, ...]:
    """Return the test bin of each fine bin, of equal probability again, from counts per fine bin; not all are 0.

    The rules are those of ``numeric_bins``, with fine bins in the place of values: one with more than
    1/test_bins of the mass is a test bin of its own, and what lies beyond it on the outside is another one.
    """
    held = np.flatnonzero(counts)
    ranks = np.concatenate(([0], np.cumsum(counts[held])))
    cells = _cells(counts[held] * test_bins > ranks[-1], ranks, test_bins)
    begins = np.zeros(len(counts) + 1, dtype=np.int64)
    for before, cell in pairwise(cells):
        right_behind = before.atom and not cell.atom
        begins[held[cell.start - 1] + 1 if right_behind else held[cell.start]] = 1
    if cells[0].atom and held[0] > 0:
        begins[held[0]] = 1
    if cells[-1].atom:
        begins[held[-1] + 1] = 1
    return tuple(np.cumsum(begins[:-1]).tolist())


def _cells(atoms: np.ndarray, ranks: Ints, test_bins: int) -> list[_Cell]:
    """Cut the distinct values into test bins: each atom alone, the segments between them by rank."""
    cells: list[_Cell] = []
    at = 0
    while at < len(atoms):
        if atoms[at]:
            cells.append(_Cell(at, at + 1, atom=True))
            at += 1
            continue
        later = np.flatnonzero(atoms[at:])
        stop = at + int(later[0]) if later.size else len(atoms)
        mass = (ranks[stop] - ranks[at]) / ranks[-1]
        bounds = [at, *_cuts(ranks, at, stop, max(1, round(float(mass) * test_bins))), stop]
        cells.extend(_Cell(start, end, atom=False) for start, end in pairwise(bounds))
        at = stop
    return cells


def _cuts(ranks: Ints, start: int, stop: int, parts: int) -> list[int]:
    """Return the distinct values at which a run of them is cut into parts of nearly equal mass."""
    span = ranks[start : stop + 1]
    targets = span[0] + (span[-1] - span[0]) * np.arange(1, parts) / parts
    above = np.searchsorted(span, targets)
    nearer_below = targets - span[above - 1] <= span[above] - targets
    return [int(cut) for cut in np.unique(start + above - nearer_below) if start < cut < stop]


def _starts(cells: list[_Cell], distinct: Floats, ranks: Ints) -> Iterator[tuple[float, int]]:
    """Yield where each fine bin starts, and its cell's number."""
    for number, cell in enumerate(cells):
        behind_atom = number > 0 and cells[number - 1].atom
        after = math.nextafter(float(distinct[cell.start - 1]), math.inf) if behind_atom else -math.inf
        start = float(distinct[cell.start])
        if cell.atom:
            if behind_atom and after < start:
                yield after, number - 1
            yield start, number
        else:
            # Right behind an atom the segment begins, whatever the least value seen there.
            yield after if behind_atom else start, number
            for cut in _cuts(ranks, cell.start, cell.stop, FINE_PER_TEST):
                yield float(distinct[cut]), number


def _first_width(low: float, high: float) -> float:
    """Return the width of the first tail bin; written so that it cannot overflow."""
    return high / TAIL_START - low / TAIL_START if high > low else max(abs(low), 1.0) / TAIL_START


def _tail(bound: float, width: float) -> list[float]:
    """Return the edges beyond a bound, outwards; a negative width goes down."""
    edges: list[float] = []
    for step in range(1, TAIL_BINS):
        edge = bound + width * ((TAIL_GROWTH**step - 1) / (TAIL_GROWTH - 1))
        if math.isfinite(edge) and abs(edge - (edges[-1] if edges else bound)) > 0:
            edges.append(edge)
    return edges
