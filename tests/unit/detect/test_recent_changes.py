"""Where a channel changed, and whether that is worth a page."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from driftd.detect.baseline import Baseline
from driftd.detect.observed import Observed
from driftd.detect.recent import Change, Recent, find_change, recent
from driftd.references.profile import ColumnProfile
from driftd.values.keys import Channel
from driftd.values.windows import Window

CLEAN, DRIFTED, HALF = [10] * 20, [2] * 10 + [18] * 10, [6] * 10 + [14] * 10


@pytest.fixture
def baseline(numeric_column: Callable[..., ColumnProfile]) -> Baseline:
    """5,000 training rows, 250 more without a value."""
    return Baseline(numeric_column("x", np.arange(5_000.0), missing=250), None)


def ring(baseline: Baseline, windows: Iterable[tuple[list[int], int]]) -> list[Recent]:
    """Windows of counts and missing values, a second each."""
    rows = []
    for number, (counts, missing) in enumerate(windows):
        column = np.array(counts, dtype=np.int64)
        observed = Observed((int(column.sum()) + missing, missing, 0, 0), column)
        rows.append(recent(Window(number * 1000, number * 1000 + 1000), observed, 0.0, baseline))
    return rows


def found(baseline: Baseline, *counts: list[int], since_ms: int | None = None) -> Change:
    """Find the change of location over windows of counts."""
    change = find_change(ring(baseline, [(c, 0) for c in counts]), Channel.LOCATION, since_ms, baseline)
    assert change is not None
    return change


@pytest.mark.parametrize("clean", [0, 1, 5, 40])
def test_the_onset_is_the_first_drifted_window(baseline: Baseline, clean: int) -> None:
    """However many clean windows came before, even none, and the effect is the mean since."""
    change = found(baseline, *[CLEAN] * clean, *[DRIFTED] * 3)
    assert change.onset_ms == clean * 1000
    assert change.effect == pytest.approx(0.2)
    assert change.pages


def test_a_return_to_normal_does_not_page(baseline: Baseline) -> None:
    """Since the drift a detector told, the column went back: no effect is left."""
    change = found(baseline, *[DRIFTED] * 10, CLEAN, CLEAN, since_ms=0)
    assert (change.onset_ms, change.pages) == (10_000, False)
    assert change.effect == pytest.approx(0.0)


def test_the_window_in_which_a_drift_ends_half_way_does_not_page(baseline: Baseline) -> None:
    """Half the rows are still drifted, but the move is towards the reference."""
    change = found(baseline, *[DRIFTED] * 10, HALF, since_ms=0)
    assert abs(change.effect) > 0.05
    assert change.returning
    assert not change.pages


def test_a_second_step_away_pages_again(baseline: Baseline) -> None:
    """From a level it has moved to a column moves further off."""
    change = found(baseline, *[HALF] * 10, DRIFTED, DRIFTED, since_ms=0)
    assert (change.onset_ms, change.pages) == (10_000, True)


def test_a_jump_to_the_other_side_pages(baseline: Baseline) -> None:
    """A smaller effect of the other sign is no return."""
    change = found(baseline, *[DRIFTED] * 10, HALF[::-1], HALF[::-1], since_ms=0)
    assert change.effect < 0
    assert change.pages


def test_a_small_effect_does_not_page(baseline: Baseline) -> None:
    """Sure as it may be, less than .02 in u wakes nobody."""
    slightly = [9_800] * 10 + [10_200] * 10
    change = found(baseline, *[[10_000] * 20] * 5, *[slightly] * 5)
    assert 0 < change.effect < 0.02
    assert not change.pages


def test_an_unsure_effect_does_not_page(baseline: Baseline) -> None:
    """Large as it may be, less than three standard errors wakes nobody."""
    change = found(baseline, *[CLEAN] * 5, [1] * 10 + [2] * 10)
    assert change.effect > 0.02
    assert not change.pages


def test_rates_have_their_own_floor(baseline: Baseline) -> None:
    """The missing rate of training is 1/21; a quarter missing pages, a 20th does not."""
    windows = [(CLEAN, 10)] * 5
    for missing, pages in ((10, False), (66, True)):
        change = find_change(ring(baseline, [*windows, (CLEAN, missing)]), Channel.MISSING, None, baseline)
        assert change is not None
        assert change.pages is pages


def test_there_is_no_change_in_nothing(baseline: Baseline) -> None:
    """Without windows, or with empty ones only, there is nothing to compare."""
    assert find_change([], Channel.LOCATION, None, baseline) is None
    assert find_change(ring(baseline, [([0] * 20, 5)]), Channel.LOCATION, None, baseline) is None
    assert find_change(ring(baseline, [(CLEAN, 0)]), Channel.LOCATION, 0, baseline) is None
