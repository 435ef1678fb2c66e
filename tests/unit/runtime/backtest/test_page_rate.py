"""Pages against a budget, held against SciPy's own distributions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, poisson

from driftd.runtime.backtest.page_rate import BudgetVerdict, PageRate, overall, together

PAGES = st.integers(0, 200)
HORIZONS = st.floats(1e-4, 1e4)
ALLOWED = st.floats(1e-6, 1e4)


@given(PAGES, HORIZONS)
def test_interval_is_garwoods(pages: int, horizons: float) -> None:
    """The bounds are quantiles of chi-squared: 2k degrees of freedom below, 2k + 2 above."""
    least = chi2.ppf(0.025, 2 * pages) / 2 if pages else 0.0
    most = chi2.ppf(0.975, 2 * pages + 2) / 2
    assert pytest.approx((least / horizons, most / horizons), rel=1e-9) == PageRate(pages, horizons, 1.0).interval


@given(PAGES, ALLOWED)
def test_over_budget_is_a_tail_of_poisson(pages: int, allowed: float) -> None:
    """Over budget: so many pages or more come in fewer than 5 of 100 histories that just keep it."""
    tail = poisson.sf(pages - 1, allowed)
    if abs(tail - 0.05) > 1e-9:
        over = PageRate(pages, 1.0, allowed).verdict() is BudgetVerdict.OVER
        assert (tail < 0.05) == over


@given(PAGES, ALLOWED)
def test_within_budget_is_the_other_tail(pages: int, allowed: float) -> None:
    """Within: so few pages or fewer come in at most 5 of 100 histories of a model that just exceeds it."""
    tail = poisson.cdf(pages, allowed)
    if abs(tail - 0.05) > 1e-9:
        within = PageRate(pages, 1.0, allowed).verdict() is BudgetVerdict.WITHIN
        assert (tail <= 0.05) == within


@pytest.mark.parametrize(
    ("pages", "allowed", "expected"),
    [
        (0, 0.03, BudgetVerdict.UNDECIDED),
        (0, 2.99, BudgetVerdict.UNDECIDED),
        (0, 3.0, BudgetVerdict.WITHIN),
        (1, 0.05, BudgetVerdict.OVER),
        (1, 0.06, BudgetVerdict.UNDECIDED),
        (4, 1.0, BudgetVerdict.OVER),
        (3, 1.0, BudgetVerdict.UNDECIDED),
    ],
)
def test_verdict_needs_a_history_that_is_long_enough(pages: int, allowed: float, expected: BudgetVerdict) -> None:
    """Silence shows that a budget is kept after three of its pages were due, not before."""
    assert expected == PageRate(pages, allowed, allowed).verdict()


def test_without_history_nothing_is_said() -> None:
    """No rate, no interval, no verdict."""
    rate = PageRate(0, 0.0, 0.0)
    assert (None, None, BudgetVerdict.UNDECIDED) == (rate.per_horizon, rate.interval, rate.verdict())
    assert BudgetVerdict.UNDECIDED == overall([])


def test_models_are_held_against_their_own_budgets() -> None:
    """Pages of one model are not made up for by the silence of another: over if any is, within if all are."""
    silent, noisy = PageRate(0, 10.0, 10.0), PageRate(10, 1.0, 1.0)
    assert BudgetVerdict.OVER == overall([silent, noisy])
    assert BudgetVerdict.WITHIN == overall([silent, silent])
    assert BudgetVerdict.UNDECIDED == overall([silent, PageRate(0, 1.0, 1.0)])
    assert PageRate(10, 11.0, 11.0) == together([silent, noisy])


@pytest.mark.parametrize("models", [1, 10, 100])
def test_many_models_do_not_make_a_false_verdict_likely(models: int) -> None:
    """That any of them is called over budget while all keep theirs has a probability of at most 0.05."""
    for allowed in (0.03, 0.5, 1.0, 7.0):
        least = next(k for k in range(1, 100) if PageRate(k, 1.0, allowed).verdict(models) is BudgetVerdict.OVER)
        assert 1 - (1 - poisson.sf(least - 1, allowed)) ** models <= 0.05
