"""What bounds false pages: evidence grows by no more than one a window while nothing changes, and pages stay rare.

Counts are drawn with fixed seeds (evidence_world); a monitor of many columns stands for as many short runs.
"""

import numpy as np
import pytest
from scipy.stats import poisson

from driftd.references.profile import Floats
from evidence_world import Watch, World

pytestmark = pytest.mark.statistical

NEVER = 1e15


def at_most(expected: float) -> int:
    """Return the end of the 95 % interval of a count with this expectation."""
    return int(poisson.ppf(0.975, expected))


def grown(world: World, windows: int) -> Floats:
    """Return the evidence of each column by window, once it is calibrated: (windows, columns)."""
    watch = Watch(world.baselines, NEVER)
    found: list[list[float]] = []
    while len(found) < windows:
        judged = watch.observe(world.window())
        if not judged.calibrating and judged.columns:
            found.append([10 ** judged.columns[at].log10 for at in range(world.columns)])
    assert not watch.pages
    return np.array(found)


@pytest.mark.parametrize(
    ("blocks", "ordered"), [(40, True), (5, False)], ids=["40 windows in order", "1,000 rows without order"]
)
def test_evidence_grows_by_at_most_one_a_window(blocks: int, *, ordered: bool) -> None:
    """E M_w <= w with 300 references of 8,000 rows, and of 1,000: the mean is not above w by 3 standard errors.

    Nor is evidence thrown away: the median, which is far below the mean, is not next to nothing.
    """
    evidence = grown(World(1, 300, blocks=blocks, ordered=ordered), 30)
    for window in (1, 3, 10, 30):
        sample = evidence[window - 1]
        error = sample.std() / np.sqrt(len(sample))
        assert sample.mean() <= window + 3 * error
        assert np.median(sample) >= 0.1


def check_clean(world: World) -> None:
    """Expect at most one page in 200 clean windows at A = 8,640, and at A = 100 no more than may be."""
    rare, often = Watch(world.baselines), Watch(world.baselines, 100.0)
    for _ in range(200):
        observed = world.window()
        rare.observe(observed)
        often.observe(observed)
    assert len(rare.pages) <= 1
    assert len(often.pages) <= at_most(200 / 100)


@pytest.mark.parametrize("blocks", [40, 50, 100])
def test_short_references_of_independent_rows_do_not_page(blocks: int) -> None:
    """29 columns, 200 clean windows at A = 8,640: at most one false page; at A = 100 no more than may be."""
    world = World(blocks, 29, blocks=blocks)
    check_clean(world)


@pytest.mark.parametrize(("blocks", "decay"), [(40, 0.5), (40, 0.9), (100, 0.9)])
def test_dependent_windows_do_not_page_beyond_expectation(blocks: int, decay: float) -> None:
    """30 columns with an effect as large as their sampling noise, 200 windows, A = 100 and 8,640."""
    world = World(blocks, 30, blocks=blocks, effect=1.0, decay=decay)
    check_clean(world)


def test_mixed_dependence_does_not_page_beyond_expectation() -> None:
    """Half the columns independent, a quarter AR .5, a quarter AR .9 of twice the sampling noise."""
    kind = np.arange(40) % 4
    effect, decay = np.array([0, 0, 1.0, 2.0])[kind], np.array([0, 0, 0.5, 0.9])[kind]
    world = World(5, 40, blocks=100, effect=effect, decay=decay)
    watch = Watch(world.baselines, 100.0).follow(world.window() for _ in range(200))
    assert len(watch.pages) <= at_most(200 / 100)


def test_a_reference_of_a_thousand_rows_does_not_page_by_its_own_error() -> None:
    """What 1,000 rows in no order leave open about the level is known: 400 windows of 200 rows without a page."""
    world = World(6, 29, blocks=5, ordered=False)
    assert Watch(world.baselines).follow(world.window() for _ in range(400)).pages == []
