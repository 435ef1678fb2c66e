"""Means of scores and what they are worth under training: against the exact distribution of small windows."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.scores import MEANS, RANKS, Means, Scores
from driftd.detect.observed import Observed
from driftd.references.profile import ColumnProfile
from driftd.values.keys import Channel, ColumnKey, Kind, Role
from evidence_world import World

LETTERS = "abcdefgh"


def scores(counts: Sequence[int], missing: int = 0, block_rows: float | None = None) -> Scores:
    """Make the scores of one categorical column with these training counts."""
    names = tuple(LETTERS[: len(counts) - 1])
    column = ColumnProfile(
        ColumnKey(Role.FEATURE, "x"),
        Kind.CATEGORICAL,
        sum(counts) + missing,
        missing,
        0,
        tuple(counts),
        categories=names,
    )
    return Scores([Baseline(column, None)], block_rows)


def observe(one: Scores, counts: Sequence[int], spread: float = 1.0) -> Means:
    """Return the means of a window of one column with nothing but these values."""
    headers, window = np.array([[sum(counts), 0, 0, 0]]), np.array([counts])
    return one.observe(headers, window, np.full_like(one.unit, spread))


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Yield all ways to spread a total over parts."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def multinomial(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return the probability of counts."""
    ways = math.factorial(sum(counts))
    for count in counts:
        ways //= math.factorial(count)
    return ways * math.prod(share**count for share, count in zip(shares, counts, strict=True))


@given(st.lists(st.integers(0, 50), min_size=2, max_size=4).filter(lambda c: sum(c) > 2), st.integers(1, 6))
@settings(max_examples=40)
def test_cumulants_of_ranks_are_exact(training: list[int], n: int) -> None:
    """A cumulant is the logarithm of the mean of exp(bet x y) over all windows of n rows that training can give."""
    one = scores(training, block_rows=n)
    bets = np.array([0.25, 1.0, 4.0])
    found = one.cumulants(np.tile(bets, (1, len(MEANS), 1)), np.full((1, len(MEANS)), float(n)))
    for channel in range(RANKS):
        if not one.varies[0, channel]:
            continue
        for side, sign in enumerate((1.0, -1.0)):
            for number, bet in enumerate(bets.tolist()):
                mean = 0.0
                for counts in compositions(n, len(training)):
                    chance = multinomial(counts, one.shares[0].tolist())
                    mean += chance * math.exp(sign * bet * observe(one, counts).y[0, channel])
                assert math.exp(found[side, 0, channel, number]) == pytest.approx(mean, rel=1e-8)


@pytest.mark.parametrize("missing", [0, 1, 30, 99])
@pytest.mark.parametrize("n", [1, 7, 40])
def test_cumulants_of_rates_are_those_of_the_binomial(missing: int, n: int) -> None:
    """About the rate that training suggests, two more events and two more without being added to it."""
    one = scores([60, 40], missing=missing, block_rows=50)
    rate = (missing + 2) / (100 + missing + 4)
    channel = MEANS.index(Channel.MISSING)
    bets = np.array([0.25, 1.0, 4.0]) / math.sqrt(50 / n)  # as they are played: per standard error of such a window
    found = one.cumulants(np.tile(bets, (1, len(MEANS), 1)), np.full((1, len(MEANS)), float(n)))
    unit = math.sqrt(rate * (1 - rate) / 50)
    for side, sign in enumerate((1.0, -1.0)):
        for number, bet in enumerate(bets.tolist()):
            mean = math.fsum(
                math.comb(n, k) * rate**k * (1 - rate) ** (n - k) * math.exp(sign * bet * (k / n - rate) / unit)
                for k in range(n + 1)
            )
            assert found[side, 0, channel, number] == pytest.approx(math.log(mean), rel=1e-9, abs=1e-12)


def test_cumulants_grow_gaussian_with_the_window() -> None:
    """For a window of 10 million rows the mean of scores is normal: bet^2 / 2 x its variance."""
    one = World(1, 1, blocks=50).baselines
    bets = np.tile(np.array([0.5, 2.0]), (1, len(MEANS), 1))
    found = Scores(one, 1e7).cumulants(bets, np.full((1, len(MEANS)), 1e7))
    assert found[:, 0, :RANKS] == pytest.approx(np.broadcast_to(np.array([0.125, 2.0]), (2, RANKS, 2)), rel=1e-2)


@given(st.lists(st.integers(0, 200), min_size=3, max_size=5).filter(lambda c: sum(c) > 0), st.data())
def test_means_have_the_unit_of_independent_rows(training: list[int], data: st.DataObject) -> None:
    """A mean is its distance to training's in standard deviations of a mean of nominal size."""
    counts = data.draw(st.lists(st.integers(0, 30), min_size=len(training), max_size=len(training)))
    one = scores(training)
    n = sum(counts)
    means = observe(one, counts)
    shares = np.array(training) / sum(training)
    u = np.cumsum(shares) - shares / 2
    for channel, values in enumerate((u, np.abs(2 * u - 1))):
        centre = float((shares * values).sum())
        deviation = math.sqrt(float((shares * (values - centre) ** 2).sum()))
        if deviation < 1e-6 or n == 0:
            assert not means.seen[0, channel]
            continue
        expected = (float((np.array(counts) * values).sum()) / n - centre) / (deviation / math.sqrt(200))
        assert means.y[0, channel] == pytest.approx(expected, abs=1e-6)
        assert means.sampling[0, channel] == pytest.approx(200 / n)


def test_columns_with_fewer_bins_are_padded() -> None:
    """A padded bin never counts: the column scores as it does alone."""
    narrow, wide = scores([5, 9, 6]), World(2, 1, blocks=3).baselines[0]
    baseline = Baseline(
        ColumnProfile(ColumnKey(Role.FEATURE, "a"), Kind.CATEGORICAL, 20, 0, 0, (5, 9, 6), categories=("a", "b")), None
    )
    both = Scores([baseline, wide], None)
    headers, counts = both.table([(0, Observed((12, 0, 0, 0), np.array([4, 4, 4])))])
    found = both.observe(headers, counts, np.ones_like(both.unit))
    assert found.y[0].tolist() == observe(narrow, [4, 4, 4]).y[0].tolist()
    assert not found.seen[1].any()


def test_values_that_spread_more_than_in_training_say_less() -> None:
    """The variance by sampling grows with that of one row's score."""
    one = scores([50, 30, 20])
    assert observe(one, [9, 9, 9], spread=2.5).sampling == pytest.approx(2.5 * observe(one, [9, 9, 9]).sampling)
