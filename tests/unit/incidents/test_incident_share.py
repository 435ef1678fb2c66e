import math

import pytest
from incident_verdicts import effect
from scipy import integrate, stats

from driftd.incidents.share import shares, strength
from driftd.values.keys import Channel


@pytest.mark.parametrize(
    ("channel", "size", "expected"),
    [
        (Channel.LOCATION, -0.25, 0.5),
        (Channel.SCALE, 0.25, 0.5),
        (Channel.MISSING, 0.25, 0.25),
        (Channel.UNSEEN, 0.25, 0.25),
        (Channel.INVALID, -0.25, 0.25),
        (Channel.SHAPE, math.pi / 4, 0.5),
        (Channel.SHAPE, -0.01, 0.0),
        (Channel.SHAPE, 99.0, 1.0),
    ],
)
def test_strength_puts_all_channels_on_one_scale(channel: Channel, size: float, expected: float) -> None:
    """Strength lies between 0 and 1 and does not depend on the direction."""
    assert strength(effect(size, channel)) == pytest.approx(expected)


def test_shape_counts_a_small_shift_as_much_as_location_does() -> None:
    """For a normal column that moves a little, PSI and mean u give the same strength."""
    moved = 0.1
    before, after = stats.norm(0, 1), stats.norm(moved, 1)
    psi = integrate.quad(lambda x: (after.pdf(x) - before.pdf(x)) * (after.logpdf(x) - before.logpdf(x)), -9, 9)[0]
    shift = integrate.quad(lambda x: before.cdf(x) * after.pdf(x), -9, 9)[0] - 0.5
    by_location = strength(effect(shift, Channel.LOCATION))
    assert strength(effect(psi, Channel.SHAPE)) == pytest.approx(by_location, rel=0.01)


def test_shares_are_equal_where_no_effect_shows() -> None:
    """Effects of no size share alike, and nothing is divided by 0."""
    assert shares([effect(0.0), effect(-0.0)]) == [0.5, 0.5]
