"""How much windows depend on each other: the likelihood against plain loops, and what is learnt from it."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from driftd.references.dependence import _GRID, MODELS, Dependence, learn, log_likelihoods
from driftd.references.profile import Floats


def whittle(z: list[float], gain: float, decay: float) -> float:
    """Sum -I/f - ln f over the Fourier frequencies, term by term."""
    blocks, mean = len(z), math.fsum(z) / len(z)
    total = 0.0
    for number in range(1, (blocks - 1) // 2 + 1):
        angle = 2 * math.pi * number / blocks
        transform = sum((value - mean) * cmath.exp(-1j * angle * t) for t, value in enumerate(z))
        power = abs(transform) ** 2 / blocks
        density = 1 + gain * (1 - decay**2) / (1 - 2 * decay * math.cos(angle) + decay**2)
        total -= power / density + math.log(density)
    return total


def autoregressions(seed: int, channels: int, blocks: int, effect: float, decay: float) -> Floats:
    """Draw blocks whose effect has ``effect`` times the standard deviation of their sampling noise."""
    rng = np.random.default_rng(seed)
    state, z = rng.normal(size=channels), np.empty((channels, blocks))
    for block in range(blocks):
        state = decay * state + math.sqrt(1 - decay**2) * rng.normal(size=channels)
        z[:, block] = effect * state + rng.normal(size=channels)
    return z


def learnt(z: Floats) -> Dependence:
    """Learn from these blocks alone."""
    return learn(log_likelihoods(z), np.full(len(z), float(z.shape[1])))


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(8, 21)), elements=st.floats(-5, 5)))
@settings(max_examples=20)
def test_the_log_likelihood_is_that_of_a_plain_loop(z: Floats) -> None:
    """Every model of the grid has the Whittle log likelihood of every channel."""
    found = log_likelihoods(z)
    expected = [[whittle(row, gain, decay) for gain, decay in _GRID.tolist()] for row in z.tolist()]
    assert found == pytest.approx(np.array(expected), rel=1e-9, abs=1e-9)


def test_a_level_says_nothing_about_dependence() -> None:
    """Blocks that all lie off by the same have the same likelihoods."""
    z = autoregressions(1, 4, 40, 1.0, 0.5)
    assert log_likelihoods(z + 3.0) == pytest.approx(log_likelihoods(z), rel=1e-9)


@pytest.mark.parametrize("blocks", range(8))
def test_fewer_than_eight_blocks_tell_nothing(blocks: int) -> None:
    """Then no model is preferred, and every channel is taken for independent."""
    z = autoregressions(2, 5, 8, 10.0, 0.9)[:, :blocks]
    assert (log_likelihoods(z) == np.zeros((5, MODELS))).all()
    dependence = learn(np.zeros((5, MODELS)), np.full(5, float(blocks)))
    assert (dependence.gain == 0).all()
    assert (dependence.decay == 0).all()


def test_of_no_channels_nothing_is_learnt() -> None:
    """A monitor without columns has no dependence."""
    assert learn(np.zeros((0, MODELS)), np.zeros(0)).gain.shape == (0,)


@pytest.mark.parametrize("blocks", [40, 100, 400])
def test_independent_channels_are_taken_for_independent(blocks: int) -> None:
    """Of 29 channels of independent rows at least three quarters in the mean of ten draws, also on short histories."""
    drawn = [learnt(autoregressions(seed, 29, blocks, 0.0, 0.0)).gain == 0 for seed in range(10)]
    assert np.mean(drawn) >= 0.75


@pytest.mark.parametrize(("effect", "decay"), [(1.0, 0.5), (1.0, 0.9), (3.0, 0.9)])
@pytest.mark.parametrize("blocks", [100, 400])
def test_dependent_channels_are_hardly_ever_taken_for_less_than_they_are(
    effect: float, decay: float, blocks: int
) -> None:
    """Of 200 channels at most one in twenty has a long-run variance below three quarters of its true one."""
    true = 1 + effect**2 * (1 + decay) / (1 - decay)
    dependence = learnt(autoregressions(4, 200, blocks, effect, decay))
    assert (dependence.long_run < 0.75 * true).mean() <= 0.05


def test_a_short_history_leans_on_the_other_channels() -> None:
    """Forty blocks that mostly pass for independent do so less than half as often among a hundred that are not."""
    crowd = autoregressions(5, 100, 400, 1.0, 0.8)
    short = autoregressions(6, 100, 40, 0.0, 0.0)
    blocks = np.concatenate((np.full(100, 400.0), np.full(100, 40.0)))
    among = learn(np.concatenate((log_likelihoods(crowd), log_likelihoods(short))), blocks)
    alone = (learnt(short).gain == 0).mean()
    assert alone >= 0.75
    assert (among.gain[100:] == 0).mean() < alone / 2


def test_the_order_of_channels_does_not_matter() -> None:
    """Each channel is given the same dependence wherever it stands, up to rounding."""
    z = np.concatenate((autoregressions(7, 20, 60, 0.0, 0.0), autoregressions(8, 20, 60, 1.5, 0.9)))
    there, back = learnt(z), learnt(z[::-1])
    assert back.gain[::-1] == pytest.approx(there.gain)
    assert back.decay[::-1] == pytest.approx(there.decay)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 1.0, 300.0]), st.sampled_from([0.0, 0.5, 0.995])), min_size=1))
def test_long_run_variance_and_time_follow_from_gain_and_decay(models: list[tuple[float, float]]) -> None:
    """They are those of y = b + e: 1 + gain x time of b, and that over the variance of y."""
    gain, decay = np.array(models).T
    dependence = Dependence(gain, decay)
    for at, (of_gain, of_decay) in enumerate(models):
        long_run = 1 + of_gain * (1 + of_decay) / (1 - of_decay)
        assert dependence.long_run[at] == pytest.approx(long_run)
        assert dependence.time[at] == pytest.approx(long_run / (1 + of_gain))
