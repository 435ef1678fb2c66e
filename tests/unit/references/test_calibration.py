"""Design effects from the blocks of a training table."""

import numpy as np
import pytest

from driftd.references.blocks import BlockCutter, BlockRule
from driftd.references.calibration import autocorrelation_time, calibrate, design_effect
from driftd.references.profile import ColumnProfile, Floats
from driftd.values.keys import Channel, ColumnKey, Kind, Role
from driftd.values.layout import HEADER

BINS, ROWS = 20, 200


def block_means(blocks: int, effect: float, rho: float, seed: int) -> Floats:
    """Standardised means of blocks of 200 uniform rows under an AR(1) block effect (in sampling deviations)."""
    random = np.random.default_rng(seed)
    level = np.empty(blocks)
    level[0] = random.normal()
    for at in range(1, blocks):
        level[at] = rho * level[at - 1] + np.sqrt(1 - rho * rho) * random.normal()
    return np.asarray(random.normal(size=blocks) + effect * level)


def uniform_column(rows: int) -> ColumnProfile:
    """Return a column of 20 equally frequent test bins."""
    return ColumnProfile(
        key=ColumnKey(Role.FEATURE, "x"),
        kind=Kind.NUMERIC,
        n=rows,
        missing=0,
        invalid=0,
        counts=(rows // BINS,) * BINS,
        edges=tuple(float(edge) for edge in range(1, BINS)),
        test_of=tuple(range(BINS)),
    )


@pytest.mark.statistical
@pytest.mark.parametrize("blocks", [50, 100, 300])
def test_independent_rows_have_no_design_effect(blocks: int) -> None:
    """Of columns of independent rows at least 95 % get a design effect of at most 1.3."""
    deffs = [design_effect(block_means(blocks, 0, 0, seed)) for seed in range(400)]
    assert np.mean(np.array(deffs) <= 1.3) >= 0.95


@pytest.mark.statistical
def test_autocorrelated_block_effect_is_measured() -> None:
    """An AR(.9) effect of the sampling noise's size on 300 blocks gives about 11, within a factor of 2."""
    deffs = [design_effect(block_means(300, 0.977, 0.9, seed)) for seed in range(200)]
    assert 5.5 <= float(np.median(deffs)) <= 22


def test_autocorrelation_time_of_ar1() -> None:
    """Of autocorrelations rho^k the time is (1 + rho) / (1 - rho), but for what lies beyond 5 such times."""
    correlations = np.power(0.5, np.arange(60.0))
    assert autocorrelation_time(correlations) == pytest.approx(3, abs=1e-3)


def test_few_blocks_tell_nothing() -> None:
    """With fewer than 8 blocks the design effect is 1, whatever they hold."""
    assert design_effect(np.arange(0.0, 700.0, 100.0)) == 1


def test_constant_blocks_have_no_design_effect() -> None:
    """Blocks that do not differ have a design effect of 1."""
    assert design_effect(np.zeros(50)) == 1


@pytest.mark.statistical
def test_rare_events_are_not_taken_for_dependence() -> None:
    """A rate of 1 in 2,000 on independent rows gets a design effect of at most 1.3 in 95 % of columns."""
    random = np.random.default_rng(1)
    deffs = []
    for _ in range(300):
        runs = np.zeros((50, HEADER + BINS), dtype=np.int64)
        runs[:, 0], runs[:, 1] = ROWS, random.binomial(ROWS, 1 / 2_000, 50)
        runs[:, HEADER] = ROWS - runs[:, 1]
        cutter = BlockCutter(BlockRule(), [BINS], 256)
        slots = np.concatenate([np.repeat([1, HEADER], [run[1], run[HEADER]]) for run in runs])
        cutter.add(np.arange(len(slots)), [(None, slots)])
        calibration = calibrate((uniform_column(1_000),), cutter.blocks())
        assert calibration is not None
        deffs.append(calibration.deff[ColumnKey(Role.FEATURE, "x")][Channel.MISSING])
    assert np.mean(np.array(deffs) <= 1.3) >= 0.95


def test_scale_is_followed_on_its_own() -> None:
    """Blocks that widen and narrow around the same middle have a design effect in scale, not in location."""
    wide, narrow = np.array([0, 19] * 100), np.array([9, 10] * 100)
    slots = np.concatenate([wide if block // 10 % 2 else narrow for block in range(100)]) + HEADER
    cutter = BlockCutter(BlockRule(), [BINS], 256)
    cutter.add(np.arange(len(slots)), [(None, slots)])
    calibration = calibrate((uniform_column(20_000),), cutter.blocks())
    assert calibration is not None
    deff = calibration.deff[ColumnKey(Role.FEATURE, "x")]
    assert deff[Channel.LOCATION] == 1
    assert deff[Channel.SCALE] > 100
    assert deff[Channel.SHAPE] == deff[Channel.SCALE]
    assert [deff[rate] for rate in (Channel.MISSING, Channel.UNSEEN, Channel.INVALID)] == [1, 1, 1]


def test_no_block_is_no_calibration() -> None:
    """Without a single block there is nothing to calibrate on."""
    assert calibrate((uniform_column(20),), BlockCutter(BlockRule(), [BINS], 256).blocks()) is None
