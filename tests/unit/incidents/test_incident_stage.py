import pytest
from incident_verdicts import (
    AGE,
    AMOUNT,
    COUNTRY,
    FRAUD,
    HOUR,
    MINUTE,
    START,
    alarm,
    column,
    effect,
    quiet,
    stage_of,
    suspects,
    verdict,
    words,
)

from driftd.incidents.settings import IncidentSettings
from driftd.values.keys import MonitorKey

NEXT = MonitorKey("fraud", "4")


def test_alarm_from_quiet_fires_one_incident_with_all_alarmed_columns() -> None:
    """A window with alarms opens one incident, however many columns alarm in it."""
    stage = stage_of()
    events = alarm(stage, 0, AMOUNT, COUNTRY)
    assert words(events) == ["firing"]
    assert suspects(events[0]) == ["amount", "country"]


def test_window_without_alarms_says_nothing() -> None:
    """Detections and levels that do not call for a page open no incident."""
    stage = stage_of()
    assert stage.observe(verdict(0, [column(AMOUNT, detected=True), column(AGE, level=True)])) == []
    assert stage.incidents(FRAUD, START + MINUTE) == ()


def test_column_joins_within_the_join_time_without_a_new_page() -> None:
    """A further column that alarms an hour after the page at the latest updates its incident."""
    stage = stage_of()
    (fired,) = alarm(stage, 0, AMOUNT)
    assert quiet(stage, range(1, 60), AMOUNT, COUNTRY) == []
    (updated,) = stage.observe(verdict(60, [column(AMOUNT, level=True), column(COUNTRY, alarm=True)]))
    assert words([updated]) == ["updated"]
    assert updated.body["data"]["incident"] == fired.body["data"]["incident"]
    assert suspects(updated) == ["amount", "country"]


def test_alarm_after_the_join_time_is_a_new_linked_incident() -> None:
    """After the join time an alarm pages anew and names the newest incident that was open."""
    stage = stage_of()
    (first,) = alarm(stage, 0, AMOUNT)
    for minute in range(1, 61):
        assert stage.observe(verdict(minute, [column(AMOUNT, level=True)])) == []
    (second,) = stage.observe(verdict(61, [column(AMOUNT, level=True), column(COUNTRY, alarm=True)]))
    assert words([second]) == ["firing"]
    assert suspects(second) == ["country"]
    assert second.body["data"]["previous"] == first.body["data"]["incident"]
    assert first.body["data"]["previous"] is None
    assert len(stage.incidents(FRAUD, START + 62 * MINUTE)) == 2


def test_column_that_alarms_again_leaves_its_older_incident() -> None:
    """A column in an open incident that alarms after the join time becomes a suspect of the new one only."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT, COUNTRY)
    for minute in range(1, 61):
        stage.observe(verdict(minute, [column(AMOUNT, level=True), column(COUNTRY, level=True)]))
    fired, updated = stage.observe(verdict(61, [column(AMOUNT, alarm=True), column(COUNTRY, level=True)]))
    assert words([fired, updated]) == ["firing", "updated"]
    assert suspects(fired) == ["amount"]
    assert suspects(updated) == ["country"]


def test_incident_whose_only_column_moves_to_a_new_one_is_resolved() -> None:
    """An incident that loses its last column to a newer one ends, and still names that column."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    for minute in range(1, 61):
        stage.observe(verdict(minute, [column(AMOUNT, level=True)]))
    events = alarm(stage, 61, AMOUNT)
    assert words(events) == ["firing", "resolved"]
    assert suspects(events[1]) == ["amount"]


def test_repeated_alarm_within_the_join_time_says_nothing_new() -> None:
    """An alarm of a column that is already in the incident is no news while others may join."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    assert alarm(stage, 30, AMOUNT) == []


def test_incident_resolves_after_an_hour_without_a_word() -> None:
    """An incident resolves at the window that ends an hour after something last spoke, and not before."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    assert quiet(stage, range(1, 60), AMOUNT) == []
    (event,) = quiet(stage, range(60, 61), AMOUNT)
    assert words([event]) == ["resolved"]
    assert suspects(event) == ["amount"]
    assert event.time_ms == START + 61 * MINUTE


def test_level_that_still_holds_keeps_the_incident_open() -> None:
    """A column stays in its incident while anything that may page speaks about it, alarm or not."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    for minute in range(1, 200):
        assert stage.observe(verdict(minute, [column(AMOUNT, level=True)])) == []
    assert stage.incidents(FRAUD, START + 200 * MINUTE)[0].state == "firing"


def test_detection_that_does_not_page_does_not_keep_the_incident_open() -> None:
    """Only what may page holds a column in its incident."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    events = [e for m in range(1, 61) for e in stage.observe(verdict(m, [column(AMOUNT, detected=True)]))]
    assert words(events) == ["resolved"]


def test_column_leaves_while_others_stay() -> None:
    """A column nothing speaks about for an hour leaves an incident that goes on."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT, COUNTRY)
    events = [e for m in range(1, 61) for e in stage.observe(verdict(m, [column(AMOUNT, level=True), column(COUNTRY)]))]
    assert words(events) == ["updated"]
    assert suspects(events[0]) == ["amount"]


def test_no_data_resolves_nothing() -> None:
    """However much event time passes without windows, twelve judged ones must be quiet first."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    assert quiet(stage, range(600, 611), AMOUNT) == []
    assert words(quiet(stage, range(611, 612), AMOUNT)) == ["resolved"]


def test_window_that_does_not_judge_a_column_is_not_silence() -> None:
    """Windows in which a column has too few observations do not count towards its leaving."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    for minute in range(1, 300):
        assert stage.observe(verdict(minute, starved=(AMOUNT,))) == []


def test_carried_windows_count_as_windows() -> None:
    """A verdict over several carried windows counts as many towards twelve."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    assert stage.observe(verdict(40, [column(AMOUNT, windows=6)])) == []
    assert words(stage.observe(verdict(80, [column(AMOUNT, windows=6)]))) == ["resolved"]


def test_join_lasts_at_least_twelve_windows() -> None:
    """Where windows are long against the join time, columns may join for twelve windows."""
    stage = stage_of(IncidentSettings.model_validate({"join": "1m", "hold": "10h"}))
    alarm(stage, 0, AMOUNT)
    quiet(stage, range(1, 12), AMOUNT)
    assert words(alarm(stage, 12, COUNTRY)) == ["updated"]
    assert words(alarm(stage, 13, AGE)) == ["firing"]


def test_hold_lasts_at_least_twelve_windows() -> None:
    """Where windows are long against the hold, a column stays for twelve quiet windows."""
    stage = stage_of(IncidentSettings.model_validate({"hold": "1m"}))
    alarm(stage, 0, AMOUNT)
    assert quiet(stage, range(1, 12), AMOUNT) == []
    assert words(quiet(stage, range(12, 13), AMOUNT)) == ["resolved"]


def test_alarm_after_resolution_is_a_new_incident_without_previous() -> None:
    """An incident that has ended is no predecessor."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    quiet(stage, range(1, 62), AMOUNT)
    (event,) = alarm(stage, 62, AMOUNT)
    assert words([event]) == ["firing"]
    assert event.body["data"]["previous"] is None


def test_monitors_do_not_share_incidents() -> None:
    """An alarm of another model or segment opens an incident of its own."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    other = MonitorKey("fraud", "3", "eu")
    (event,) = alarm(stage, 1, COUNTRY, monitor=other)
    assert words([event]) == ["firing"]
    assert event.monitor == other


def test_incident_of_a_version_without_traffic_is_superseded_by_another_version() -> None:
    """An hour after its last window an incident ends as superseded if another version has windows."""
    stage = stage_of()
    (fired,) = alarm(stage, 0, AMOUNT)
    assert quiet(stage, range(1, 61), AMOUNT, monitor=NEXT) == []
    (event,) = quiet(stage, range(61, 62), AMOUNT, monitor=NEXT)
    assert words([event]) == ["superseded"]
    assert event.monitor == FRAUD
    assert event.body["data"]["incident"] == fired.body["data"]["incident"]
    assert event.body["data"]["window"] == fired.body["data"]["window"]
    assert event.time_ms == START + 62 * MINUTE


def test_version_with_traffic_is_not_superseded() -> None:
    """Two live versions, a canary for one, leave each other's incidents alone."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    for minute in range(1, 150):
        assert stage.observe(verdict(minute, [column(AMOUNT, level=True)])) == []
        assert quiet(stage, range(minute, minute + 1), AMOUNT, monitor=NEXT) == []


def test_sparse_segment_is_not_superseded_while_its_version_has_traffic() -> None:
    """A version's traffic has ended only when none of its segments has windows."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT, monitor=MonitorKey("fraud", "3", "eu"))
    for minute in range(1, 150):
        assert quiet(stage, range(minute, minute + 1), AMOUNT) == []
        assert quiet(stage, range(minute, minute + 1), AMOUNT, monitor=NEXT) == []


@pytest.mark.parametrize("other", [MonitorKey("churn", "4"), MonitorKey("fraud", "3", "eu")])
def test_only_another_version_of_the_same_model_supersedes(other: MonitorKey) -> None:
    """Windows of another model, or of another segment of the version, end no incident."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    assert quiet(stage, range(1, 200), AMOUNT, monitor=other) == []


def test_silence_lasts_at_least_twelve_windows() -> None:
    """With windows of an hour a version is given twelve hours."""
    stage = stage_of(window_ms=HOUR)
    alarm(stage, 0, AMOUNT)
    assert quiet(stage, range(720, 721), AMOUNT, monitor=NEXT) == []
    assert words(quiet(stage, range(721, 722), AMOUNT, monitor=NEXT)) == ["superseded"]


def test_new_reference_supersedes_what_was_said_against_the_old_one() -> None:
    """An incident cannot be followed against a reference that is no longer in force."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    events = stage.observe(verdict(1, [column(AMOUNT, alarm=True)], reference_id="r2"))
    assert words(events) == ["superseded", "firing"]
    assert [event.body["data"]["reference_id"] for event in events] == ["r1", "r2"]


def test_ended_incidents_are_shown_for_an_hour_of_event_time() -> None:
    """An ended incident is listed until an hour after its end, and forgotten then."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    quiet(stage, range(1, 61), AMOUNT)
    end = START + 61 * MINUTE
    (ended,) = stage.incidents(FRAUD, end + HOUR - 1)
    assert (ended.state, ended.ended_ms) == ("resolved", end)
    assert stage.incidents(FRAUD, end + HOUR) == ()
    quiet(stage, range(61, 121), AMOUNT)
    assert stage.to_state()[FRAUD]["ended"] == []


def test_incidents_are_listed_newest_first() -> None:
    """The newest incident stands first."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    for minute in range(1, 100):
        stage.observe(verdict(minute, [column(AMOUNT, level=True)]))
    alarm(stage, 100, COUNTRY)
    listed = stage.incidents(FRAUD, START + 101 * MINUTE)
    assert [incident.opened_ms for incident in listed] == [START + 101 * MINUTE, START + MINUTE]


def test_effect_grows_while_others_may_join() -> None:
    """The window that paged may have seen part of the change only: the strongest within the join time counts."""
    stage = stage_of()
    stage.observe(verdict(0, [column(AMOUNT, alarm=True, of=effect(0.1))]))
    for minute, size in ((1, 0.3), (2, 0.2)):
        stage.observe(verdict(minute, [column(AMOUNT, level=True, of=effect(size))]))
    (incident,) = stage.incidents(FRAUD, START + 3 * MINUTE)
    assert incident.suspects[0].effect.size == 0.3


def test_effect_stands_after_the_join_time() -> None:
    """After the join time an incident says what it paged for, whatever comes later."""
    stage = stage_of(IncidentSettings.model_validate({"join": "12m"}))
    stage.observe(verdict(0, [column(AMOUNT, alarm=True, of=effect(0.1))]))
    for minute in range(1, 13):
        stage.observe(verdict(minute, [column(AMOUNT, level=True, of=effect(0.1))]))
    stage.observe(verdict(13, [column(AMOUNT, level=True, of=effect(0.4))]))
    (incident,) = stage.incidents(FRAUD, START + 14 * MINUTE)
    assert incident.suspects[0].effect.size == 0.1


def test_settings_are_each_models_own() -> None:
    """A model's incidents follow that model's settings."""
    stage = stage_of()
    short = IncidentSettings.model_validate({"hold": "1m"})
    stage._settings_of = lambda model, _: short if model == "fraud" else IncidentSettings()
    other = MonitorKey("churn")
    alarm(stage, 0, AMOUNT)
    alarm(stage, 0, AMOUNT, monitor=other)
    assert words(quiet(stage, range(1, 13), AMOUNT)) == ["resolved"]
    assert quiet(stage, range(1, 13), AMOUNT, monitor=other) == []


def test_stage_knows_its_monitors_and_their_references() -> None:
    """Every monitor that had a window is known, with the reference of its newest one."""
    stage = stage_of()
    quiet(stage, range(1), AMOUNT, monitor=NEXT)
    stage.observe(verdict(0, reference_id="r1"))
    stage.observe(verdict(1, reference_id="r2"))
    assert {monitor: stage.reference_id(monitor) for monitor in stage.monitors} == {FRAUD: "r2", NEXT: "r1"}
