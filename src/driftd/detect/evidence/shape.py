"""The channel of all counts together: Dirichlet-multinomial e-values (statistics, section 4, "Shape").

Against each other stand two predictions of a window's counts: shares that vary about the reference's with
concentration K, which is what training shows, and with a smaller concentration c, which is drift of some size
and any direction. Their ratio has mean 1 under the first.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from driftd.detect.evidence.innovations import Mask
from driftd.references.profile import Floats, Ints

#: Concentrations of the alternatives: shares that vary by about 1/sqrt(c).
CONCENTRATIONS = np.array((10.0, 30.0, 100.0, 300.0))
_TIGHTEST = 1000.0  # what K is at most: shares that differ by less are no drift worth a page
_CEILING = 1e30


class ShapeNull(NamedTuple):
    """What is assumed of each column without drift.

    ``shares`` (columns, bins); ``concentration``: K; ``trust`` <= 1: the power to which one e-value may be taken, its
    inverse being the time in windows over which windows depend on each other; ``toll`` (concentrations): the
    logarithm of the mean e-value over training, where that is above 1.
    """

    shares: Floats
    concentration: Floats
    trust: Floats
    toll: Floats


def log_e_values(counts: Ints, live: Mask, null: ShapeNull) -> Floats:
    """Return ln of the e-values of windows: (columns, concentrations). 0 where K leaves no room for an alternative."""
    out = np.zeros((len(counts), len(CONCENTRATIONS)))
    base = _log_density(counts, live, null.shares, null.concentration)
    for number, concentration in enumerate(CONCENTRATIONS):
        room = concentration < null.concentration
        if room.any():
            other = _log_density(counts, live, null.shares, np.full(len(counts), concentration))
            out[:, number] = np.where(room, null.trust * (other - base), 0.0)
    return out


def null_of(
    reference: Ints,
    live: Mask,
    dispersion: Floats,
    time: Floats,
    rows: Floats,
) -> ShapeNull:
    """Return the null of columns with these reference counts (columns, bins).

    ``dispersion``: variance of windows' counts over the multinomial one, at least 1, seen in windows of ``rows``;
    ``time``: see ``ShapeNull.trust``.
    """
    total = reference.sum(axis=1)
    shares = np.where(live, reference + 0.5, 0.0)
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    shown = (np.maximum(rows, 2) - 1) / np.maximum(dispersion - 1, 1e-9) - 1
    concentration = np.maximum(np.minimum(np.minimum(_TIGHTEST, shown / 2), total / 2), 1.0)
    return ShapeNull(shares, concentration, 1 / np.maximum(time, 1.0), np.zeros(len(CONCENTRATIONS)))


def dispersion_of(blocks: Ints, reference: Ints) -> float:
    """Return the mean of chi-squared per degree of freedom of one column's blocks (blocks, bins), at least 1."""
    n = blocks.sum(axis=1)
    used = reference > 0
    freedom = int(used.sum()) - 1
    if freedom < 1 or not (n > 0).any():
        return 1.0
    shares = reference[used] / reference.sum()
    expected = n[n > 0, None] * shares
    chi2 = ((blocks[n > 0][:, used] - expected) ** 2 / expected).sum(axis=1)
    mean = float(chi2.mean()) / freedom
    slack = 2.33 * np.sqrt(2 / (freedom * len(chi2)))
    return max(1.0, mean + slack) if mean > 1 + slack else 1.0


class ShapeBets:
    """The capital of the bets on the alternatives: (columns, concentrations)."""

    def __init__(self, columns: int) -> None:
        self.capital = np.zeros((columns, len(CONCENTRATIONS)))

    def step(self, log_e: Floats, null: ShapeNull, cap: Floats, seen: Mask) -> None:
        """Take in a window. It multiplies by e to the ``cap`` (columns) at most: none pages from quiet by itself."""
        factor = np.exp(np.minimum(log_e - null.toll, cap[:, None]))
        self.capital = np.where(seen[:, None], np.minimum(factor * (self.capital + 1), _CEILING), self.capital)

    @property
    def evidence(self) -> Floats:
        """Mean capital of each column."""
        return np.asarray(self.capital.mean(axis=1), dtype=np.float64)


def _log_density(counts: Ints, live: Mask, shares: Floats, concentration: Floats) -> Floats:
    """Return the Dirichlet-multinomial log probability of counts, up to what does not depend on the concentration."""
    alpha = np.where(live, concentration[:, None] * shares, 1.0)
    n = counts.sum(axis=1)
    terms = np.where(live, gammaln(alpha + counts) - gammaln(alpha), 0.0).sum(axis=1)
    return np.asarray(gammaln(concentration) - gammaln(concentration + n) + terms, dtype=np.float64)
