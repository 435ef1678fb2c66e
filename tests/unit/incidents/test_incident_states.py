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
    quiet,
    stage_of,
    verdict,
)

from driftd.incidents.settings import IncidentSettings
from driftd.values.keys import MonitorKey
from driftd.values.verdict import ColumnState, MonitorState

NOW = START + 20 * MINUTE


def test_column_nothing_speaks_about_is_ok() -> None:
    """A judged column without detections is ok, and so is its monitor."""
    stage = stage_of()
    quiet(stage, range(1), AMOUNT)
    assert stage.states(FRAUD, NOW) == (MonitorState.OK, {AMOUNT: ColumnState.OK})


def test_column_of_an_open_incident_drifts() -> None:
    """A column drifts, and its monitor fires, while its incident is open."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    quiet(stage, range(1, 10), AMOUNT, COUNTRY)
    assert stage.states(FRAUD, NOW) == (
        MonitorState.FIRING,
        {AMOUNT: ColumnState.DRIFT, COUNTRY: ColumnState.OK},
    )


def test_column_about_which_something_that_pages_speaks_drifts() -> None:
    """A level still exceeded is drift even without an incident, and only as long as it is exceeded."""
    stage = stage_of()
    stage.observe(verdict(0, [column(AMOUNT, level=True)]))
    assert stage.states(FRAUD, NOW) == (MonitorState.OK, {AMOUNT: ColumnState.DRIFT})
    quiet(stage, range(1, 2), AMOUNT)
    assert stage.states(FRAUD, NOW).columns == {AMOUNT: ColumnState.OK}


def test_detection_makes_a_suspect_for_twelve_windows() -> None:
    """A detection that does not page makes a suspect in its window and the eleven after it."""
    stage = stage_of()
    stage.observe(verdict(0, [column(AMOUNT, detected=True)]))
    quiet(stage, range(1, 12), AMOUNT)
    assert stage.states(FRAUD, NOW).columns == {AMOUNT: ColumnState.SUSPECT}
    quiet(stage, range(12, 13), AMOUNT)
    assert stage.states(FRAUD, NOW).columns == {AMOUNT: ColumnState.OK}


def test_starved_column_has_no_data_until_it_is_judged() -> None:
    """A column stays without data while its observations are being gathered anew."""
    stage = stage_of()
    quiet(stage, range(1), AMOUNT, COUNTRY)
    stage.observe(verdict(1, [column(COUNTRY)], starved=(AMOUNT,)))
    stage.observe(verdict(2, [column(COUNTRY)]))
    assert stage.states(FRAUD, NOW) == (MonitorState.OK, {AMOUNT: ColumnState.NO_DATA, COUNTRY: ColumnState.OK})
    quiet(stage, range(3, 4), AMOUNT)
    assert stage.states(FRAUD, NOW).columns[AMOUNT] is ColumnState.OK


def test_monitor_without_any_data_has_no_data() -> None:
    """A monitor has no data where none of its columns has any, or nothing is known of it."""
    stage = stage_of()
    stage.observe(verdict(0, starved=(AMOUNT,)))
    assert stage.states(FRAUD, NOW).monitor is MonitorState.NO_DATA
    assert stage.states(MonitorKey("unheard"), NOW) == (MonitorState.NO_DATA, {})


def test_silent_monitor_has_no_data() -> None:
    """An hour of event time without a window, and the monitor and its columns have no data."""
    stage = stage_of()
    quiet(stage, range(1), AMOUNT)
    assert stage.states(FRAUD, START + MINUTE + HOUR - 1).monitor is MonitorState.OK
    assert stage.states(FRAUD, START + MINUTE + HOUR) == (MonitorState.NO_DATA, {AMOUNT: ColumnState.NO_DATA})


def test_incident_outranks_no_data() -> None:
    """A monitor that fell silent while it fired goes on firing."""
    stage = stage_of()
    alarm(stage, 0, AMOUNT)
    assert stage.states(FRAUD, START + 99 * HOUR) == (MonitorState.FIRING, {AMOUNT: ColumnState.DRIFT})


def test_calibrating_monitor_says_so_and_how_long() -> None:
    """What was not found by evidence that does not know enough yet is not ok: columns and monitor are calibrating."""
    stage = stage_of()
    stage.observe(verdict(0, [column(AMOUNT)], calibrating=12))
    assert stage.states(FRAUD, NOW) == (MonitorState.CALIBRATING, {AMOUNT: ColumnState.CALIBRATING})
    assert stage.calibrating(FRAUD) == 12
    quiet(stage, range(1, 2), AMOUNT)
    assert stage.states(FRAUD, NOW) == (MonitorState.OK, {AMOUNT: ColumnState.OK})
    assert stage.calibrating(FRAUD) == 0


def test_what_is_known_outranks_calibrating() -> None:
    """A column that is detected, starved or spoken about shows that; an incident makes the monitor fire."""
    stage = stage_of()
    said = [column(AMOUNT, detected=True), column(AGE, level=True)]
    stage.observe(verdict(0, said, starved=(COUNTRY,), calibrating=12))
    assert stage.states(FRAUD, NOW) == (
        MonitorState.CALIBRATING,
        {AMOUNT: ColumnState.SUSPECT, COUNTRY: ColumnState.NO_DATA, AGE: ColumnState.DRIFT},
    )
    stage.observe(verdict(1, [column(AGE, alarm=True)], calibrating=11))
    assert stage.states(FRAUD, NOW).monitor is MonitorState.FIRING
    assert stage.calibrating(FRAUD) == 11


def test_silent_monitor_is_not_calibrating() -> None:
    """Without windows there is nothing to calibrate by: no data outranks it."""
    stage = stage_of()
    stage.observe(verdict(0, [column(AMOUNT)], calibrating=12))
    assert stage.states(FRAUD, START + 2 * HOUR) == (MonitorState.NO_DATA, {AMOUNT: ColumnState.NO_DATA})


def test_monitor_whose_evidence_does_not_page_is_not_calibrating() -> None:
    """Where other rules page, they do so from the first window on."""
    stage = stage_of(IncidentSettings(page_on=("adwin",)))
    stage.observe(verdict(0, [column(AMOUNT)], calibrating=12))
    assert stage.states(FRAUD, NOW) == (MonitorState.OK, {AMOUNT: ColumnState.OK})
    assert stage.calibrating(FRAUD) == 0


def test_unheard_monitor_has_nothing_to_calibrate() -> None:
    """A monitor that nothing is known of has no windows to wait for."""
    assert stage_of().calibrating(MonitorKey("unheard")) == 0


def test_new_reference_forgets_the_old_ones_columns() -> None:
    """Columns that only the old reference had are not shown any more."""
    stage = stage_of()
    quiet(stage, range(1), AMOUNT)
    stage.observe(verdict(1, [column(COUNTRY)], reference_id="r2"))
    assert stage.states(FRAUD, NOW).columns == {COUNTRY: ColumnState.OK}
