"""The e-detector against plain floats."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.detect.evidence.bets import BETS, CLIP, DEPENDENT_CLIP, Bets, stakes
from driftd.detect.evidence.scores import MEANS

SHAPE = (2, len(MEANS))
WINDOW = st.tuples(st.floats(-12, 12), st.floats(0, 3), st.booleans())


def by_hand(windows: list[tuple[float, float, bool]], bet: float, clip: float, sign: float) -> float:
    """Run one bet's M <- exp(bet x min(sign x error, clip) - price) (M + 1), price = bet^2 / 2 + more."""
    capital = 0.0
    for error, more, seen in windows:
        if seen:
            grown = math.exp(bet * min(sign * error, clip) - bet * bet / 2 - more) * (capital + 1)
            capital = min(grown, 1e30)
    return capital


def played(windows: list[tuple[float, float, bool]], *, independent: bool) -> Bets:
    """Run windows that are the same for all channels of two columns."""
    bets = Bets(2)
    for error, more, seen in windows:
        price = np.broadcast_to(BETS**2 / 2 + more, (*SHAPE, 2, len(BETS)))
        bets.step(np.full(SHAPE, error), price, np.full(SHAPE, independent), np.full(SHAPE, seen))
    return bets


@given(st.lists(WINDOW, max_size=40), st.booleans())
def test_capital_and_evidence_are_those_of_a_plain_loop(windows: list[tuple[float, float, bool]], alone: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
    """Independent windows count up to their channel's limit on all bets, others up to 4 and on bets up to 2."""
    bets = played(windows, independent=alone)
    for channel, most in enumerate(CLIP.tolist()):
        for side, sign in enumerate((1.0, -1.0)):
            clip = most if alone else DEPENDENT_CLIP
            expected = [by_hand(windows, bet, clip, sign) for bet in BETS.tolist()]
            assert bets.capital[1, channel, side].tolist() == pytest.approx(expected, rel=1e-9)
            of_side = expected if alone else expected[:4]
            mean = math.fsum(of_side) / len(of_side) / 2
            assert bets.evidence(np.full(SHAPE, alone))[1, channel, side] == pytest.approx(mean, rel=1e-9)


@given(st.lists(st.booleans(), min_size=1, max_size=10))
def test_stakes_spread_one_unit(independent: list[bool]) -> None:
    """Both sides of all bets together have 1."""
    spread = stakes(np.array(independent)[:, None])
    assert 2 * spread.sum(axis=-1) == pytest.approx(1.0)


def test_capital_has_a_ceiling() -> None:
    """However long and strong a drift is, sums of evidence stay finite."""
    bets = played([(50.0, 0.0, True)] * 200, independent=True)
    assert bets.capital.max() == 1e30
    assert math.isfinite(bets.evidence(np.full(SHAPE, fill_value=True)).sum() * 1e6)
