"""Settings of incidents that change between two windows: each holds for the windows that start under it."""

import json
from collections.abc import Mapping

import pytest
from incident_verdicts import AMOUNT, COUNTRY, FRAUD, MINUTE, START, alarm, column, quiet, verdict, words

from driftd.incidents.settings import IncidentSettings
from driftd.incidents.stage import IncidentStage
from driftd.values.keys import MonitorKey
from driftd.values.verdict import MonitorState


def stage_of(changes: Mapping[int, Mapping[str, str]]) -> IncidentStage:
    """A stage with these settings in force from each minute on; the first from minute 0."""
    settings = {START + minute * MINUTE: IncidentSettings.model_validate(given) for minute, given in changes.items()}
    return IncidentStage(lambda _, at_ms: settings[max(start for start in settings if start <= at_ms)], MINUTE)


def restarted(stage: IncidentStage, changes: Mapping[int, Mapping[str, str]]) -> IncidentStage:
    """A stage that takes up another one's memory from JSON."""
    other = stage_of(changes)
    other.restore({key: json.loads(json.dumps(state)) for key, state in stage.to_state().items()})
    return other


@pytest.mark.parametrize("restart_at", [None, 5, 20, 30])
def test_a_shorter_hold_lets_columns_go_from_its_window_on(restart_at: int | None) -> None:
    """An incident that has been quiet for long enough by the new setting ends with the first window under it."""
    changes = {0: {"hold": "1h"}, 30: {"hold": "15m"}}
    stage = stage_of(changes)
    alarm(stage, 0, AMOUNT)
    ended = []
    for minute in range(1, 40):
        if minute == restart_at:
            stage = restarted(stage, changes)
        ended += [(minute, word) for word in words(quiet(stage, range(minute, minute + 1), AMOUNT))]
    assert [(30, "resolved")] == ended


def test_a_longer_hold_keeps_what_has_not_left_yet() -> None:
    """The incident would have ended an hour after its last word; it now lasts two."""
    stage = stage_of({0: {"hold": "1h"}, 59: {"hold": "2h"}})
    alarm(stage, 0, AMOUNT)
    ended = [m for m in range(1, 130) if stage.observe(verdict(m, [column(AMOUNT)]))]
    assert [120] == ended


def test_what_joins_follows_from_the_settings_of_the_window_that_alarms() -> None:
    """Forty minutes after a page a column joins it where an hour is set, and pages itself where half an hour is."""
    for changes, expected in (({0: {}}, "updated"), ({0: {}, 40: {"join": "30m"}}, "firing")):
        stage = stage_of(changes)
        alarm(stage, 0, AMOUNT)
        quiet(stage, range(1, 40), AMOUNT, COUNTRY)
        assert [expected] == words(alarm(stage, 40, COUNTRY))


def test_a_version_is_silent_by_the_settings_of_the_window_that_finds_it_so() -> None:
    """Its incidents end as superseded once another version's window under the new setting finds it silent."""
    stage = stage_of({0: {}, 30: {"silence": "20m"}})
    alarm(stage, 0, AMOUNT)
    other = MonitorKey(FRAUD.model, "4")
    assert [] == quiet(stage, range(1, 30), AMOUNT, monitor=other)
    assert ["superseded"] == words(quiet(stage, range(30, 31), AMOUNT, monitor=other))


def test_states_follow_from_the_settings_in_force_where_event_time_has_come_to() -> None:
    """Half an hour without windows is no silence by the old settings, and is by the new ones."""
    stage = stage_of({0: {}, 31: {"silence": "20m"}})
    quiet(stage, range(1), AMOUNT)
    states = [stage.states(FRAUD, START + minute * MINUTE).monitor for minute in (30, 31)]
    assert [MonitorState.OK, MonitorState.NO_DATA] == states
