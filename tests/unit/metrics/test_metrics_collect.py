from dataclasses import replace

import pytest
from metric_pictures import (
    AMOUNT,
    COUNTRY,
    FRAUD,
    MONITOR,
    WINDOW,
    column,
    families,
    incident,
    monitor,
    newest,
    picture,
    samples,
    value_of,
)

from driftd import __version__
from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.collect import Collector
from driftd.metrics.metric import MetricType
from driftd.values.keys import LateReason, MonitorKey, Reason
from driftd.values.verdict import ColumnState, MonitorState
from driftd.values.view import CheckpointView, DaemonView

TOPIC = {"topic": "predictions"}
COLUMN = {**MONITOR, "role": "feature", "column": "amount"}


def collector_of(view: DaemonView) -> Collector:
    """A collector over one picture."""
    return Collector(lambda: view)


def series(view: DaemonView, name: str, **labels: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The samples of a name whose labels include those given."""
    found = [s for s in samples(families(collector_of(view))) if s.name == name]
    return {tuple(sorted(s.labels.items())): s.value for s in found if labels.items() <= s.labels.items()}


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("driftd_events_read_total", TOPIC, 100),
        ("driftd_events_observed_total", TOPIC, 80),
        ("driftd_events_late_total", TOPIC | {"reason": "closed"}, 3),
        ("driftd_events_rejected_total", TOPIC | {"reason": "malformed"}, 7),
        ("driftd_events_pending", TOPIC, 10),
        ("driftd_consumer_lag", TOPIC | {"partition": "0"}, 5),
        ("driftd_watermark_timestamp_seconds", TOPIC | {"partition": "0"}, 1_790_000_100.25),
        ("driftd_partition_paused", TOPIC | {"partition": "0"}, 1),
        ("driftd_partition_paused", TOPIC | {"partition": "1"}, 0),
        ("driftd_partition_unreachable", TOPIC | {"partition": "0"}, 0),
        ("driftd_partition_unreachable", TOPIC | {"partition": "1"}, 1),
        ("driftd_monitor_events_total", MONITOR, 1234),
        ("driftd_monitor_last_event_timestamp_seconds", MONITOR, 1_790_000_099.5),
        ("driftd_windows_closed_total", MONITOR, 7),
        ("driftd_windows_incomplete_total", MONITOR, 2),
        ("driftd_monitor_evidence", MONITOR, 4.75),
        ("driftd_monitor_evidence_threshold", MONITOR, 4.5),
        ("driftd_monitor_calibration_remaining_windows", MONITOR, 0),
        ("driftd_monitor_columns", MONITOR, 2),
        ("driftd_monitor_columns_drifting", MONITOR, 1),
        ("driftd_reference_info", MONITOR | {"reference_id": "r1", "source": "train.csv"}, 1),
        ("driftd_column_distance", COLUMN | {"distance": "psi"}, 0.31),
        ("driftd_column_distance", COLUMN | {"distance": "js"}, 0.2),
        ("driftd_column_distance", COLUMN | {"distance": "ks"}, 0.25),
        ("driftd_column_distance", COLUMN | {"distance": "wasserstein"}, 0.125),
        ("driftd_column_evidence", COLUMN, 3.5),
        ("driftd_column_shift", COLUMN, 0.0625),
        ("driftd_column_detectable_shift", COLUMN | {"within": "1h"}, 0.08),
        ("driftd_column_detectable_shift", COLUMN | {"within": "24h"}, 0.03),
        ("driftd_column_missing_ratio", COLUMN, 0.1),
        ("driftd_column_invalid_ratio", COLUMN, 0.05),
        ("driftd_column_unseen_ratio", COLUMN, 0.025),
        ("driftd_detections_total", COLUMN | {"channel": "location", "detector": "adwin"}, 3),
        ("driftd_incidents_total", MONITOR, 4),
        ("driftd_incident_firing", MONITOR | {"incident": "f00d"}, 1),
        ("driftd_incident_suspect_share", MONITOR | {"incident": "f00d", "role": "feature", "column": "c0"}, 1),
        ("driftd_incident_onset_timestamp_seconds", MONITOR | {"incident": "f00d"}, WINDOW.start_ms / 1000),
        (
            "driftd_incident_suspect_info",
            MONITOR | {"incident": "f00d", "role": "feature", "column": "c0", "channel": "location", "direction": "up"},
            1,
        ),
        ("driftd_ready", {}, 1),
        ("driftd_loop_last_turn_timestamp_seconds", {}, 1_790_000_112),
        ("driftd_references_loaded", {}, 3),
        ("driftd_references_failed", {}, 1),
        ("driftd_checkpoint_failures_total", {}, 1),
        ("driftd_checkpoint_last_success_timestamp_seconds", {}, 1_790_000_111.5),
        ("driftd_checkpoint_size_bytes", {}, 4096),
        ("driftd_gap_records_total", TOPIC | {"partition": "0"}, 17),
        ("driftd_config_last_reload_successful", {}, 0),
        ("driftd_config_last_reload_success_timestamp_seconds", {}, 1_790_000_000.5),
        ("driftd_delivery_events_total", {"destination": "topic"}, 5),
        ("driftd_delivery_failures_total", {"destination": "topic"}, 3),
        ("driftd_delivery_dropped_total", {"destination": "topic"}, 1),
        ("driftd_delivery_waiting", {"destination": "topic"}, 2),
        ("driftd_delivery_last_success_timestamp_seconds", {"destination": "topic"}, 1_790_000_110),
        ("driftd_dead_letters_total", {}, 11),
        ("driftd_dead_letters_lost_total", {}, 4),
        ("driftd_dead_letters_waiting", {}, 6),
    ],
)
def test_metric_shows_its_figure_of_the_picture(name: str, labels: dict[str, str], expected: float) -> None:
    """Each metric shows the figure it stands for, under its labels."""
    assert value_of(collector_of(picture(monitor())), name, labels) == expected


def test_output_and_catalogue_agree() -> None:
    """What is exported has exactly the names, types, help and labels of the catalogue, and all of them."""
    exported = {}
    for family in families(collector_of(picture(monitor()))):
        if not family.name.startswith("driftd_"):
            continue
        kind = MetricType(family.type)
        name = family.name + {MetricType.COUNTER: "_total", MetricType.INFO: "_info"}.get(kind, "")
        labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
        assert len(labels) == 1, name
        exported[name] = (kind, family.documentation, labels.pop())
    assert exported == {m.name: (m.type, m.help, frozenset(m.labels)) for m in CATALOGUE}


def test_label_values_come_from_the_closed_sets() -> None:
    """A label whose values are listed in the catalogue takes no other."""
    values = {metric.name: metric.values for metric in CATALOGUE}
    for sample in samples(families(collector_of(picture(monitor())))):
        for label, allowed in values.get(sample.name, {}).items():
            assert sample.labels[label] in allowed


@pytest.mark.parametrize(
    ("name", "reasons"), [("driftd_events_late_total", LateReason), ("driftd_events_rejected_total", Reason)]
)
def test_every_reason_is_present_from_the_start(name: str, reasons: type[LateReason | Reason]) -> None:
    """A rate over a reason that has not occurred yet is 0, not absent."""
    found = series(picture(), name)
    assert {dict(labels)["reason"] for labels in found} == {str(reason) for reason in reasons}
    assert sorted(found.values())[:-1] == [0] * (len(reasons) - 1)


@pytest.mark.parametrize("state", MonitorState)
def test_monitor_is_in_exactly_one_of_all_states(state: MonitorState) -> None:
    """All states are present, and the one that holds is 1."""
    found = series(picture(monitor(state=state)), "driftd_monitor_state")
    assert {dict(labels)["state"]: value for labels, value in found.items()} == {s: s is state for s in MonitorState}


@pytest.mark.parametrize("state", ColumnState)
def test_column_is_in_exactly_one_of_all_states(state: ColumnState) -> None:
    """All states are present, and the one that holds is 1."""
    found = series(picture(monitor(columns=(column(state=state),))), "driftd_column_state")
    assert {dict(labels)["state"]: value for labels, value in found.items()} == {s: s is state for s in ColumnState}


def test_column_without_a_verdict_shows_its_state_only() -> None:
    """Before its first verdict a column has a state and no distances."""
    view = picture(monitor(columns=(column(COUNTRY, ColumnState.NO_DATA, None),)))
    names = {s.name for s in samples(families(collector_of(view))) if s.labels.get("column") == COUNTRY.name}
    assert names == {"driftd_column_state"}


def test_column_keeps_its_figures_while_it_has_no_data() -> None:
    """The newest figures stay while there is no data: a series that vanishes would reset alerts."""
    view = picture(monitor(columns=(column(AMOUNT, ColumnState.NO_DATA),)))
    assert len(series(view, "driftd_column_distance")) == 4


def test_ratio_of_no_events_is_absent() -> None:
    """Nothing is divided by 0."""
    assert series(picture(monitor(columns=(column(n=0),))), "driftd_column_missing_ratio") == {}


def test_monitor_that_is_calibrating_shows_how_long_and_no_evidence() -> None:
    """What is not known is not shown as 0; what it takes to page, and the windows still to be seen, are known."""
    columns = (replace(column(), newest=replace(newest(), evidence=None, weight=None)),)
    view = picture(monitor(columns=columns, state=MonitorState.CALIBRATING, evidence=None, calibrating=12))
    assert series(view, "driftd_monitor_evidence") == series(view, "driftd_column_evidence") == {}
    assert list(series(view, "driftd_monitor_evidence_threshold").values()) == [4.5]
    assert list(series(view, "driftd_monitor_calibration_remaining_windows").values()) == [12]


def test_unknown_lag_and_watermark_are_absent() -> None:
    """What is not known is not shown as 0."""
    assert series(picture(), "driftd_consumer_lag", partition="1") == {}
    assert series(picture(), "driftd_watermark_timestamp_seconds", partition="1") == {}


def test_ended_incident_shows_zero() -> None:
    """The paging gauge says explicitly that an incident is over; its onset and suspects are gone."""
    view = picture(monitor(incidents=(incident(state="resolved"),)))
    assert list(series(view, "driftd_incident_firing").values()) == [0]
    for gone in ("onset_timestamp_seconds", "suspect_share", "suspect_info"):
        assert series(view, f"driftd_incident_{gone}") == {}


def test_incident_that_does_not_page_is_not_on_the_paging_gauge() -> None:
    """An incident that was old when it was found wakes nobody; its suspects are shown."""
    view = picture(monitor(paging=frozenset()))
    assert series(view, "driftd_incident_firing") == {}
    assert len(series(view, "driftd_incident_suspect_share")) == 1


def test_ten_foremost_suspects_are_shown() -> None:
    """An incident of many columns shows its ten foremost suspects."""
    found = series(picture(monitor(incidents=(incident(suspects=12),))), "driftd_incident_suspect_share")
    assert {dict(labels)["column"] for labels in found} == {f"c{number}" for number in range(10)}


def test_series_of_a_monitor_that_is_gone_are_gone() -> None:
    """A monitor that is not in the newest picture is not in the next scrape."""
    views = [picture(monitor(), monitor(MonitorKey("churn"))), picture(monitor())]
    collector = Collector(lambda: views[0])
    models = {s.labels["model"] for s in samples(families(collector)) if "model" in s.labels}
    assert models == {"fraud", "churn"}
    del views[0]
    models = {s.labels["model"] for s in samples(families(collector)) if "model" in s.labels}
    assert models == {FRAUD.model}


def test_daemon_that_is_starting_is_not_ready() -> None:
    """Before the first turn of the loop only the daemon's own metrics have samples, and it is not ready."""
    collector = collector_of(DaemonView())
    names = {s.name for s in samples(families(collector)) if s.name.startswith("driftd_")}
    assert value_of(collector, "driftd_ready") == 0
    assert names == {
        "driftd_build_info",
        "driftd_ready",
        "driftd_config_last_reload_successful",
        "driftd_series_shed",
        "driftd_references_loaded",
        "driftd_references_failed",
        "driftd_checkpoint_failures_total",
        "driftd_checkpoint_duration_seconds_bucket",
        "driftd_checkpoint_duration_seconds_count",
        "driftd_checkpoint_duration_seconds_sum",
    }


def test_build_info_says_what_runs() -> None:
    """The release and the implementation that sums the events are labels."""
    ((labels, value),) = series(DaemonView(), "driftd_build_info", version=__version__, kernel="python").items()
    assert value == 1
    assert {name for name, _ in labels} == {"version", "kernel", "python"}


def test_build_info_names_the_kernel_that_sums() -> None:
    """Which implementation it is, is for the collector's owner to say."""
    (found,) = [s for s in samples(families(Collector(DaemonView, kernel="rust"))) if s.name == "driftd_build_info"]
    assert found.labels["kernel"] == "rust"


def test_no_sample_tells_when_a_counter_was_created() -> None:
    """Created series would double the number of counters and histograms."""
    names = {s.name for s in samples(families(collector_of(picture(monitor()))))}
    assert [name for name in names if name.endswith("_created")] == []


def test_collecting_twice_gives_the_same() -> None:
    """A scrape changes nothing in what the next one shows of the same picture."""
    view = replace(picture(monitor()), checkpoint=CheckpointView())
    collector = collector_of(view)
    own = [[f for f in families(collector) if f.name.startswith("driftd_")] for _ in range(2)]
    assert own[0] == own[1]
