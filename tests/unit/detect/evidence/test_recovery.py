"""Whether what was paged is over: against the product written out."""

import math
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.detect.evidence.recovery import SHAPE, Recovery
from driftd.detect.evidence.scores import MEANS


class Seen(NamedTuple):
    """A window of one column: its distance, the error of that, ln of its shape's e-value, and if it is there."""

    y: float
    error: float
    log_e: float
    seen: bool


WINDOW = st.builds(Seen, st.floats(-6, 6), st.floats(0.5, 2), st.floats(-10, 10), st.booleans())
Windows = list[Seen]


def by_hand(windows: Windows, channel: int, size: float) -> int | None:
    """Return the number of the window by which R has reached 20: a sum of products, one begun with each window seen."""
    side, products, weights = (1 if size >= 0 else -1), list[float](), list[float]()
    for number, window in enumerate(windows):
        if not window.seen:
            continue
        begun = len(weights)
        weights.append(3 / 4 if begun == 0 else 1 / 4 / (begun * (begun + 1)))
        products.append(0.0)
        target = max(abs(size) / 2 / window.error, 0.25)
        bet = min(1.0, target)
        gain = bet * (target - side * window.y / window.error) - bet**2 / 2
        if channel == SHAPE:
            gain = min(-window.log_e, 2.0)
        products = [product + gain for product in products]
        if sum(weight * math.exp(product) for weight, product in zip(weights, products, strict=True)) >= 20:
            return number
    return None


def found(windows: Windows, channel: int, size: float) -> int | None:
    """Follow column 1 of 3 on a channel, return the window by which it is back."""
    recovery = Recovery(3)
    recovery.follow(1, channel, size)
    for number, window in enumerate(windows):
        # what other columns say, and whether they are seen, does not matter
        y, error, seen = np.full((3, len(MEANS)), -50.0), np.ones((3, len(MEANS))), np.ones((3, len(MEANS)), dtype=bool)
        y[1], error[1], seen[1] = window.y, window.error, window.seen
        if recovery.observe(y, error, np.full(3, window.log_e), seen).tolist() == [1]:
            assert not recovery.followed.any()
            return number
        assert recovery.followed.tolist() == [False, True, False]
    return None


@given(st.lists(WINDOW, max_size=30), st.integers(0, len(MEANS)), st.floats(-8, 8))
def test_a_column_is_back_when_the_product_reaches_twenty(windows: Windows, channel: int, size: float) -> None:
    """On the channel that paged, in the direction of the page, whatever the others do."""
    assert found(windows, channel, size) == by_hand(windows, channel, size)


def test_one_odd_window_of_the_shape_is_no_recovery() -> None:
    """It takes another one, whatever the first says."""
    odd = Seen(0.0, 1.0, -1e9, seen=True)
    assert found([odd], SHAPE, 0.0) is None
    assert found([odd, odd], SHAPE, 0.0) == 1


def test_an_effect_that_stays_is_falsely_resolved_in_few_runs() -> None:
    """Of 4,000 columns whose effect stays at the least that counts, at most 5 % are back within 300 windows."""
    rng = np.random.default_rng(1)
    columns = 4_000
    recovery = Recovery(columns)
    sizes = rng.uniform(0.5, 6, size=columns) * rng.choice([-1, 1], size=columns)
    for column, size in enumerate(sizes.tolist()):
        recovery.follow(column, 0, size)
    everywhere, back = np.ones((columns, len(MEANS))), 0
    for _ in range(300):
        y = np.repeat((sizes / 2 + rng.normal(size=columns))[:, None], len(MEANS), axis=1)
        back += len(recovery.observe(y, everywhere, np.zeros(columns), everywhere > 0))
    assert back / columns <= 0.05
