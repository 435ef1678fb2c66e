"""Distances, held against SciPy row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, wasserstein_distance

from driftd.detect.distances import NO_DISTANCE, debiased_psi, distances
from driftd.references.profile import Floats, Ints
from driftd.values.verdict import Distances


@st.composite
def tables(draw: st.DrawFn) -> tuple[Ints, Ints]:
    """Draw windows and references of some columns with equally many bins; no side is empty."""
    bins, columns = draw(st.integers(2, 25)), draw(st.integers(1, 4))
    row = st.lists(st.integers(0, 3000) | st.just(0), min_size=bins, max_size=bins).filter(any)
    rows = st.lists(row, min_size=columns, max_size=columns)
    return np.array(draw(rows), dtype=np.int64), np.array(draw(rows), dtype=np.int64)


def midranks_of(reference: Ints) -> Floats:
    """Return the mid-ranks of each row's bins."""
    shares = reference / np.maximum(reference.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.cumsum(shares, axis=1) - shares / 2, dtype=np.float64)


def oracle(window: Ints, reference: Ints, midranks: Floats) -> Distances:
    """Compute one row's distances with SciPy and plain sums."""
    q, p = window / window.sum(), reference / reference.sum()
    smooth_q = [(count + 0.5) / (window.sum() + len(window) / 2) for count in window]
    smooth_p = [(count + 0.5) / (reference.sum() + len(window) / 2) for count in reference]
    held = (window + reference) > 0
    chi2, chi2_p = 0.0, 1.0
    if held.sum() > 1:
        result = chi2_contingency(np.array([window[held], reference[held]]), correction=False)
        chi2, chi2_p = float(result.statistic), float(result.pvalue)
    return Distances(
        psi=sum((a - b) * float(np.log(a / b)) for a, b in zip(smooth_q, smooth_p, strict=True)),
        js=float(np.nan_to_num(jensenshannon(p, q, 2))),
        ks=float(np.abs(np.cumsum(q) - np.cumsum(p)).max()),
        wasserstein=float(wasserstein_distance(midranks, midranks, q, p)),
        chi2=chi2,
        chi2_p=chi2_p,
    )


@given(tables())
def test_distances_are_those_of_scipy(table: tuple[Ints, Ints]) -> None:
    """PSI, Jensen-Shannon, Kolmogorov-Smirnov, Wasserstein and chi-squared agree with independent code."""
    window, reference = table
    midranks = midranks_of(reference)
    for row, found in enumerate(distances(window, reference, midranks)):
        expected = oracle(window[row], reference[row], midranks[row])
        # The square root turns a rounding error of 1e-16 near 0 into 1e-8.
        assert found == pytest.approx(expected, rel=1e-9, abs=3e-8)


@given(tables())
def test_a_row_does_not_depend_on_its_neighbours(table: tuple[Ints, Ints]) -> None:
    """Many columns at once give, to the bit, what each gives alone."""
    window, reference = table
    midranks = midranks_of(reference)
    alone = [distances(window[[i]], reference[[i]], midranks[[i]])[0] for i in range(len(window))]
    assert distances(window, reference, midranks) == alone


@pytest.mark.parametrize("empty", ["window", "reference", "both"])
def test_nothing_is_compared_with_an_empty_side(empty: str) -> None:
    """Without counts all distances are 0 and the p-value is 1."""
    some, none = np.array([[3, 4, 5]]), np.zeros((1, 3), dtype=np.int64)
    window = none if empty in {"window", "both"} else some
    reference = none if empty in {"reference", "both"} else some
    assert distances(window, reference, midranks_of(reference)) == [NO_DISTANCE]


def test_debiased_psi_takes_off_what_chance_makes() -> None:
    """Over windows drawn from the reference itself its mean is near 0, PSI's own is not."""
    rng = np.random.default_rng(5)
    shares = np.full(20, 0.05)
    reference = rng.multinomial(5_000, shares, size=500)
    window = rng.multinomial(500, shares, size=500)
    psi = [row.psi for row in distances(window, reference, midranks_of(reference))]
    assert np.mean(psi) > 0.035
    assert abs(np.mean([debiased_psi(value, 20, 500, 5_000) for value in psi])) < 0.002
