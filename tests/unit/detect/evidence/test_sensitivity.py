"""The smallest shift that would be paged: against plain reckoning, and what it depends on."""

import json
import math

import numpy as np
import pytest

from driftd.detect.evidence import sensitivity
from driftd.detect.evidence.bets import BETS
from driftd.detect.evidence.innovations import Innovations
from driftd.detect.evidence.monitor import CALIBRATED, MonitorEvidence
from driftd.detect.evidence.onsets import FLOOR, NEGLIGIBLE
from driftd.detect.evidence.scores import MEANS, Scores
from driftd.detect.evidence.sensitivity import EVERY, MOST_WINDOWS, Terms, Traffic, smallest_shifts
from driftd.references.dependence import Dependence
from driftd.references.profile import Floats
from driftd.values.keys import Channel, ColumnKey, Role
from driftd.values.verdict import Within
from evidence_world import MINUTE_MS, World, minute

HOUR_MS, DAY_MS = 60 * MINUTE_MS, 24 * 60 * MINUTE_MS
COLUMNS, THRESHOLD = 3, 8_640.0
LOCATION = 0
#: Independent, dependent for some windows, dependent for long.
GAIN, DECAY = np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.5, 0.95])
NO_TOLLS = np.zeros((COLUMNS, len(MEANS), len(BETS)))


@pytest.fixture(scope="module")
def scores() -> Scores:
    """Three columns with a reference of 100 windows of 200 rows."""
    return Scores(World(1, COLUMNS).baselines, 200.0)


def filters(scores: Scores) -> Innovations:
    """Filters of columns with GAIN and DECAY."""
    shape = scores.unit.shape
    dependence = Dependence(*(np.broadcast_to(one[:, None], shape).copy() for one in (GAIN, DECAY)))
    return Innovations(dependence, scores.level_variance * dependence.long_run)


def shifts(scores: Scores, windows: list[int], rows: float = 200.0, wanted: float = 1e6) -> Floats:
    """The smallest shifts within so many windows: (columns, spans)."""
    traffic = Traffic(
        np.full(COLUMNS, rows), scores.nominal[:, LOCATION] / rows, np.tile(np.array(windows), (COLUMNS, 1))
    )
    return smallest_shifts(Terms(scores, filters(scores), NO_TOLLS, np.full(COLUMNS, wanted)), traffic)


def log_evidence(scores: Scores, column: int, shift: float, windows: int) -> float:
    """Follow one column's filter through a shift window by window; the most that its location's bets come to."""
    filtered = filters(scores)
    independent = GAIN[column] == 0
    bets = [bet for bet in BETS.tolist() if independent or bet <= 2]
    won, most = [0.0] * len(bets), [-math.inf] * len(bets)
    y = np.full(scores.unit.shape, (shift - NEGLIGIBLE[LOCATION]) / scores.unit[column, LOCATION])
    for _ in range(windows):
        errors, _ = filtered.step(y, np.ones_like(y), np.ones_like(y, dtype=bool))
        error = min(float(errors[column, LOCATION]), 8.0 if independent else 4.0)
        for at, bet in enumerate(bets):  # the scores are bounded, so sampling costs less than if they were normal
            won[at] += bet * error - bet**2 / 2
            most[at] = max(most[at], won[at])
    starts = [1 + 2 / math.log(2) / bet**2 for bet in bets]
    return math.log(sum(start * math.exp(m) for start, m in zip(starts, most, strict=True)) / len(bets) / 2)


@pytest.mark.parametrize("windows", [1, 6, 60, 300, MOST_WINDOWS])
def test_a_shift_is_the_smallest_with_enough_evidence(scores: Scores, windows: int) -> None:
    """Window by window, bet by bet: a little more is enough, a little less is not; NaN where the most is not enough."""
    for column, shift in enumerate(shifts(scores, [windows])[:, 0].tolist()):
        if math.isnan(shift):
            assert log_evidence(scores, column, 0.475, windows) < math.log(1e6)
            continue
        assert log_evidence(scores, column, 1.01 * shift, windows) >= math.log(1e6)
        if shift > FLOOR[Channel.LOCATION]:
            assert log_evidence(scores, column, 0.99 * shift, windows) < math.log(1e6)


def test_errors_after_a_step_are_those_of_the_filters(scores: Scores) -> None:
    """Also those beyond the windows that are followed, to 1 %: in the mean over each stretch."""
    ends = sensitivity._stretches(MOST_WINDOWS)
    sampling = np.array([0.3, 1.0, 3.0])
    found, _ = sensitivity._step_responses(filters(scores), sampling, ends)
    filtered, errors = filters(scores), []
    y = np.ones_like(scores.unit)
    for _ in range(MOST_WINDOWS):
        error, _ = filtered.step(y, np.broadcast_to(sampling[:, None], y.shape), np.ones_like(y, dtype=bool))
        errors.append(error[:, LOCATION])
    for stretch, (begin, end) in enumerate(zip([0, *ends.tolist()], ends.tolist(), strict=False)):
        np.testing.assert_allclose(found[stretch], np.mean(errors[begin:end], axis=0), rtol=0.01)


def test_more_time_more_rows_and_less_evidence_find_smaller_shifts(scores: Scores) -> None:
    """Never more than the column can move, never less than the significance gate asks for."""
    within = shifts(scores, [10, 30, 100], rows=20.0)
    assert (np.diff(within, axis=1) <= 0).all()
    assert (shifts(scores, [30], rows=40.0) < within[:, 1:2])[:2].all()  # the third is bound by its slow effect
    assert (shifts(scores, [30], rows=20.0, wanted=1e4) < within[:, 1:2]).all()
    assert shifts(scores, [1_000], rows=1e5)[0, 0] == FLOOR[Channel.LOCATION]
    assert np.nanmax(shifts(scores, [1, 2, 3, 5], rows=5.0)) < 0.5


def test_columns_that_depend_on_the_past_need_larger_shifts(scores: Scores) -> None:
    """The more, and the longer, the larger."""
    assert (np.diff(shifts(scores, [60], rows=50.0)[:, 0]) > 0).all()


def test_a_shift_that_no_window_could_show_has_no_figure(scores: Scores) -> None:
    """One window counts for so much at most: a dependent column is not paged by it."""
    found = shifts(scores, [1])[:, 0]
    assert not np.isnan(found[0])
    assert np.isnan(found[1:]).all()


def test_it_is_told_after_calibration_and_kept_for_an_hour_of_windows() -> None:
    """From the first window that the evidence judges; then estimated anew with each 60th."""
    world = World(2, COLUMNS, blocks=CALIBRATED - 1)
    evidence = MonitorEvidence(world.baselines, MINUTE_MS)
    begin, told = None, []
    for number in range(3 * EVERY):
        observed = world.window()
        judged = evidence.observe(observed, minute(number), THRESHOLD, 0)
        if begin is None and not judged.calibrating:
            begin = number
        told.append(evidence.detectable(observed, [10 * MINUTE_MS] * COLUMNS, THRESHOLD))
    assert begin is not None
    changes = [number for number in range(1, len(told)) if told[number] != told[number - 1]]
    assert changes == list(range(begin, len(told), EVERY))
    assert not any(told[:begin])
    assert all(found[Within.DAY] < found[Within.HOUR] for found in told[-1].values())
    assert list(told[-1]) == [ColumnKey(Role.FEATURE, f"x{number}") for number in range(COLUMNS)]


def test_a_column_without_values_and_one_that_cannot_vary_have_no_figure() -> None:
    """Neither is a shift of what never comes, nor one of a constant."""
    world = World(3, COLUMNS)
    evidence = MonitorEvidence(world.baselines, MINUTE_MS)
    observed = [(at, one) for at, one in world.window() if at != 1]
    evidence.observe(observed, minute(0), THRESHOLD, 0)
    found = evidence.detectable(observed, [MINUTE_MS] * len(observed), THRESHOLD)
    assert {key.name for key in found} == {"x0", "x2"}


def test_columns_whose_windows_are_longer_have_fewer_of_them() -> None:
    """A column that waits ten minutes for its rows has six windows in an hour, whatever the others have."""
    world = World(4, COLUMNS)
    evidence = MonitorEvidence(world.baselines, MINUTE_MS)
    observed = world.window()
    evidence.observe(observed, minute(0), THRESHOLD, 0)
    found = evidence.detectable(observed, [MINUTE_MS, 10 * MINUTE_MS, HOUR_MS], THRESHOLD)
    hours = [one[Within.HOUR] for one in found.values()]
    assert hours == sorted(hours)
    assert hours[0] < hours[1] < hours[2]


def test_a_restart_keeps_what_was_told() -> None:
    """And the windows until it is estimated anew."""
    world = World(5, COLUMNS)
    one, other = (MonitorEvidence(world.baselines, MINUTE_MS) for _ in range(2))
    for number in range(EVERY + 5):
        if number == EVERY // 2:
            other = MonitorEvidence(world.baselines, MINUTE_MS)
            other.restore(json.loads(json.dumps(one.to_state())))
        observed = world.window()
        told = []
        for evidence in (one, other):
            evidence.observe(observed, minute(number), THRESHOLD, 0)
            told.append(evidence.detectable(observed, [MINUTE_MS] * COLUMNS, THRESHOLD))
        assert told[0] == told[1]
    assert json.dumps(one.to_state()) == json.dumps(other.to_state())


def test_the_spans_are_what_their_names_say() -> None:
    """An hour and a day."""
    assert {within.value: within.span_ms for within in Within} == {"1h": HOUR_MS, "24h": DAY_MS}
