"""The pictures of monitors: states, totals, incidents, and when they are taken anew."""

from observed_process import ADS, AMOUNT, COLOUR, Process, states
from runtime_doubles import (
    DRIFTED,
    MINUTE,
    START,
    config_of,
    event,
    minutes,
    profile,
)

from driftd.detect.evidence.monitor import CALIBRATED_LIVE
from driftd.values.keys import Channel
from driftd.values.verdict import ColumnState, Detection, MonitorState, Within


def test_nothing_is_shown_before_a_window_has_closed() -> None:
    """A monitor appears with its first window."""
    process = Process()
    process.read(*minutes(0, 1))
    assert process.view().monitors == ()


def test_monitor_shows_its_windows_and_columns() -> None:
    """Totals count windows and events; each column of the profile has a state and its newest verdict."""
    process = Process()
    process.read(*minutes(0, 3), event(180))
    monitor = process.monitor()
    assert (monitor.state, monitor.reference_id) == (MonitorState.OK, profile().reference_id)
    assert (monitor.events, monitor.windows_closed, monitor.windows_incomplete) == (60, 3, 0)
    assert monitor.last_event_ms == START + 177_000
    assert monitor.newest_window == (START + 2 * MINUTE, START + 3 * MINUTE)
    assert states(monitor) == {AMOUNT: ColumnState.OK, COLOUR: ColumnState.OK}
    assert [column.newest.n for column in monitor.columns if column.newest] == [20, 20]
    assert [(span.first_offset, span.last_offset) for span in monitor.sources] == [(40, 59)]


def test_drift_shows_as_states_incident_and_detection() -> None:
    """The monitor fires, the column drifts, the other one does not, and the incident pages."""
    process = Process()
    process.read(*minutes(0, 1, amount=DRIFTED), event(61))
    monitor = process.monitor()
    assert (monitor.state, monitor.incidents_opened) == (MonitorState.FIRING, 1)
    assert states(monitor) == {AMOUNT: ColumnState.DRIFT, COLOUR: ColumnState.OK}
    assert monitor.columns[0].detections[Detection(Channel.SHAPE, "psi>1")] == 1
    assert monitor.paging == {incident.id for incident in monitor.incidents}
    assert len(monitor.paging) == 1


def test_calibrating_ends_with_the_first_evidence() -> None:
    """Until enough windows are known a monitor shows how many are missing, over a restart too; then its evidence."""
    config = config_of(incidents={"page_on": ["evidence"]})
    process = Process(config=config)
    process.read(*minutes(0, 1), event(61))
    first = process.monitor()
    assert (first.state, first.evidence, first.calibrating) == (MonitorState.CALIBRATING, None, CALIBRATED_LIVE - 1)
    assert set(states(first).values()) == {ColumnState.CALIBRATING}
    restarted = Process(process.snapshot(), config=config)
    assert (restarted.monitor().state, restarted.monitor().calibrating) == (
        MonitorState.CALIBRATING,
        CALIBRATED_LIVE - 1,
    )
    restarted.read(*minutes(1, CALIBRATED_LIVE + 1), event((CALIBRATED_LIVE + 1) * 60 + 1))
    known = restarted.monitor()
    assert (known.state, known.calibrating) == (MonitorState.OK, 0)
    assert known.evidence is not None
    assert known.threshold is not None
    assert all(column.newest and column.newest.evidence is not None for column in known.columns)


def test_the_shift_that_would_be_paged_shows_with_the_first_evidence() -> None:
    """Not while the monitor is calibrating; after a restart with the first window."""
    process = Process()
    process.read(*minutes(0, 1), event(61))
    assert not any(column.detectable for column in process.monitor().columns)
    process.read(*minutes(1, 70), event(70 * 60 + 1))
    shown = [column.detectable for column in process.monitor().columns]
    assert all(0.02 <= one[Within.DAY] < 0.5 for one in shown)
    restarted = Process(process.snapshot())
    restarted.read(*minutes(70, 71), event(71 * 60 + 1))
    assert [column.detectable for column in restarted.monitor().columns] == shown


def test_totals_start_at_zero_with_the_process() -> None:
    """After a restart the memory is there and the counters are not."""
    former = Process()
    former.read(*minutes(0, 1, amount=DRIFTED), event(61))
    process = Process(former.snapshot())
    monitor = process.monitor()
    assert monitor.state is MonitorState.FIRING
    assert [incident.id for incident in monitor.incidents] == list(former.monitor().paging)
    assert (monitor.events, monitor.windows_closed, monitor.incidents_opened) == (0, 0, 0)
    assert (monitor.newest_window, monitor.last_event_ms, monitor.sources) == (None, None, ())
    assert {(column.newest, len(column.detections)) for column in monitor.columns} == {(None, 0)}
    assert states(monitor)[AMOUNT] is ColumnState.DRIFT


def test_silent_monitor_has_no_data() -> None:
    """Event time goes on without it, and its columns' last states are no longer true."""
    process = Process(profiles=(profile(), profile("ads")))
    process.read(*minutes(0, 1), event(61, model="ads"))
    assert process.monitor().state is MonitorState.OK
    process.read(*(event(60 * at, model="ads") for at in range(2, 70)))
    assert process.monitor().state is MonitorState.NO_DATA
    assert set(states(process.monitor()).values()) == {ColumnState.NO_DATA}
    assert process.monitor(ADS).state is not MonitorState.NO_DATA


def test_silent_monitor_that_fires_keeps_firing_while_its_other_columns_have_no_data() -> None:
    """No data is no recovery; and the picture of its healthy columns does not stay as it was."""
    process = Process(profiles=(profile(), profile("ads")))
    process.read(*minutes(0, 1, amount=DRIFTED), event(61, model="ads"))
    assert states(process.monitor()) == {AMOUNT: ColumnState.DRIFT, COLOUR: ColumnState.OK}
    process.read(*(event(60 * at, model="ads") for at in range(2, 70)))
    assert process.monitor().state is MonitorState.FIRING
    assert states(process.monitor()) == {AMOUNT: ColumnState.DRIFT, COLOUR: ColumnState.NO_DATA}


def test_new_reference_brings_its_own_columns() -> None:
    """What was measured against the former one is not shown beside the new name: not before it is judged anew."""
    process = Process(config=config_of(windows={"min_observations": 10}))
    process.read(*minutes(0, 1), event(61))
    new = profile(values=10)
    process.pipeline.adopt([new])
    process.read(event(121), event(181))
    monitor = process.monitor()
    assert (monitor.reference_id, monitor.windows_closed) == (new.reference_id, 3)
    assert [column.newest for column in monitor.columns] == [None, None]
    process.read(*minutes(3, 4), event(241))
    assert [column.newest.n for column in process.monitor().columns if column.newest] == [22, 22]


def test_picture_of_a_monitor_without_news_is_kept() -> None:
    """It is not taken anew at every turn, nor because event time goes on for others."""
    process = Process(profiles=(profile(), profile("ads")))
    process.read(*minutes(0, 1), event(61, model="ads"))
    first = process.monitor()
    assert first is process.monitor()
    process.read(event(121, model="ads"))
    assert first is process.monitor()
    process.read(event(122), event(181))
    assert first is not process.monitor()


def test_expired_monitor_is_not_shown() -> None:
    """Its counts go with it: should it come back, they begin at zero, and its old verdicts are not shown."""
    config = config_of(limits={"expire_after": "2h"}, windows={"min_observations": 5})
    process = Process(profiles=(profile(), profile("ads")), config=config)
    process.read(*minutes(0, 1, amount=DRIFTED), event(61, model="ads"))
    assert len(process.observatory.records()["paging"]["incidents"]) == 1
    process.read(event(9_000, model="ads"), event(9_060, model="ads"))
    assert [monitor.key for monitor in process.view().monitors] == [ADS]
    assert process.observatory.records()["paging"]["incidents"] == []
    process.read(event(9_070), event(9_120))
    monitor = process.monitor()
    assert (monitor.events, monitor.windows_closed, monitor.incidents_opened) == (1, 1, 0)
    assert {column.newest for column in monitor.columns} == {None}


def test_ended_incident_is_shown_for_an_hour() -> None:
    """Then it goes, whether its monitor has news or not."""
    process = Process(profiles=(profile(), profile("ads")))
    process.read(*minutes(0, 1, amount=DRIFTED), *minutes(1, 80), event(60 * 80, model="ads"))
    (ended,) = process.monitor().incidents
    assert ended.state == "resolved"
    process.read(*(event(60 * at, model="ads") for at in range(81, 130)))
    assert process.monitor().incidents == ()
    assert process.monitor().state is MonitorState.OK
