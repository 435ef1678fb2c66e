"""A shift of mean u in the feature's own units, against the distribution that the values were drawn from."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from driftd.references.build import build_profile
from driftd.references.masking import mask
from driftd.references.profile import ColumnProfile, Floats, Profile
from driftd.references.rows import Row
from driftd.references.shift import value_shift
from driftd.values.privacy import Shown

DRAWN = np.random.default_rng(1)


def profile(values: Floats) -> Profile:
    """Build the profile of one feature."""
    rows = [Row({"x": value}) for value in values.tolist()]
    return build_profile(lambda: rows, model="m")


def column(values: Floats) -> ColumnProfile:
    """Build a feature's profile."""
    return profile(values).columns[0]


@pytest.mark.parametrize("shift", [0.02, 0.05, 0.1, 0.2])
def test_the_shift_of_normal_values_is_that_of_their_distribution(shift: float) -> None:
    """Mean u of N(c, s) under N(0, s) is Phi(c / (s sqrt 2)); to 2 %."""
    values = DRAWN.normal(50, 10, size=20_000)
    assert value_shift(column(values), shift) == pytest.approx(10 * np.sqrt(2) * ndtri(0.5 + shift), rel=0.02)


def test_of_both_directions_the_harder_one_counts() -> None:
    """Exponential values lie close together below and far apart above: it takes more to move u up than down."""
    values = DRAWN.exponential(size=20_000)
    plain, turned = column(values), column(-values)
    assert value_shift(plain, 0.3) == pytest.approx(value_shift(turned, 0.3), rel=0.01)
    assert value_shift(plain, 0.3) == pytest.approx(-np.log(1 - 0.6), rel=0.1)  # up: P(y > x) = 1 - exp(-c) / 2


def test_whole_numbers_move_by_whole_numbers() -> None:
    """What lies between two of them counts as the lower one, so less than 1 does nothing upwards."""
    counts = column(DRAWN.poisson(3, size=10_000).astype(np.float64))
    assert [value_shift(counts, shift) for shift in (0.1, 0.2, 0.4)] == [1.0, 2.0, 3.0]


def test_shifts_that_no_move_or_any_move_makes_have_no_figure() -> None:
    """Mean u never leaves (0, 1); a column of few values jumps with the least move."""
    assert value_shift(column(DRAWN.normal(size=1_000)), 0.495) is None
    assert value_shift(column(np.ones(100)), 0.02) is None
    zeros = np.where(DRAWN.random(10_000) < 0.6, 0.0, DRAWN.gamma(2, size=10_000))
    assert value_shift(column(zeros), 0.02) is None
    assert value_shift(column(zeros), 0.3) is not None


@pytest.mark.parametrize("shown", [Shown.HASH, Shown.HIDE])
def test_values_that_are_not_shown_have_no_figure(shown: Shown) -> None:
    """It would tell their spread."""
    plain = profile(DRAWN.normal(size=1_000))
    assert value_shift(plain.columns[0], 0.1) is not None
    assert value_shift(mask(plain, {"x": shown}).columns[0], 0.1) is None


def test_categories_and_empty_columns_have_no_figure() -> None:
    """There is nothing that could be moved."""
    rows = [Row({"x": text}) for text in "aabc" * 50]
    assert value_shift(build_profile(lambda: rows, model="m").columns[0], 0.1) is None
    known = column(DRAWN.normal(size=1_000))
    assert value_shift(replace(known, counts=(0,) * known.fine_bins), 0.1) is None
