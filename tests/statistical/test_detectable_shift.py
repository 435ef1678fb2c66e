"""The smallest shift that is said to be found within an hour is found within it, and a smaller one mostly not.

Forty worlds of four columns, two of them independent and two with an AR .5 effect as large as the sampling noise of
a window's mean; A = 8,640, fixed seeds. "Found" is a page that names the column within the windows of an hour.
"""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.onsets import FLOOR
from driftd.values.keys import Channel
from driftd.values.verdict import Within
from evidence_world import BINS, MINUTE_MS, Watch, World

pytestmark = pytest.mark.statistical

RUNS, COLUMNS, CLEAN = 40, 4, 70
INDEPENDENT, DEPENDENT = 0, 1
CUTS = ndtri(np.arange(1, BINS) / BINS)


class Found(NamedTuple):
    """What was claimed, in u, and in how many of the runs it was found."""

    claimed: float
    share: float


def move(baseline: Baseline, shift: float) -> float:
    """Return the standard deviations of a row by which its values must move for mean u to move by ``shift``."""
    ranks = baseline.ranks[Channel.LOCATION]

    def missed(by: float) -> float:
        return float((np.diff(ndtr(CUTS - by), prepend=0.0, append=1.0) * ranks).sum()) - 0.5 - shift

    return float(brentq(missed, -1, 4))


def found(factor: float, target: int, rows: int, span_ms: int) -> Found:
    """Move a column by ``factor`` times what is claimed for it."""
    effect = (np.arange(COLUMNS) % 2).astype(np.float64)
    claims, hits = [], 0
    for seed in range(RUNS):
        world = World(seed, COLUMNS, rows=rows, effect=effect, decay=effect / 2)
        watch = Watch(world.baselines)
        for _ in range(CLEAN):
            observed = world.window()
            watch.observe(observed)
            told = watch.evidence.detectable(observed, [span_ms] * COLUMNS, watch.threshold)
        assert watch.pages == []
        claimed = told[world.baselines[target].column.key][Within.HOUR]
        claims.append(claimed)
        shift = world.only(move(world.baselines[target], factor * claimed), target)
        for _ in range(Within.HOUR.span_ms // span_ms):
            if not watch.pages:
                watch.observe(world.window(shift))
        hits += bool(watch.pages) and target in watch.pages[0].columns
    assert min(claims) > FLOOR[Channel.LOCATION]
    return Found(float(np.median(claims)), hits / RUNS)


@pytest.mark.parametrize("target", [INDEPENDENT, DEPENDENT])
@pytest.mark.parametrize(("rows", "span_ms"), [(50, MINUTE_MS), (200, 10 * MINUTE_MS)])
def test_what_is_claimed_to_be_found_is_found(target: int, rows: int, span_ms: int) -> None:
    """Of shifts 1.5 times as large three in four at least, of shifts 0.8 times as large less than half."""
    assert found(1.5, target, rows, span_ms).share >= 0.75
    assert found(0.8, target, rows, span_ms).share < 0.5
