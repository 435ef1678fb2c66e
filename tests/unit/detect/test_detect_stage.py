"""The detect stage: what is paged, and on what a verdict depends."""

import json
from collections.abc import Sequence

import numpy as np
import pytest
from closed_windows import MONITOR, closed, profile
from hypothesis import given, settings
from hypothesis import strategies as st

from driftd.detect.settings import DetectorSettings, DetectSettings, parse_page_rule
from driftd.detect.stage import DetectStage
from driftd.errors import ProfileError, SnapshotError
from driftd.values.closed import ClosedWindow, ColumnSums
from driftd.values.keys import Channel, ColumnKey, MonitorKey, Role
from driftd.values.paging import Paging
from driftd.values.part import UnseenCategory
from driftd.values.verdict import Detection, WindowVerdict
from driftd.values.windows import Window


def stage(*page_on: str, detectors: DetectorSettings | None = None, columns: int = 2) -> DetectStage:
    """Make a stage with these page rules for every model."""
    rules = tuple(parse_page_rule(text) for text in page_on)
    profiles = {name: profile(columns, name) for name in ("r1", "r2")}
    chosen = DetectSettings() if detectors is None else DetectSettings(detectors=detectors)
    return DetectStage(lambda _: chosen, lambda *_: Paging(rules), profiles.get)


def copied(one: DetectStage, other: DetectStage) -> DetectStage:
    """Restore ``other`` from the JSON that ``one`` is written as."""
    other.restore({key: json.loads(json.dumps(state, allow_nan=False)) for key, state in one.to_state().items()})
    return other


def alarms(verdicts: Sequence[WindowVerdict], column: int = 0) -> list[tuple[int, str]]:
    """List the alarms of one column with the number of their window."""
    return [(n, rule) for n, verdict in enumerate(verdicts) for rule in verdict.columns[column].alarms]


def test_a_shift_pages_with_the_column_and_the_onset() -> None:
    """One drifted column of two pages; the other stays silent; the effect says since when."""
    watching = stage("adwin", "gross")
    verdicts = [watching.observe(closed(n, (1.0 if n >= 10 else 0.0, 0.0))) for n in range(20)]
    assert [rule for _, rule in alarms(verdicts)] == ["adwin"]
    assert {"adwin", "gross"} == {rule for verdict in verdicts for rule in verdict.columns[0].speaking}
    assert alarms(verdicts, column=1) == []
    first = alarms(verdicts)[0][0]
    effect = verdicts[first].columns[0].effect
    assert first in {10, 11}
    assert effect is not None
    assert (effect.channel, effect.direction, effect.onset_ms) == (Channel.LOCATION, "up", 600_000)
    assert effect.after["quantiles"]["0.5"] - effect.before["quantiles"]["0.5"] == pytest.approx(1.0, abs=0.25)


def test_a_return_to_normal_is_detected_and_does_not_page() -> None:
    """ADWIN alarms when the drift ends as well: a detection, not an alarm. A second drift pages again."""
    watching = stage("adwin")
    shifts = [0.0] * 10 + [1.0] * 20 + [0.5] + [0.0] * 30 + [1.0] * 10
    verdicts = [watching.observe(closed(n, (shift,))) for n, shift in enumerate(shifts)]
    told = [n for n, v in enumerate(verdicts) if Detection(Channel.LOCATION, "adwin") in v.columns[0].detections]
    paged = [n for n, _ in alarms(verdicts)]
    assert any(30 <= n < 40 for n in told)
    drifted = (range(10, 14), range(61, 65))  # location first, scale a little later
    assert all(any(n in span for span in drifted) for n in paged)
    assert all(any(n in span for n in paged) for span in drifted)


@pytest.mark.parametrize("shift", [0.25, 0.5, 1.0, 2.0])
def test_a_drift_that_lasts_alarms_once(shift: float) -> None:
    """Neither another channel nor a slower rule pages the same drift again, however long it lasts."""
    for column in range(5):
        watching = stage("adwin", "page_hinkley", "gross", "psi>0.2", columns=5)
        shifts = [[shift if n >= 10 and i == column else 0.0 for i in range(5)] for n in range(120)]
        verdicts = [watching.observe(closed(n, levels)) for n, levels in enumerate(shifts)]
        numbers = [number for number, _ in alarms(verdicts, column)]
        assert 10 <= min(numbers)
        assert max(numbers) < min(numbers) + 12  # those of the first 12 windows join the page


def test_a_level_crossed_to_and_fro_alarms_once_until_the_drift_has_ended() -> None:
    """While a drift goes on a level that is left and reached again is no news; after 12 calm windows it is."""
    watching = stage("gross")
    away, near, normal = 0.62, 0.35, 0.0
    shifts = [normal] * 5 + ([away] * 6 + [near] * 4) * 4 + [normal] * 15 + [away] * 6
    verdicts = [watching.observe(closed(n, (shift,))) for n, shift in enumerate(shifts)]
    assert 2 == len(alarms(verdicts))
    assert len(shifts) - 6 <= alarms(verdicts)[1][0]


def test_a_column_that_jumps_twice_pages_twice() -> None:
    """A second step away from the reference is a page of its own."""
    watching = stage("adwin")
    verdicts = [watching.observe(closed(n, ((n >= 10) * 0.7 + (n >= 40) * 0.8,))) for n in range(50)]
    assert {n // 10 for n, _ in alarms(verdicts)} == {1, 4}


def test_a_level_alarms_when_it_rises_and_speaks_while_it_holds() -> None:
    """psi>0.2 and gross are levels: one alarm each, and silence only after they end."""
    watching = stage("gross", "psi>0.5")
    verdicts = [watching.observe(closed(n, (1.0 if 3 <= n < 9 else 0.0,))) for n in range(12)]
    assert alarms(verdicts) == [(3, "psi>0.5"), (5, "gross")]
    speaking = [verdict.columns[0].speaking for verdict in verdicts]
    both, psi = ("gross", "psi>0.5"), ("psi>0.5",)
    assert speaking == [(), (), (), psi, psi, both, both, both, both, (), (), ()]
    assert Detection(Channel.SHAPE, "psi>0.5") in verdicts[3].columns[0].detections
    assert Detection(Channel.LOCATION, "gross") in verdicts[5].columns[0].detections


def test_what_does_not_page_is_still_a_detection() -> None:
    """``page_on`` chooses what calls, not what is seen."""
    watching = stage("gross")
    verdicts = [watching.observe(closed(n, (0.5 if n >= 5 else 0.0,))) for n in range(10)]
    told = {d.detector for verdict in verdicts for d in verdict.columns[0].detections}
    assert {"adwin", "page_hinkley"} <= told
    assert alarms(verdicts) == []


def test_a_missing_rate_pages_on_its_own_channel() -> None:
    """Values that go missing are told by rate."""
    watching = stage("adwin")
    verdicts = [watching.observe(closed(n, (0.0,), missing=30 if n >= 5 else 0)) for n in range(9)]
    first = alarms(verdicts)[0][0]
    effect = verdicts[first].columns[0].effect
    assert first in {5, 6}
    assert effect is not None
    assert (effect.channel, effect.before, effect.after) == (Channel.MISSING, {"rate": 0.0}, {"rate": 30 / 230})


def test_a_verdict_carries_the_sums_of_its_column() -> None:
    """Counts, shift, spans and unseen texts, the most frequent first, then by text."""
    run = closed(7, (0.3,)).columns[0]
    unseen = tuple(
        UnseenCategory(0, i, text, events) for i, (text, events) in enumerate((("b", 2), ("c", 9), ("a", 2)))
    )
    window = closed(7, (0.3,))
    given_run = ColumnSums(0, Window(300_000, 480_000), 3, run.sums, unseen)
    verdict = stage().observe(
        ClosedWindow(MONITOR, window.window, "r1", "s", 200, True, (), (given_run,), starved=(1,))
    )
    column = verdict.columns[0]
    assert (verdict.starved, verdict.incomplete) == ((ColumnKey(Role.FEATURE, "x1"),), True)
    assert (column.span, column.windows, column.n, sum(column.counts)) == (Window(300_000, 480_000), 3, 200, 200)
    assert column.unseen_texts == (("c", 9), ("a", 2), ("b", 2))
    ranks = profile().columns[0].midranks
    assert column.shift == pytest.approx(float((np.array(column.counts) * ranks).sum()) / 200 - 0.5)


@given(st.integers(0, 20), st.lists(st.sampled_from([0.0, 0.3, 1.0]), min_size=2, max_size=5))
@settings(max_examples=8, deadline=None)
def test_a_restart_at_any_window_changes_nothing(restart: int, levels: list[float]) -> None:
    """Restored from JSON after any window, the stage gives the same verdicts and the same state."""
    options = DetectorSettings.model_validate({"adwin": {"delta": 0.1}, "hddm_a": {}, "ddm": {}})
    undisturbed = stage("adwin", "gross", "psi>0.2", detectors=options)
    restarted = stage("adwin", "gross", "psi>0.2", detectors=options)
    for number in range(20):
        if number == restart:
            restarted = copied(restarted, stage("adwin", "gross", "psi>0.2", detectors=options))
        window = closed(number, (levels[number // 4 % len(levels)], 0.0), missing=number // 12)
        assert restarted.observe(window) == undisturbed.observe(window)
    assert restarted.to_state() == undisturbed.to_state()


def test_a_verdict_does_not_depend_on_other_monitors() -> None:
    """Monitors may come in any order, and between each other's windows."""
    other = MonitorKey("churn")
    alone, together = stage("adwin"), stage("adwin")
    expected = [alone.observe(closed(n, ((n >= 8) * 0.5, 0.0))) for n in range(15)]
    found = []
    for number in range(15):
        together.observe(closed(number, ((number < 8) * 2.0, 1.0), monitor=other))
        found.append(together.observe(closed(number, ((number >= 8) * 0.5, 0.0))))
    assert found == expected
    assert together.to_state()[MONITOR] == alone.to_state()[MONITOR]


def test_columns_never_share_a_detector() -> None:
    """What one column sees leaves the memory of the others as it was, even where their names are alike."""
    quiet, loud = stage("adwin"), stage("adwin")
    for number in range(12):
        quiet.observe(closed(number, (0.0, 0.0)))
        window, noisy = closed(number, (0.0, 0.0)), closed(number, (0.0, 3.0))
        loud.observe(
            ClosedWindow(
                **{f: getattr(window, f) for f in window.__slots__} | {"columns": (window.columns[0], noisy.columns[1])}
            )
        )
    first, second = "feature:x0", "feature:x1"
    assert loud.to_state()[MONITOR]["columns"][first] == quiet.to_state()[MONITOR]["columns"][first]
    assert loud.to_state()[MONITOR]["columns"][second] != quiet.to_state()[MONITOR]["columns"][second]


def test_a_new_reference_begins_anew() -> None:
    """Against another reference a monitor's memory means nothing."""
    changed, fresh = stage("adwin"), stage("adwin")
    for number in range(5):
        changed.observe(closed(number, (2.0,)))
    window = closed(5, (0.0,), reference_id="r2")
    assert changed.observe(window) == fresh.observe(window)
    assert changed.to_state() == fresh.to_state()


def test_a_forgotten_monitor_leaves_nothing() -> None:
    """Forgetting drops the memory; forgetting what is unknown is harmless."""
    watching = stage("adwin")
    watching.observe(closed(0, (0.0,)))
    watching.forget(MONITOR)
    watching.forget(MonitorKey("never seen"))
    assert watching.to_state() == {}


def test_an_unknown_reference_is_an_error() -> None:
    """A window is never judged against anything but its own reference."""
    with pytest.raises(ProfileError, match="gone"):
        stage("adwin").observe(closed(0, (0.0,), reference_id="gone"))


def test_detectors_with_new_options_begin_anew_the_others_go_on() -> None:
    """After a change of configuration only what it touches loses its memory; what is off is dropped."""
    before = stage("adwin")
    for number in range(3):
        before.observe(closed(number, (0.0,)))
    changed = DetectorSettings.model_validate({"adwin": {"delta": 0.01}, "hddm_w": {}})
    after = copied(before, stage("adwin", detectors=changed))
    after.observe(closed(3, (0.0,), missing=1))
    before.observe(closed(3, (0.0,), missing=1))
    memory, undisturbed = (s.to_state()[MONITOR]["columns"]["feature:x0"]["detectors"] for s in (after, before))
    assert memory["location"]["page_hinkley"] == undisturbed["location"]["page_hinkley"]
    assert (memory["location"]["adwin"]["tick"], undisturbed["location"]["adwin"]["tick"]) == (1_200, 1_800)
    assert "hddm_w" in memory["missing"]


def test_memory_of_another_river_that_does_not_fit_is_refused() -> None:
    """The error names river and what to do."""
    watching = stage("adwin")
    watching.observe(closed(0, (0.0,)))
    state = json.loads(json.dumps(watching.to_state()[MONITOR]))
    del state["columns"]["feature:x0"]["detectors"]["location"]["adwin"]["tick"]
    with pytest.raises(SnapshotError, match=r"river .* driftd state reset"):
        stage("adwin").restore({MONITOR: state})


def test_kswin_draws_by_its_key() -> None:
    """Two runs draw alike, two columns with the same data do not."""
    options = DetectorSettings.model_validate({"adwin": None, "page_hinkley": None, "kswin": {}})
    runs = []
    for _ in range(2):
        watching = stage(detectors=options)
        watching.observe(closed(0, (0.0, 0.0)))
        runs.append(watching.to_state()[MONITOR]["columns"])
    draws = [runs[0][name]["detectors"]["location"]["kswin"]["_rng"] for name in ("feature:x0", "feature:x1")]
    assert runs[0] == runs[1]
    assert draws[0] != draws[1]
