"""Whether what was paged is over: against the product written out."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftd.detect.evidence.recovery import NOBODY, SHAPE, Recovery
from driftd.detect.evidence.scores import MEANS

WINDOW = st.tuples(st.floats(-6, 6), st.floats(-10, 10), st.booleans())
Windows = list[tuple[float, float, bool]]


def by_hand(windows: Windows, channel: int, size: float) -> int | None:
    """Return the number of the window by which R has reached 20."""
    side = 1 if size >= 0 else -1
    target = max(abs(size) / 2, 0.25)
    bet = min(1.0, target)
    r = 1.0
    for number, (z, log_e, seen) in enumerate(windows):
        if seen:
            r *= math.exp(min(-log_e, 3)) if channel == SHAPE else math.exp(bet * (target - side * z) - bet**2 / 2)
        if math.log(r) >= math.log(20):
            return number
    return None


def found(windows: Windows, channel: int, size: float) -> int | None:
    """Follow column 1 of 3 on a channel, return the window by which it is back."""
    recovery = Recovery(3)
    recovery.follow(1, channel, size)
    for number, (z, log_e, seen) in enumerate(windows):
        # what other columns and channels say, and whether they are seen, does not matter
        every = np.full((3, len(MEANS)), -50.0)
        every[1] = z
        is_seen = np.ones((3, len(MEANS)), dtype=bool)
        is_seen[1] = seen
        if recovery.observe(every, np.full(3, log_e), is_seen).tolist() == [1]:
            assert recovery.channel.tolist() == [NOBODY] * 3
            return number
        assert recovery.followed.tolist() == [False, True, False]
    return None


@given(st.lists(WINDOW, max_size=30), st.integers(0, len(MEANS)), st.floats(-8, 8))
def test_a_column_is_back_when_the_product_reaches_twenty(windows: Windows, channel: int, size: float) -> None:
    """On the channel that paged, in the direction of the page, whatever the others do."""
    assert found(windows, channel, size) == by_hand(windows, channel, size)


def test_one_odd_window_of_the_shape_is_no_recovery() -> None:
    """It takes at least one more."""
    assert found([(0.0, -1e9, True)], SHAPE, 0.0) is None
    assert found([(0.0, -1e9, True)] * 2, SHAPE, 0.0) == 1 - 1 + 1 or found([(0.0, -9.0, True)] * 2, SHAPE, 0.0) == 1


def test_an_effect_that_stays_is_falsely_resolved_in_few_runs() -> None:
    """Of 4,000 columns whose effect stays at the least that counts, at most 5 % are back within 300 windows."""
    rng = np.random.default_rng(1)
    columns = 4_000
    recovery = Recovery(columns)
    sizes = rng.uniform(0.5, 6, size=columns) * rng.choice([-1, 1], size=columns)
    for column, size in enumerate(sizes.tolist()):
        recovery.follow(column, 0, size)
    seen, back = np.ones((columns, len(MEANS)), dtype=bool), 0
    for _ in range(300):
        z = np.repeat((sizes / 2 + rng.normal(size=columns))[:, None], len(MEANS), axis=1)
        back += len(recovery.observe(z, np.zeros(columns), seen))
    assert back / columns <= 0.05
