"""A monitor that has expired: its incidents end, and nothing of it stays."""

from incident_verdicts import AMOUNT, FRAUD, HOUR, MINUTE, START, column, verdict

from driftd.incidents.settings import IncidentSettings
from driftd.incidents.stage import IncidentStage
from driftd.values.keys import MonitorKey

LATER = START + 200 * HOUR


def firing(*monitors: MonitorKey) -> IncidentStage:
    """A stage in which these monitors fire."""
    stage = IncidentStage(lambda *_: IncidentSettings(), MINUTE)
    for monitor in sorted(monitors):
        stage.observe(verdict(0, [column(AMOUNT, alarm=True)], monitor=monitor))
    return stage


def test_open_incident_of_a_forgotten_monitor_is_superseded() -> None:
    """It is told with the event time of the expiry, and the monitor's newest window."""
    stage = firing(FRAUD)
    (event,) = stage.forget(FRAUD, LATER)
    assert (event.type, event.time_ms) == ("io.driftd.incident.superseded.v1", LATER)
    assert event.body["data"]["window"]["last_offset"] == 99


def test_nothing_stays_of_a_forgotten_monitor() -> None:
    """It is as if it had never been, whatever else is watched."""
    other = MonitorKey("fraud", "4")
    stage = firing(FRAUD, other)
    stage.forget(FRAUD, LATER)
    assert (stage.monitors, stage._newest_ms, stage._firing) == ((other,), firing(other)._newest_ms, {other})
    assert stage.to_state() == firing(other).to_state()
    stage.forget(other, LATER)
    assert (stage.monitors, stage._newest_ms, stage._firing) == ((), {}, set())


def test_version_stays_while_a_segment_of_it_is_watched() -> None:
    """How far a version's traffic has come is known from any of its monitors."""
    segment = MonitorKey("fraud", "3", "DE")
    stage = firing(FRAUD, segment)
    stage.forget(segment, LATER)
    assert stage._newest_ms == firing(FRAUD)._newest_ms


def test_forgetting_an_unknown_monitor_changes_nothing() -> None:
    """There is nothing to tell."""
    assert firing(FRAUD).forget(MonitorKey("ads"), LATER) == []
