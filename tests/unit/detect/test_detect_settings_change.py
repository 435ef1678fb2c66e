"""Settings that change between two windows: what goes on, what begins anew, and from which window on."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from closed_windows import MONITOR, closed, profile
from hypothesis import given, settings
from hypothesis import strategies as st

from driftd.detect.made_with import made_with
from driftd.detect.river_adapter import DetectorKit
from driftd.detect.settings import DetectorSettings, DetectSettings, parse_page_rule
from driftd.detect.stage import DetectStage
from driftd.values.keys import Channel, MonitorKey
from driftd.values.paging import Paging
from driftd.values.state import State
from driftd.values.verdict import Detection

MINUTE = 60_000
OFF = {"adwin": None, "page_hinkley": None}


def chosen(detectors: Mapping[str, Any] | None = None, **gross: Any) -> DetectSettings:
    """Make settings."""
    return DetectSettings.model_validate({"detectors": detectors or {}, "gross": gross})


def stage(changes: Mapping[int, DetectSettings], page_on: Mapping[int, list[str]] | None = None) -> DetectStage:
    """Make a stage with the settings, and the page rules, in force from each minute on; the first from minute 0."""
    rules = {minute: tuple(map(parse_page_rule, texts)) for minute, texts in (page_on or {0: ["gross"]}).items()}
    return DetectStage(
        lambda start_ms: changes[max(minute for minute in changes if minute * MINUTE <= start_ms)],
        lambda _, start_ms: Paging(rules[max(minute for minute in rules if minute * MINUTE <= start_ms)]),
        {"r1": profile()}.get,
    )


def written(one: DetectStage) -> dict[MonitorKey, State]:
    """Return a stage's memory as a snapshot holds it."""
    return {key: json.loads(json.dumps(state, allow_nan=False)) for key, state in one.to_state().items()}


def ticks(watching: DetectStage, detector: str = "adwin") -> int | None:
    """Return how many values a detector of the first column's location has seen, None if it is not there."""
    memory = watching.to_state()[MONITOR]["columns"]["feature:x0"]["detectors"].get("location", {}).get(detector)
    return None if memory is None else int(memory["tick" if detector == "adwin" else "_x_mean.n"])


def test_a_detector_with_new_options_begins_anew_at_the_first_window_under_them() -> None:
    """It is fed the reference's 1,000 values, then windows of 200; one with the same options goes on."""
    watching = stage({0: chosen(), 3: chosen({"adwin": {"delta": 0.01}})})
    seen = []
    for number in range(5):
        watching.observe(closed(number, (0.0,)))
        seen.append((ticks(watching), ticks(watching, "page_hinkley")))
    assert [(1_200, 1_200), (1_400, 1_400), (1_600, 1_600), (1_200, 1_800), (1_400, 2_000)] == seen


def test_a_detector_that_is_switched_off_is_gone_and_begins_anew_when_it_is_on_again() -> None:
    """What it knew of earlier windows is not taken up later."""
    watching = stage({0: chosen(), 2: chosen({"adwin": None}), 4: chosen()})
    seen = []
    for number in range(5):
        watching.observe(closed(number, (0.0,)))
        seen.append(ticks(watching))
    assert [1_200, 1_400, None, None, 1_200] == seen


def test_what_a_detector_told_goes_with_it() -> None:
    """Where its next stretch began is part of what a detector knows; the others keep theirs."""
    watching = stage({0: chosen(), 6: chosen({"adwin": {"delta": 0.01}})})
    known = []
    for number in range(7):
        watching.observe(closed(number, (float(number in {3, 4}),)))
        known.append(sorted(watching.to_state()[MONITOR]["columns"]["feature:x0"]["since"].get("location", {})))
    assert [["adwin", "page_hinkley"], ["page_hinkley"]] == known[-2:]


def test_a_monitor_takes_settings_on_with_its_own_next_window() -> None:
    """Settings under which it had no window, only another monitor, leave its memory as it was."""
    watching = stage({0: chosen(), 2: chosen({"adwin": {"delta": 0.01}}), 4: chosen()})
    for number in range(2):
        watching.observe(closed(number, (0.0,)))
    for number in range(2, 4):
        watching.observe(closed(number, (0.0,), monitor=MonitorKey("churn")))
    watching.observe(closed(4, (0.0,)))
    assert ticks(watching) == 1_600


def test_what_pages_changes_exactly_with_its_window() -> None:
    """A level that is exceeded all along pages where it is listed from, and no longer where it is not."""
    watching = stage({0: chosen(OFF)}, {0: [], 4: ["psi>0.5"], 7: ["ks>0.1"]})
    verdicts = [watching.observe(closed(number, (1.0,))).columns[0] for number in range(9)]
    assert [(), (), (), (), ("psi>0.5",), (), (), (), ()] == [verdict.alarms for verdict in verdicts]
    expected = [()] * 4 + [("psi>0.5",)] * 3 + [("ks>0.1",)] * 2
    assert expected == [verdict.speaking for verdict in verdicts]


def test_a_gross_drift_under_way_is_no_news_when_gross_is_listed() -> None:
    """It was told when it began, as a detection; listed later it speaks, and does not page."""
    watching = stage({0: chosen(OFF)}, {0: [], 6: ["gross"]})
    verdicts = [watching.observe(closed(number, (1.0,))).columns[0] for number in range(9)]
    assert [2] == [
        n for n, verdict in enumerate(verdicts) if Detection(Channel.LOCATION, "gross") in verdict.detections
    ]
    assert [] == [verdict.alarms for verdict in verdicts if verdict.alarms]
    assert [6, 7, 8] == [number for number, verdict in enumerate(verdicts) if "gross" in verdict.speaking]


@pytest.mark.parametrize("restart", [False, True])
def test_a_gross_drift_under_way_is_told_when_fewer_windows_are_asked_for(restart: bool) -> None:  # noqa: FBT001
    """Four windows running were too few for six; the fifth is enough for three, and alarms."""
    watching = stage({0: chosen(OFF, windows=6), 4: chosen(OFF, windows=3)})
    verdicts = [watching.observe(closed(number, (1.0,))) for number in range(4)]
    if restart:
        memory = written(watching)
        watching = stage({0: chosen(OFF, windows=6), 4: chosen(OFF, windows=3)})
        watching.restore(memory)
    verdicts += [watching.observe(closed(number, (1.0,))) for number in range(4, 6)]
    assert [(), (), (), (), ("gross",), ()] == [verdict.columns[0].alarms for verdict in verdicts]


def test_a_column_without_a_window_under_its_settings_survives_a_restart() -> None:
    """What was gross by one window running is no news by two, also if the process ends before the column is judged."""
    before, after = chosen(OFF, windows=1), chosen(OFF, windows=2)
    watching = stage({0: before, 1: after})
    alarms = [watching.observe(closed(0, (0.0, 1.0))).columns[1].alarms]
    watching.observe(closed(1, (0.0,)))
    restarted = stage({0: after})
    restarted.restore(written(watching))
    alarms += [restarted.observe(closed(number, (0.0, 1.0))).columns[1].alarms for number in range(2, 5)]
    assert [("gross",), (), (), ()] == alarms
    assert () == watching.observe(closed(2, (0.0, 1.0))).columns[1].alarms


def test_a_gross_drift_that_was_told_is_not_told_again_under_other_levels() -> None:
    """Settings that ask for more windows, or less of a move, are no news of the drift that goes on."""
    watching = stage({0: chosen(OFF), 5: chosen(OFF, windows=5), 12: chosen(OFF, shift=0.1)})
    verdicts = [watching.observe(closed(number, (1.0,))).columns[0] for number in range(20)]
    assert [2] == [number for number, verdict in enumerate(verdicts) if verdict.alarms]


def test_memory_that_the_first_release_wrote_goes_on() -> None:
    """It wrote the runs of the rule for gross drift alone: what is off already is not told again."""
    before, after = stage({0: chosen(OFF)}), stage({0: chosen(OFF)})
    for number in range(4):
        before.observe(closed(number, (1.0,)))
    memory = written(before)
    for column in memory[MONITOR]["columns"].values():
        column["gross"] = column["gross"]["runs"]
    after.restore(memory)
    assert written(before) == written(after)
    window = closed(4, (1.0,))
    assert before.observe(window) == after.observe(window)


CHOICES = (
    chosen({"adwin": {"delta": 0.3, "clock": 8}, "hddm_a": {}}, windows=4),
    chosen({"adwin": {"delta": 0.3, "clock": 8}, "page_hinkley": None, "ddm": {}}, windows=1, shift=0.05),
    chosen({"adwin": None, "page_hinkley": {"threshold": 3}, "hddm_a": {}}, windows=2, min_observations=1),
)
RULES = ["adwin", "page_hinkley", "gross", "psi>0.3"]
plans = st.lists(
    st.tuples(
        st.integers(0, 2),  # the settings in force
        st.sampled_from([(0.0, 0.0), (0.6, 0.0), (0.6,), (1.2, 0.3), ()]),  # the columns judged, and their shifts
        st.booleans(),  # whether the process is started anew before
        st.booleans(),  # whether the monitor has a window at all
    ),
    min_size=6,
    max_size=14,
)


@given(plans)
@settings(max_examples=15, deadline=None)
def test_each_window_is_judged_as_by_a_stage_that_knows_no_other_settings(
    plan: list[tuple[int, tuple[float, ...], bool, bool]],
) -> None:
    """The oracle hands a monitor's memory from one stage of fixed settings to the next; restarts change nothing."""
    changes = {number: CHOICES[choice] for number, (choice, *_) in enumerate(plan)}
    page_on = {0: RULES}
    watching = stage(changes, page_on)
    fixed = [stage({0: choice}, page_on) for choice in CHOICES]
    memory: dict[MonitorKey, State] = {}
    for number, (choice, shifts, restart, has_window) in enumerate(plan):
        if restart:
            kept = written(watching)
            watching = stage(changes, page_on)
            watching.restore(kept)
        if not has_window:
            continue
        window = closed(number, shifts, missing=number // 5)
        fixed[choice].restore(memory)
        assert fixed[choice].observe(window) == watching.observe(window)
        memory = written(fixed[choice])
        assert memory == written(watching)


def test_options_that_this_release_does_not_know_count_as_off() -> None:
    """Such a detector begins anew; one that lacks an option had its default."""
    signature = {"adwin": {"delta": 0.1}, "page_hinkley": {"wisdom": 1}, "oracle": {}, "ddm": {"warm_start": 0}}
    expected = DetectorSettings.model_validate({"adwin": {"delta": 0.1}, "page_hinkley": None})
    assert expected == made_with(signature)


def test_a_signature_names_the_settings_it_was_made_from() -> None:
    """Also an infinite threshold, for which JSON has no number: its memory survives a restart."""
    detectors = chosen({"page_hinkley": {"threshold": np.inf}, "kswin": {}, "adwin": None}).detectors
    signature = json.loads(json.dumps(DetectorKit(detectors).signature(), allow_nan=False))
    assert detectors == made_with(signature)


def test_a_rate_that_no_detector_watches_any_more_is_asleep_again() -> None:
    """Its detectors are made anew at the first window in which it is not 0, as after a restart."""
    changed = {0: chosen({"page_hinkley": None}), 2: chosen({"adwin": {"delta": 0.01}, "page_hinkley": None})}
    watching = stage(changed)
    for number in range(3):
        watching.observe(closed(number, (0.0,), missing=20 * (number == 1)))
    memory = watching.to_state()[MONITOR]["columns"]["feature:x0"]
    assert {"location", "scale"} == set(memory["detectors"])
    spoken = watching.observe(closed(3, (0.0,), missing=60)).columns[0].detections
    assert Detection(Channel.MISSING, "adwin") in spoken
