"""Whether two profiles of a column say the same: then what was learnt against the one holds against the other."""

from math import sqrt

import numpy as np

from driftd.references.profile import ColumnProfile, Floats
from driftd.values.keys import Kind

_SAME = 0.02  # in u, or as a share: no page is about less
_SURE = 1.63  # of the Kolmogorov-Smirnov distance of two samples: 1 in 100 exceeds it by chance


def equivalent(one: ColumnProfile, other: ColumnProfile) -> bool:
    """Tell whether two columns have the same kind and, but for chance and less than matters, the same distribution.

    Numeric: the largest distance of the distribution functions; categorical: half the sum of distances of the
    shares; and the rates of missing and invalid values. Exact where the bins are the same, else to a fine bin.
    """
    if one.kind is not other.kind or min(one.n, other.n) == 0:
        return False
    chance = _SURE * sqrt(1 / one.n + 1 / other.n)
    rates = (abs(one.missing / one.n - other.missing / other.n), abs(one.invalid / one.n - other.invalid / other.n))
    if max(rates) > _SAME + chance:
        return False
    apart = _numeric(one, other) if one.kind is Kind.NUMERIC else _categorical(one, other)
    return apart <= _SAME + chance


def _numeric(one: ColumnProfile, other: ColumnProfile) -> float:
    at = np.unique(np.concatenate((one.edges, other.edges)))
    return float(np.abs(_below(one, at) - _below(other, at)).max(initial=0.0))


def _below(column: ColumnProfile, at: Floats) -> Floats:
    """Return the share of values below each point, straight lines between the edges."""
    counts = np.asarray(column.counts, dtype=np.float64)
    if not len(column.edges):
        return np.zeros_like(at)
    upto = np.cumsum(counts)[:-1] / max(float(counts.sum()), 1.0)
    return np.interp(at, column.edges, upto)


def _categorical(one: ColumnProfile, other: ColumnProfile) -> float:
    shares = []
    for column in (one, other):
        total = max(sum(column.counts), 1)
        shares.append({name: count / total for name, count in zip(column.categories, column.counts, strict=False)})
    mine, theirs = shares
    return sum(abs(mine.get(name, 0.0) - theirs.get(name, 0.0)) for name in sorted(mine.keys() | theirs.keys())) / 2
