"""Seasons of block means: what is found is what was put in, and noise has none."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from driftd.references.profile import Floats, Ints
from driftd.references.season import DAY_MS, TERMS, Season, Timeline, fit, recentred, terms
from driftd.values.windows import Window

HOUR_MS = 3_600_000
FIVE_MINUTES_MS = 300_000
START_MS = 1_699_833_600_000  # a midnight
PERIODS_MS = (7 * DAY_MS, 3.5 * DAY_MS, DAY_MS, DAY_MS / 2, DAY_MS / 3)
DAILY = slice(5, 7)  # cosine and sine of the day's first harmonic


def starts(blocks: int, block_ms: int) -> Ints:
    """Return when so many blocks without a gap start."""
    return START_MS + block_ms * np.arange(blocks)


def season_of(y: Floats, block_ms: int, n: Ints | None = None) -> Season:
    """Fit blocks without a gap."""
    start_ms = starts(len(y), block_ms)
    return fit(y, np.full(len(y), 200) if n is None else n, Timeline(start_ms, start_ms + block_ms))


def sine(blocks: int, block_ms: int, amplitude: float = 1.0) -> Floats:
    """Return the means of a daily sine over blocks, each the mean of many moments."""
    moments = starts(blocks, block_ms)[:, None] + (np.arange(100) + 0.5) * block_ms / 100
    return np.asarray(amplitude * np.sin(2 * np.pi * moments / DAY_MS).mean(axis=1))


@given(st.integers(-(10**12), 10**13), st.integers(0, 3 * DAY_MS))
def test_terms_are_means_over_the_span(start_ms: int, lasts_ms: int) -> None:
    """As a plain mean over many moments of it; at the epoch every cosine is 1 and every sine 0."""
    found = terms(np.array([start_ms, 0]), np.array([start_ms + lasts_ms, 0]))
    moments = start_ms + (np.arange(5_000) + 0.5) * lasts_ms / 5_000
    waves = [wave(2 * np.pi * (moments % p) / p).mean() for p in PERIODS_MS for wave in (np.cos, np.sin)]
    assert found[0].tolist() == pytest.approx([1.0, *waves], abs=1e-4)
    assert found[1].tolist() == [1.0, *(1.0, 0.0) * 5]


@pytest.mark.parametrize(("block_ms", "blocks"), [(FIVE_MINUTES_MS, 2_016), (HOUR_MS, 100), (6 * HOUR_MS, 112)])
def test_a_sine_is_found_with_its_amplitude(block_ms: int, blocks: int) -> None:
    """To three standard errors; long blocks flatten it, and what is found is the sine, not its flattened means."""
    noise = np.random.default_rng(1).normal(size=blocks)
    season = season_of(3.0 + sine(blocks, block_ms, 2.0) + noise, block_ms)
    assert season[DAILY] == pytest.approx((0.0, 2.0), abs=3 * np.sqrt(2 / blocks) * 1.15)


def test_only_harmonics_that_stand_out_are_kept() -> None:
    """A plain daily sine in noise has no weekly terms and no overtones."""
    season = season_of(sine(8_064, FIVE_MINUTES_MS) + np.random.default_rng(2).normal(size=8_064), FIVE_MINUTES_MS)
    assert [place for place, value in enumerate(season) if value and place] == [5, 6]


def test_a_working_week_is_found() -> None:
    """Two days in seven that are another level are, for their larger part, the two harmonics of the week."""
    hours = np.arange(28 * 24)
    week = np.where(hours // 24 % 7 >= 5, 1.0, 0.0)
    season = np.array(season_of(week + 0.5 * np.random.default_rng(3).normal(size=len(hours)), HOUR_MS))
    start_ms = starts(len(hours), HOUR_MS)
    found = terms(start_ms, start_ms + HOUR_MS) @ season
    assert np.corrcoef(found, week)[0, 1] > 0.85


@pytest.mark.parametrize(
    ("days", "block_ms", "harmonics"),
    [
        (1.9, HOUR_MS, []),
        (2.0, HOUR_MS, [2, 3, 4]),
        (13.9, HOUR_MS, [2, 3, 4]),
        (14.0, HOUR_MS, [0, 1, 2, 3, 4]),
        (14.0, 4 * HOUR_MS, [0, 1, 2, 3, 4]),
        (15.0, 5 * HOUR_MS, [0, 1, 2, 3]),
        (15.0, 8 * HOUR_MS, [0, 1, 2]),
        (30.0, 24 * HOUR_MS, [0, 1]),
    ],
)
def test_a_harmonic_needs_two_seasons_and_blocks_of_half_its_period(
    days: float, block_ms: int, harmonics: list[int]
) -> None:
    """Of week, half a week, day, half and third of a day those that such a calibration can show."""
    start_ms = starts(round(days * DAY_MS / block_ms), block_ms)
    assert Timeline(start_ms, start_ms + block_ms).harmonics == harmonics


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_hardly_any_blocks_have_no_season(blocks: int) -> None:
    """Nor does that fail."""
    assert season_of(np.arange(float(blocks)), 30 * HOUR_MS) == ()


def test_what_is_seen_at_some_hours_only_is_not_told_for_the_others() -> None:
    """Eight hours a day do not tell the day's harmonics from each other and from the level."""
    start_ms = starts(8_064, FIVE_MINUTES_MS)
    y = sine(8_064, FIVE_MINUTES_MS) + 0.1 * np.random.default_rng(4).normal(size=8_064)
    n = np.where(start_ms // HOUR_MS % 24 < 8, 200, 0)
    assert not any(season_of(y, FIVE_MINUTES_MS, n)[5:])


def test_a_constant_has_no_season() -> None:
    """Not even of rounding errors."""
    assert season_of(np.full(600, 0.1), HOUR_MS) == ()


def test_the_mean_over_the_training_rows_is_zero() -> None:
    """Also where there are more rows at some hours than at others: the level of a channel stays what it was."""
    hours = starts(24 * 28, HOUR_MS) // HOUR_MS % 24
    n = np.where(hours < 12, 1_000, 50)
    y = sine(len(n), HOUR_MS) + 0.1 * np.random.default_rng(5).normal(size=len(n))
    start_ms = starts(len(n), HOUR_MS)
    season = np.array(season_of(y, HOUR_MS, n))
    found = terms(start_ms, start_ms + HOUR_MS) @ season
    assert (n * found).sum() / n.sum() == pytest.approx(0.0, abs=1e-6)
    assert season[0] == pytest.approx(-(n * sine(len(n), HOUR_MS)).sum() / n.sum(), abs=0.02)


@given(st.lists(st.floats(-1, 1), min_size=TERMS, max_size=TERMS), st.integers(0, 10**13), st.integers(0, 10 * DAY_MS))
def test_a_recentred_season_is_zero_over_its_span(season: list[float], start_ms: int, lasts_ms: int) -> None:
    """And moves as before."""
    span = Window(start_ms, start_ms + lasts_ms)
    found = recentred(tuple(season), span)
    assert found[1:] == tuple(season[1:])
    assert terms(np.array([span.start_ms]), np.array([span.end_ms]))[0] @ found == pytest.approx(0.0, abs=1e-8)


def _autoregression(decay: float) -> Callable[[np.random.Generator, tuple[int, int]], Floats]:
    def draw(rng: np.random.Generator, size: tuple[int, int]) -> Floats:
        steps = rng.normal(size=size) * np.sqrt(1 - decay**2)
        steps[:, 0] = rng.normal(size=size[0])
        return np.asarray(signal.lfilter([1.0], [1.0, -decay], steps, axis=1))

    return draw


@pytest.mark.statistical
@pytest.mark.parametrize("blocks", [576, 2_016])
@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, size: rng.normal(size=size),
        lambda rng, size: rng.standard_t(3, size=size),
        _autoregression(0.9),
        _autoregression(0.995),
        lambda rng, size: rng.normal(size=size).cumsum(axis=1),
        lambda rng, size: rng.normal(size=size) + np.linspace(0, 5, size[1]),
    ],
    ids=["independent", "heavy tails", "AR .9", "AR .995", "random walk", "trend"],
)
def test_noise_has_no_season(draw: Callable[[np.random.Generator, tuple[int, int]], Floats], blocks: int) -> None:
    """Of 400 series over two days, and a week, at most 5: three harmonics at a risk of 0.001 each make 1.2."""
    series = draw(np.random.default_rng(6), (400, blocks))
    assert sum(bool(season_of(y, FIVE_MINUTES_MS)) for y in series) <= 5
