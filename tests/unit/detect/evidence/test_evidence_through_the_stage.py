"""What a verdict by evidence does not depend on: a feature's unit, the order of columns, other monitors."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from driftd.detect.settings import DetectorSettings, DetectSettings, parse_page_rule
from driftd.detect.stage import DetectStage
from driftd.references.blocks import BlockRule
from driftd.references.build import build_profile
from driftd.references.profile import ColumnProfile, Floats, Ints, Profile
from driftd.references.rows import Row
from driftd.values.closed import ClosedWindow, ColumnSums
from driftd.values.keys import ColumnKey, MonitorKey, Role
from driftd.values.paging import Paging
from driftd.values.verdict import WindowVerdict
from evidence_world import minute

MONITOR = MonitorKey("m")
ROWS, WINDOWS, DRIFT = 200, 40, 6
Data = Mapping[str, Floats]  # of a name's values: (windows, rows)
NO_RIVER = DetectSettings(detectors=DetectorSettings.model_validate({"adwin": None, "page_hinkley": None}))


def data(seed: int, windows: int, shift: float = 0.0) -> Data:
    """Draw four columns, one of them with ties; b and d move by ``shift`` standard deviations in window DRIFT."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=(windows, ROWS)) for name in "abcd"}
    values["c"] = np.round(values["c"] * 2) / 2
    for name, size in (("b", shift), ("d", -shift / 2)):
        values[name][DRIFT:] += size
    return values


def profile_of(training: Data) -> Profile:
    """Build the profile of training rows in time order."""
    names = list(training)
    columns = [training[name].ravel().tolist() for name in names]
    rows = [
        Row(dict(zip(names, values, strict=True)), time_ms=300 * at)
        for at, values in enumerate(zip(*columns, strict=True))
    ]
    return build_profile(lambda: rows, model="m", blocks=BlockRule(rows=ROWS))


def sums(column: ColumnProfile, values: Floats) -> Ints:
    """Sum a window of one column."""
    fine = np.bincount(np.searchsorted(column.edges, values, side="right"), minlength=column.fine_bins)
    return np.concatenate(([len(values), 0, 0, 0], fine)).astype(np.int64)


def closed(profile: Profile, serving: Data, number: int, monitor: MonitorKey = MONITOR) -> ClosedWindow:
    """Close a window."""
    runs = tuple(
        ColumnSums(at, minute(number), 1, sums(column, serving[column.key.name][number]))
        for at, column in enumerate(profile.columns)
    )
    return ClosedWindow(
        monitor, minute(number), profile.reference_id, "s", ROWS, incomplete=False, sources=(), columns=runs
    )


def stage(profile: Profile, importances: Mapping[str, float] | None = None) -> DetectStage:
    """Make a stage in which evidence pages, without river's detectors."""
    paging = Paging((parse_page_rule("evidence"),), importances=importances or {})
    return DetectStage(lambda _: NO_RIVER, lambda *_: paging, {profile.reference_id: profile}.get)


def verdicts(training: Data, serving: Data) -> list[WindowVerdict]:
    """Judge the windows of some data."""
    profile = profile_of(training)
    judging = stage(profile)
    return [judging.observe(closed(profile, serving, number)) for number in range(WINDOWS)]


def told(found: list[WindowVerdict]) -> list[Any]:
    """Return all of the verdicts that is not in a feature's own unit, by name."""
    return [
        (
            verdict.evidence,
            verdict.threshold,
            {
                column.key.name: (
                    *(column.counts, column.distances, column.shift, column.evidence, column.alarms, column.speaking),
                    *(column.recovered, column.detections),
                    column.effect and (column.effect.channel, column.effect.direction, column.effect.size),
                    column.effect and column.effect.onset_ms,
                )
                for column in verdict.columns
            },
        )
        for verdict in found
    ]


@pytest.fixture(scope="module")
def training() -> Data:
    """Fifty windows of training."""
    return data(1, 50)


@pytest.fixture(scope="module")
def serving() -> Data:
    """Forty windows with a drift in two columns."""
    return data(2, WINDOWS, shift=1.0)


@pytest.fixture(scope="module")
def plain(training: Data, serving: Data) -> list[WindowVerdict]:
    """What is said of the data as they are."""
    found = verdicts(training, serving)
    alarms = [(number, column.key.name) for number, v in enumerate(found) for column in v.columns if column.alarms]
    assert DRIFT <= alarms[0][0] <= DRIFT + 2
    assert {"b", "d"} == {name for _, name in alarms}
    return found


@pytest.mark.parametrize(
    "transform",
    [np.exp, np.cbrt, np.arctan, lambda x: x**3 + x, lambda x: 1e-9 * x - 4, lambda x: 1e12 * x + 7, np.arcsinh],
    ids=["exp", "cbrt", "arctan", "cubic", "small", "large", "arcsinh"],
)
def test_a_strictly_increasing_transformation_changes_no_verdict(
    transform: Callable[[Floats], Floats], training: Data, serving: Data, plain: list[WindowVerdict]
) -> None:
    """Applied to training and serving alike, to all columns: the same evidence, to the last bit."""
    moved = ({name: transform(values) for name, values in one.items()} for one in (training, serving))
    assert told(verdicts(*moved)) == told(plain)


def test_the_order_of_columns_in_the_data_changes_no_verdict(
    training: Data, serving: Data, plain: list[WindowVerdict]
) -> None:
    """Neither in training nor in serving does it matter which column comes first."""
    turned = [dict(reversed(list(one.items()))) for one in (training, serving)]
    assert verdicts(*turned) == plain


def test_the_names_of_columns_change_no_verdict(training: Data, serving: Data, plain: list[WindowVerdict]) -> None:
    """Names decide in which order columns are held: each is told the same, up to rounding."""
    names = {"a": "d", "b": "c", "c": "b", "d": "a"}
    renamed = ({names[name]: values for name, values in one.items()} for one in (training, serving))
    for found, expected in zip(verdicts(*renamed), plain, strict=True):
        assert found.evidence == pytest.approx(expected.evidence, abs=1e-9)
        of_name = {column.key.name: column for column in found.columns}
        for column in expected.columns:
            other = of_name[names[column.key.name]]
            assert other.evidence == pytest.approx(column.evidence, abs=1e-9)
            assert (other.alarms, other.recovered) == (column.alarms, column.recovered)


def test_other_models_change_no_verdict(training: Data, serving: Data, plain: list[WindowVerdict]) -> None:
    """Their windows may come between those of a monitor."""
    profile = profile_of(training)
    judging = stage(profile)
    loud = data(3, WINDOWS, shift=-2.0)
    for number, expected in enumerate(plain):
        judging.observe(closed(profile, loud, number, MonitorKey("other")))
        assert judging.observe(closed(profile, serving, number)) == expected


def test_another_monitor_of_the_model_shares_the_budget_and_nothing_else(
    training: Data, serving: Data, plain: list[WindowVerdict]
) -> None:
    """Beside a second segment the threshold is twice what it was; the evidence is the same until a page."""
    profile = profile_of(training)
    judging = stage(profile)
    for number, alone in enumerate(plain[:DRIFT]):
        judging.observe(closed(profile, serving, number, MonitorKey("m", segment="b")))
        found = judging.observe(closed(profile, serving, number))
        assert found.evidence == alone.evidence
        assert alone.threshold is not None
        assert found.threshold == pytest.approx(alone.threshold + math.log10(2))


def test_the_budget_spent_on_a_column_speeds_it_up(training: Data, serving: Data, plain: list[WindowVerdict]) -> None:
    """An important column's evidence weighs more in the monitor's, its own is all but what it was."""
    profile = profile_of(training)
    judging = stage(profile, {"b": 50.0})
    found = [judging.observe(closed(profile, serving, number)) for number in range(DRIFT + 1)][-1]
    expected = plain[DRIFT]
    at = profile.index[ColumnKey(Role.FEATURE, "b")]
    assert found.columns[at].evidence == pytest.approx(expected.columns[at].evidence, abs=0.1)
    assert found.evidence is not None
    assert expected.evidence is not None
    assert found.evidence > expected.evidence
