import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from incident_verdicts import effect
from scipy import integrate, stats

from driftd.incidents.share import Weighed, shares, strength
from driftd.values.keys import Channel

EVIDENCE = st.builds(Weighed, st.floats(-2, 31), st.floats(1e-9, 1))


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
    assert shares([effect(0.0), effect(-0.0)], [None, None]) == [0.5, 0.5]


def test_shares_are_those_of_the_weighted_evidence() -> None:
    """Ten times the evidence at a tenth of the weight counts the same, whatever the effects are."""
    effects = [effect(0.4), effect(0.1), effect(0.1)]
    weighed = [Weighed(5.0, 0.1), Weighed(6.0, 0.01), Weighed(4.0, 2.0)]
    assert shares(effects, weighed) == pytest.approx([0.25, 0.25, 0.5])


def test_effects_count_where_evidence_did_not_name_every_suspect() -> None:
    """Evidence and an effect cannot be compared: one suspect that another rule named, and effects decide for all."""
    assert shares([effect(0.3), effect(0.1)], [None, Weighed(20.0, 1.0)]) == pytest.approx([0.75, 0.25])


@given(st.lists(EVIDENCE, min_size=1, max_size=6))
def test_shares_of_evidence_are_parts_of_one(weighed: list[Weighed]) -> None:
    """They are those of the plain definition, sum to one, and none is lost however small it is."""
    parts = shares([effect()] * len(weighed), weighed)
    total = math.fsum(one.weight * 10**one.log10 for one in weighed)
    assert parts == pytest.approx([one.weight * 10**one.log10 / total for one in weighed])
    assert math.fsum(parts) == pytest.approx(1)
    assert min(parts) > 0
