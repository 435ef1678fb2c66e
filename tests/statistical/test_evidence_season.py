"""A daily season that the training has shown is no drift, and hides none: false pages and delays with it.

10 columns, each with a sine of its own phase, windows of five minutes, four weeks of training. The same windows go to
evidence that does not know the season: what it costs not to.
"""

from statistics import median

import numpy as np
import pytest
from scipy.stats import poisson

from season_world import SeasonWatch, SeasonWorld

pytestmark = [pytest.mark.statistical, pytest.mark.timeout(300)]

RARE, OFTEN = 8_640.0, 300.0
COLUMNS, BEFORE, AFTER = 10, 100, 40
SEEDS = range(8)


def at_most(expected: float) -> int:
    """Return the end of the 95 % interval of a count with this expectation."""
    return int(poisson.ppf(0.975, expected))


def test_a_daily_sine_of_one_window_sd_does_not_page_beyond_the_budget() -> None:
    """6,000 windows at A = 300 and 8,640: the time between false pages is not below A.

    A reference that does not know the order of its rows is paged by the same windows again and again.
    """
    windows = 6_000
    world = SeasonWorld(1, COLUMNS, amplitude=1.0)
    rare, often = (SeasonWatch(world.baselines(), threshold) for threshold in (RARE, OFTEN))
    unaware = SeasonWatch(world.baselines(ordered=False), RARE)
    for number in range(windows):
        drawn = world.window()
        rare.observe(*drawn)
        often.observe(*drawn)
        if number < windows // 4:
            unaware.observe(*drawn)
    assert len(often.pages) <= windows / OFTEN
    assert not rare.pages
    assert len(unaware.pages) > at_most(windows / 4 / RARE)


@pytest.mark.parametrize(("window_ms", "amplitude"), [(60_000, 5.0), (6 * 3_600_000, 3.0)])
def test_neither_strong_seasons_nor_long_windows_page(window_ms: int, amplitude: float) -> None:
    """Minutes, of which the profile keeps four hours: the shape must not mistake the other hours for drift.

    Windows of six hours, of which the training holds 112.
    """
    blocks = 112 if window_ms > 3_600_000 else 14 * 1_440
    world = SeasonWorld(2, 6, amplitude=amplitude, blocks=blocks, window_ms=window_ms)
    watch = SeasonWatch(world.baselines(), OFTEN, window_ms)
    for _ in range(2_000):
        watch.observe(*world.window())
    assert len(watch.pages) <= at_most(2_000 / OFTEN)


def delays(amplitude: float, shift: float, *, season: bool = True) -> list[int]:
    """Return how many windows a shift of the first column takes to be paged, in worlds of their own."""
    found = []
    for seed in SEEDS:
        world = SeasonWorld(10 + seed, COLUMNS, amplitude=amplitude, blocks=2_016)
        watch = SeasonWatch(world.baselines(season=season), RARE)
        for number in range(BEFORE + AFTER):
            watch.observe(*world.window(shift if number >= BEFORE else 0.0))
        late = [page for page in watch.pages if page >= BEFORE]
        found.append(late[0] - BEFORE + 1 if late else AFTER + 1)
    return found


@pytest.mark.parametrize(("shift", "windows"), [(2.0, 9), (3.0, 5), (5.0, 3)])
def test_a_shift_on_top_of_a_season_is_found_as_fast_as_without(shift: float, windows: int) -> None:
    """In every run, with the median of a world without a season, give or take a window."""
    flat, seasonal = delays(0.0, shift), delays(1.0, shift)
    assert max(seasonal) <= AFTER
    assert median(seasonal) <= windows
    assert abs(median(seasonal) - median(flat)) <= 1


def test_a_season_that_is_not_known_hides_drift() -> None:
    """It is taken for dependence then: a shift of two window-sd is missed in most runs."""
    assert np.mean(np.array(delays(1.0, 2.0, season=False)) > AFTER) > 0.5
