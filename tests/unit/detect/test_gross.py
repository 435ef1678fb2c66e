"""The rule for gross drift: large, beyond chance, several windows running."""

from collections.abc import Callable

import numpy as np
import pytest

from driftd.detect.baseline import Baseline
from driftd.detect.distances import distances
from driftd.detect.gross import GrossRule
from driftd.detect.observed import Observed
from driftd.detect.settings import GrossSettings
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile
from driftd.values.keys import Channel

Found = tuple[set[Channel], set[Channel]]


@pytest.fixture
def baseline(numeric_column: Callable[..., ColumnProfile]) -> Baseline:
    """5,000 training rows, 250 more without a value."""
    return Baseline(numeric_column("x", np.arange(5_000.0), missing=250), None)


def observe(rule: GrossRule, baseline: Baseline, counts: list[int], missing: int = 0) -> Found:
    """Show the rule a window; return the channels at the level, and those that rose to it."""
    column = np.array(counts, dtype=np.int64)
    observed = Observed((int(column.sum()) + missing, missing, 0, 0), column)
    apart = distances(column[None], baseline.counts[None], baseline.ranks[Channel.LOCATION][None])[0]
    now, risen = rule.observe(observed, apart, baseline)
    return set(now), set(risen)


CLEAN = [10] * 20
HIGH = [4] * 10 + [16] * 10  # mean u .65
QUIET: Found = (set(), set())


def test_a_shift_rises_once_in_the_third_window_running(baseline: Baseline) -> None:
    """Two windows are not enough; from the third on the level holds, and has risen only there."""
    rule = GrossRule(GrossSettings(psi=9))
    found = [observe(rule, baseline, HIGH) for _ in range(4)]
    assert found == [QUIET, QUIET, ({Channel.LOCATION}, {Channel.LOCATION}), ({Channel.LOCATION}, set())]


def test_a_clean_window_ends_the_run(baseline: Baseline) -> None:
    """The windows must be running: after a clean one the count starts again."""
    rule = GrossRule(GrossSettings())
    found = [observe(rule, baseline, counts) for counts in (HIGH, HIGH, CLEAN, HIGH, HIGH)]
    assert found == [QUIET] * 5


def test_a_small_window_ends_the_run(baseline: Baseline) -> None:
    """A window with fewer than 200 observations says nothing, however far off."""
    rule = GrossRule(GrossSettings())
    assert [observe(rule, baseline, [0] * 10 + [19] * 10) for _ in range(4)] == [QUIET] * 4


def test_a_changed_shape_is_gross_without_a_shift(baseline: Baseline) -> None:
    """Mass in the middle moves no mean; the debiased PSI sees it."""
    rule = GrossRule(GrossSettings())
    middle = [2] * 5 + [18] * 10 + [2] * 5
    assert [observe(rule, baseline, middle) for _ in range(3)][-1] == ({Channel.SHAPE}, {Channel.SHAPE})


@pytest.mark.parametrize(("missing", "gross"), [(12, False), (30, False), (45, True)])
def test_a_rate_is_gross_from_a_tenth_on(baseline: Baseline, missing: int, gross: bool) -> None:  # noqa: FBT001
    """The missing rate of training is a 21st: of 200 values 45 more missing move it by .1, 30 do not."""
    rule = GrossRule(GrossSettings())
    now, _ = [observe(rule, baseline, CLEAN, missing) for _ in range(3)][-1]
    assert now == ({Channel.MISSING} if gross else set())


def test_what_a_short_reference_cannot_tell_from_chance_is_not_gross(
    numeric_column: Callable[..., ColumnProfile],
) -> None:
    """Against 20 training rows a shift of .15 is chance; against 5,000 it is not."""
    short = Baseline(numeric_column("x", np.arange(20.0)), None)
    rule = GrossRule(GrossSettings(psi=9))
    assert len(short.counts) == len(HIGH)
    assert [observe(rule, short, HIGH) for _ in range(3)][-1] == QUIET
    assert short.levels[Channel.LOCATION].n == 20


def test_the_run_survives_a_restart(baseline: Baseline) -> None:
    """A rule restored after two windows rises in the next one."""
    rule, restored = GrossRule(GrossSettings(psi=9)), GrossRule(GrossSettings(psi=9))
    for _ in range(2):
        observe(rule, baseline, HIGH)
    restored.restore(rule.to_state())
    assert observe(restored, baseline, HIGH) == ({Channel.LOCATION}, {Channel.LOCATION})


def calibrated(numeric_column: Callable[..., ColumnProfile], blocks: list[list[int]], deff: float = 1.0) -> Baseline:
    """A reference of uniform rows whose blocks, in time order, held these counts per test bin."""
    column = numeric_column("x", np.arange(5_000.0))
    rows = tuple((sum(counts), 0, 0, 0, *counts) for counts in blocks)
    calibration = Calibration(
        60_000, 200.0, len(blocks), {column.key: {Channel.LOCATION: deff}}, {column.key: BlockCounts(rows)}
    )
    return Baseline(column, calibration)


LOW = HIGH[::-1]


def test_what_the_training_rows_did_themselves_is_not_gross(numeric_column: Callable[..., ColumnProfile]) -> None:
    """A season in the training rows raises the level: serving must go further than they did, three windows running."""
    further = [0] * 15 + [40] * 5
    steady = calibrated(numeric_column, [CLEAN] * 24)
    wilder = calibrated(numeric_column, ([further] * 4 + [[*reversed(further)]] * 4) * 3)
    for baseline, expected in ((steady, {Channel.LOCATION}), (wilder, set())):
        rule = GrossRule(GrossSettings(psi=9))
        assert [observe(rule, baseline, HIGH)[0] for _ in range(4)][-1] == expected


def test_windows_that_are_off_to_either_side_are_no_run(baseline: Baseline) -> None:
    """Up, down and up again is wandering: a gross drift has a direction."""
    rule = GrossRule(GrossSettings(psi=9))
    assert [observe(rule, baseline, counts) for counts in (HIGH, LOW) * 4] == [QUIET] * 8


def test_a_reference_too_short_to_know_what_is_usual_is_judged_by_its_design_effect(
    numeric_column: Callable[..., ColumnProfile],
) -> None:
    """Where rows are known to depend on each other and the training is short, a gross move must be beyond that."""
    independent, dependent = (calibrated(numeric_column, [CLEAN] * 5, deff) for deff in (1.0, 60.0))
    for baseline, expected in ((independent, {Channel.LOCATION}), (dependent, set())):
        rule = GrossRule(GrossSettings(psi=9))
        assert [observe(rule, baseline, HIGH)[0] for _ in range(4)][-1] == expected


def test_missing_values_do_not_switch_the_rule_off(baseline: Baseline) -> None:
    """A window has enough observations if 200 events looked at the column, whether or not they had a value."""
    rule = GrossRule(GrossSettings(psi=9, rate=0.9))
    assert [observe(rule, baseline, HIGH, missing=100)[0] for _ in range(3)][-1] == {Channel.LOCATION}
    few = [3] * 10 + [13] * 10
    rule = GrossRule(GrossSettings(psi=9, rate=0.9))
    assert [observe(rule, baseline, few, missing=60)[0] for _ in range(3)][-1] == {Channel.LOCATION}
