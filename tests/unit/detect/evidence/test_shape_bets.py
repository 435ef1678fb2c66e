"""E-values of all counts together: against SciPy, and their mean by enumeration."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from test_scores import compositions

from driftd.detect.evidence.shape import CONCENTRATIONS, ShapeBets, ShapeNull, dispersion_of, log_e_values, null_of

ONE = np.ones(1)
REFERENCES = st.lists(st.integers(0, 400), min_size=2, max_size=5).filter(lambda counts: sum(counts) >= 100)


def null(reference: list[int], *, dispersion: float = 1.0, time: float = 1.0, rows: float = 200.0) -> ShapeNull:
    """Return what is assumed of one column with this reference."""
    counts = np.array([reference])
    return null_of(counts, np.ones_like(counts, dtype=bool), dispersion * ONE, time * ONE, rows * ONE)


def log_e(counts: list[int], of: ShapeNull) -> list[float]:
    """Return the e-values of one window of one column, in logs."""
    window = np.array([counts])
    return [float(value) for value in log_e_values(window, np.ones_like(window, dtype=bool), of)[0]]


@given(REFERENCES, st.data())
@settings(max_examples=40)
def test_e_values_are_ratios_of_dirichlet_multinomials(reference: list[int], data: st.DataObject) -> None:
    """For each alternative that is wider than what training shows; 1 for the others."""
    counts = data.draw(st.lists(st.integers(0, 60), min_size=len(reference), max_size=len(reference)))
    of = null(reference)
    assume_shares = (np.array(reference) + 0.5) / (sum(reference) + len(reference) / 2)
    assert of.shares[0] == pytest.approx(assume_shares)
    assert of.concentration[0] == min(1000.0, sum(reference) / 2)
    base = stats.dirichlet_multinomial.logpmf(counts, of.concentration[0] * assume_shares, sum(counts))
    for found, c in zip(log_e(counts, of), CONCENTRATIONS.tolist(), strict=True):
        other = stats.dirichlet_multinomial.logpmf(counts, c * assume_shares, sum(counts))
        assert found == pytest.approx(other - base if c < of.concentration[0] else 0.0, abs=1e-7)


@pytest.mark.parametrize("reference", [[300, 150, 50], [5_000, 1, 0], [100, 100, 400, 80]])
@pytest.mark.parametrize("n", [0, 1, 5, 9])
def test_the_mean_over_all_windows_is_one(reference: list[int], n: int) -> None:
    """Under the null, weighing every possible vector of counts by its probability; at most 1 to a power below 1."""
    full, tempered = null(reference), null(reference, time=3.0)
    total, less = np.zeros(len(CONCENTRATIONS)), np.zeros(len(CONCENTRATIONS))
    alpha = full.concentration[0] * full.shares[0]
    for counts in compositions(n, len(reference)):
        chance = math.exp(stats.dirichlet_multinomial.logpmf(counts, alpha, n)) if n else 1.0
        total += chance * np.exp(log_e(list(counts), full))
        less += chance * np.exp(log_e(list(counts), tempered))
    assert total == pytest.approx(1.0, rel=1e-7)
    assert (less <= 1 + 1e-9).all()


def test_dispersion_and_reference_bound_the_null() -> None:
    """Overdispersed or few training rows leave a wider null, and so fewer alternatives."""
    plain, spread, short = null([1_000] * 20), null([1_000] * 20, dispersion=3.0), null([10] * 20)
    assert (plain.concentration[0], short.concentration[0]) == (1000.0, 100.0)
    assert spread.concentration[0] == pytest.approx((199 / 2 - 1) / 2)
    assert log_e([30, 10] * 10, spread)[2:] == [0.0, 0.0]


def test_multinomial_blocks_show_no_dispersion() -> None:
    """Blocks that share an effect do: half as much again within a quarter of it."""
    rng = np.random.default_rng(5)
    shares = np.full(10, 0.1)
    reference = np.full(10, 10_000)
    assert dispersion_of(rng.multinomial(200, shares, size=300), reference) == 1.0
    concentration = (200 - 1) / (1.5 - 1) - 1  # variance 1.5 times the multinomial one
    mixed = np.array([rng.multinomial(200, rng.dirichlet(concentration * shares)) for _ in range(300)])
    assert dispersion_of(mixed, reference) == pytest.approx(1.5, rel=0.25)


@given(st.lists(st.tuples(st.floats(-20, 20), st.booleans()), max_size=20), st.floats(1, 8), st.floats(0, 1))
def test_capital_is_that_of_a_plain_loop(windows: list[tuple[float, bool]], cap: float, toll: float) -> None:
    """M <- exp(min(ln e - toll, cap)) (M + 1); windows that are not seen leave it as it was."""
    of = null([100, 100])._replace(toll=np.full(len(CONCENTRATIONS), toll))
    bets, expected = ShapeBets(1), 0.0
    for value, seen in windows:
        bets.step(np.full((1, len(CONCENTRATIONS)), value), of, cap * ONE, np.array([seen]))
        if seen:
            expected = min(math.exp(min(value - toll, cap)) * (expected + 1), 1e30)
    assert bets.evidence[0] == pytest.approx(expected, rel=1e-9)


def test_one_window_alone_does_not_page() -> None:
    """Whatever it says, from quiet its share of the evidence stays below the threshold."""
    threshold, share = 8_640.0, 1 / 1_000
    bets = ShapeBets(1)
    bets.step(np.full((1, len(CONCENTRATIONS)), 1e6), null([100, 100]), np.log(threshold / share) / 2 * ONE, ONE > 0)
    assert share * bets.evidence[0] < threshold
