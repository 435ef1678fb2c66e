from incident_verdicts import (
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


def test_new_reference_forgets_the_old_ones_columns() -> None:
    """Columns that only the old reference had are not shown any more."""
    stage = stage_of()
    quiet(stage, range(1), AMOUNT)
    stage.observe(verdict(1, [column(COUNTRY)], reference_id="r2"))
    assert stage.states(FRAUD, NOW).columns == {COUNTRY: ColumnState.OK}
