"""Prediction errors of windows: against the joint Gaussian of all windows so far, and as a sample."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftd.detect.evidence.innovations import Innovations
from driftd.references.dependence import Dependence
from driftd.references.profile import Floats


class Seen(NamedTuple):
    """A window of one channel: its mean, the variance of it by sampling, and whether there is one."""

    y: float
    sampling: float
    seen: bool


WINDOWS = st.lists(
    st.builds(Seen, st.floats(-10, 10), st.floats(0.05, 20), st.sampled_from([True, True, False])),
    min_size=1,
    max_size=12,
)


def dense(windows: list[Seen], gain: float, decay: float, level_variance: float) -> list[tuple[float, float]]:
    """Return error and variance of each window given those before it, from the joint covariance of all of them."""
    size = len(windows)
    y = np.array([window.y for window in windows])
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    covariance = level_variance + gain * np.power(decay, apart) * (1.0 if decay else apart == 0)
    covariance = covariance + np.diag([window.sampling if window.seen else 1.0 for window in windows])
    out = []
    for now, window in enumerate(windows):
        known = [before for before in range(now) if windows[before].seen]
        mean, variance = 0.0, covariance[now, now]
        if known:
            solved = np.linalg.solve(covariance[np.ix_(known, known)], covariance[known, now])
            mean, variance = float(solved @ y[known]), float(variance - solved @ covariance[known, now])
        out.append(((window.y - mean) / np.sqrt(variance) if window.seen else 0.0, variance))
    return out


def filters(gain: float, decay: float, level_variance: float, columns: int = 1) -> Innovations:
    """Make filters of one channel."""
    shape = (columns, 1)
    dependence = Dependence(np.full(shape, gain), np.full(shape, decay))
    return Innovations(dependence, np.full(shape, level_variance))


def stepped(one: Innovations, windows: list[Seen]) -> list[tuple[float, float]]:
    """Run the windows through a filter of one column."""
    out = []
    for window in windows:
        parts = (np.array([[part]]) for part in window)
        errors, variance = one.step(*parts)
        out.append((float(errors[0, 0]), float(variance[0, 0])))
    return out


@given(WINDOWS, st.sampled_from([0.0, 0.3, 3.0, 300.0]), st.sampled_from([0.0, 0.5, 0.995]), st.floats(1e-6, 5))
def test_errors_and_variances_are_those_of_the_joint_gaussian(
    windows: list[Seen], gain: float, decay: float, level_variance: float
) -> None:
    """Also with windows of changing size, and with none in between."""
    found = stepped(filters(gain, decay, level_variance), windows)
    expected = dense(windows, gain, decay, level_variance)
    assert np.array(found) == pytest.approx(np.array(expected), rel=1e-6, abs=1e-6)


@given(WINDOWS, WINDOWS, st.floats(-5, 5), st.floats(0.01, 5))
def test_another_level_is_a_fresh_start_there(
    before: list[Seen], after: list[Seen], level: float, level_variance: float
) -> None:
    """What was seen before a change of level means nothing after it; columns that keep theirs are as they were."""
    changed = filters(1.0, 0.8, 0.1, columns=2)
    for window in before:
        changed.step(*(np.full((2, 1), part) for part in window))
    kept = changed.copy()
    changed.relevel(np.array([True, False]), np.full((2, 1), level), np.full((2, 1), level_variance))
    fresh = stepped(filters(1.0, 0.8, level_variance), [window._replace(y=window.y - level) for window in after])
    for window, expected in zip(after, fresh, strict=True):
        parts = [np.full((2, 1), part) for part in window]
        (errors, variance), (as_before, _) = changed.step(*parts), kept.step(*parts)
        assert (errors[0, 0], variance[0, 0]) == pytest.approx(expected, abs=1e-6)
        assert errors[1, 0] == as_before[1, 0]


def test_a_copy_shares_nothing() -> None:
    """Windows that a copy takes in leave the filters as they were."""
    one = filters(1.0, 0.8, 0.1)
    stepped(one, [Seen(2.0, 1.0, seen=True)])
    before = {field: getattr(one, field).copy() for field in Innovations.FIELDS}
    stepped(one.copy(), [Seen(5.0, 1.0, seen=True)])
    assert all((getattr(one, field) == before[field]).all() for field in Innovations.FIELDS)


@pytest.mark.parametrize(("gain", "decay"), [(0.0, 0.0), (1.0, 0.5), (9.0, 0.9)])
@pytest.mark.parametrize("reference", [5.0, 500.0])
def test_errors_are_independent_and_standard_normal_without_a_change(
    gain: float, decay: float, reference: float
) -> None:
    """With references of 5 and of 500 windows: 3,000 columns of 60 windows, moments within 4 standard errors."""
    rng = np.random.default_rng([int(gain), int(reference)])
    columns, windows = 3_000, 60
    variance = (1 + gain * (1 + decay) / (1 - decay)) / reference
    level = rng.normal(size=(columns, 1)) * np.sqrt(variance)
    effect = rng.normal(size=(columns, 1))
    one = filters(gain, decay, variance, columns)
    x: list[Floats] = []
    for _ in range(windows):
        sampling = rng.uniform(0.5, 2, size=(columns, 1))
        y = level + np.sqrt(gain) * effect + rng.normal(size=(columns, 1)) * np.sqrt(sampling)
        x.append(one.step(y, sampling, np.ones((columns, 1), dtype=bool))[0][:, 0])
        effect = decay * effect + np.sqrt(1 - decay**2) * rng.normal(size=(columns, 1))
    errors = np.array(x)
    band = 4 / np.sqrt(errors.size)
    assert abs(errors.mean()) <= band
    assert abs(errors.var() - 1) <= np.sqrt(2) * band
    assert abs((errors**3).mean()) <= np.sqrt(15) * band
    assert abs((errors**4).mean() - 3) <= np.sqrt(96) * band
    for lag in (1, 2, 10):
        assert abs((errors[lag:] * errors[:-lag]).mean()) <= 4 / np.sqrt(errors[lag:].size)
    # each run as a whole: any of its sums has the variance of so many independent errors
    assert abs((errors.sum(axis=0) ** 2).mean() / windows - 1) <= 4 * np.sqrt(2 / columns)


@settings(max_examples=20)
@given(st.floats(0.5, 8))
def test_a_lasting_shift_is_answered_at_its_full_size(shift: float) -> None:
    """The first window of it is off by all of it; what is answered afterwards never grows."""
    one = filters(0.0, 0.0, 1 / 500)
    errors = [error for error, _ in stepped(one, [Seen(shift, 1.0, seen=True)] * 30)]
    assert errors[0] == pytest.approx(shift / np.sqrt(1 + 1 / 500))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] > 0.9 * shift
