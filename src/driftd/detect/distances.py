"""Distances between windows and their references over the test bins, many columns at once.

Rows are columns of equal bin count. Elementwise operations and sums along rows only (no BLAS), so a
row's result does not depend on its neighbours. Held against SciPy in the tests.
"""

import numpy as np
from scipy.special import chdtrc

from driftd.references.profile import Floats, Ints
from driftd.values.verdict import Distances

NO_DISTANCE = Distances(psi=0.0, js=0.0, ks=0.0, wasserstein=0.0, chi2=0.0, chi2_p=1.0)


def distances(window: Ints, reference: Ints, midranks: Floats) -> list[Distances]:
    """Return the distances of each row.

    ``window``, ``reference``: counts, ``midranks``: u per test bin, non-decreasing; all (columns, bins).
    Where either side is empty nothing can be compared: all distances 0, p-value 1. O(columns x bins).
    """
    n, n_reference = window.sum(axis=1), reference.sum(axis=1)
    q = window / np.maximum(n, 1)[:, None]
    p = reference / np.maximum(n_reference, 1)[:, None]
    gap = np.abs(np.cumsum(q, axis=1) - np.cumsum(p, axis=1))[:, :-1]
    chi2, chi2_p = _homogeneity(window, reference)
    table = zip(
        _psi(window, reference).tolist(),
        _jensen_shannon(q, p).tolist(),
        gap.max(axis=1, initial=0.0).tolist(),
        (gap * np.diff(midranks, axis=1)).sum(axis=1).tolist(),
        chi2.tolist(),
        chi2_p.tolist(),
        strict=True,
    )
    comparable = (n > 0) & (n_reference > 0)
    return [Distances(*row) if there else NO_DISTANCE for row, there in zip(table, comparable.tolist(), strict=True)]


def smoothed_shares(counts: Ints) -> Floats:
    """Return (count + 1/2) / (N + B/2) along the last axis: no bin's share is 0."""
    total = counts.sum(axis=-1, keepdims=True) + counts.shape[-1] / 2
    return np.asarray((counts + 0.5) / total, dtype=np.float64)


def psi_terms(window: Ints, reference: Ints) -> Floats:
    """Return each bin's contribution (q - p) ln(q / p) >= 0 to the population stability index."""
    q, p = smoothed_shares(window), smoothed_shares(reference)
    return np.asarray((q - p) * np.log(q / p), dtype=np.float64)


def chance_psi(bins: int, n: int, n_reference: int) -> float:
    """Return the mean of the PSI under no drift, (B - 1)(1/n + 1/n_reference); 0 where a side is empty."""
    return (bins - 1) * (1 / n + 1 / n_reference) if n > 0 and n_reference > 0 else 0.0


def debiased_psi(psi: float, bins: int, n: int, n_reference: int) -> float:
    """Return PSI less its mean under no drift; 0 where a side is empty."""
    return psi - chance_psi(bins, n, n_reference) if n > 0 and n_reference > 0 else 0.0


def _psi(window: Ints, reference: Ints) -> Floats:
    return np.asarray(psi_terms(window, reference).sum(axis=1), dtype=np.float64)


def _jensen_shannon(q: Floats, p: Floats) -> Floats:
    """Return the square root of the Jensen-Shannon divergence in bits."""
    middle = (q + p) / 2
    divergence = (_relative_entropy(q, middle) + _relative_entropy(p, middle)) / (2 * np.log(2))
    return np.asarray(np.sqrt(np.maximum(divergence, 0.0)), dtype=np.float64)


def _relative_entropy(share: Floats, other: Floats) -> Floats:
    """Return the sum of share ln(share / other) along rows, with 0 ln 0 = 0."""
    held = share > 0
    ratio = np.where(held, share, 1.0) / np.where(held, other, 1.0)
    return np.asarray((share * np.log(ratio)).sum(axis=1), dtype=np.float64)


def _homogeneity(window: Ints, reference: Ints) -> tuple[Floats, Floats]:
    """Return Pearson's two-sample chi-squared statistic and its p-value; bins empty on both sides are dropped."""
    both = window + reference
    total = both.sum(axis=1, keepdims=True)
    occupied = np.maximum(both, 1)
    statistic = np.zeros(len(both))
    for counts in (window, reference):
        expected = both * (counts.sum(axis=1, keepdims=True) / np.maximum(total, 1))
        scale = np.where(expected > 0, expected, occupied)  # an empty side is answered by the caller
        statistic += ((counts - expected) ** 2 / scale).sum(axis=1)
    freedom = np.maximum((both > 0).sum(axis=1) - 1, 0)
    return statistic, np.where(freedom > 0, chdtrc(np.maximum(freedom, 1), statistic), 1.0)
