from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_pictures import FRAUD, column, families, incident, monitor, newest, picture, samples, value_of
from prometheus_client.samples import Sample

from driftd.metrics.collect import Collector
from driftd.metrics.settings import ColumnChoice, Export
from driftd.values.keys import Channel, ColumnKey, MonitorKey, Role
from driftd.values.verdict import ColumnState, Detection, Within
from driftd.values.view import ColumnView, DaemonView, DeliveryView

UNLIMITED = 10**9
SHED = "driftd_series_shed"
DETECTIONS, DISTANCES = "driftd_detections_total", "driftd_column_distance"
DETECTABLE = "driftd_column_detectable_shift"
OF_COLUMNS = {
    DETECTIONS,
    DISTANCES,
    DETECTABLE,
    "driftd_column_state",
    "driftd_column_evidence",
    "driftd_column_shift",
    "driftd_column_missing_ratio",
    "driftd_column_unseen_ratio",
    "driftd_column_invalid_ratio",
}
Series = frozenset[tuple[str, tuple[tuple[str, str], ...]]]


def scrape(view: DaemonView, series: int = UNLIMITED, columns: ColumnChoice = "all") -> list[Sample]:
    """All samples of a scrape."""
    return samples(families(Collector(lambda: view, lambda: Export(columns, series))))


def names_and_labels(found: Sequence[Sample]) -> Series:
    """The samples without their values."""
    return frozenset((s.name, tuple(sorted(s.labels.items()))) for s in found)


def of_columns(found: Sequence[Sample]) -> list[Sample]:
    """The samples that are about columns."""
    return [sample for sample in found if sample.name in OF_COLUMNS]


def shed(found: Sequence[Sample]) -> float:
    """What the scrape says it has left out."""
    (told,) = [sample.value for sample in found if sample.name == SHED]
    return told


def named(found: Sequence[Sample], name: str = "driftd_column_state") -> list[str]:
    """The columns that have a metric, as model/column."""
    return sorted({f"{s.labels['model']}/{s.labels['column']}" for s in found if s.name == name})


def columns_in(*states: ColumnState) -> tuple[ColumnView, ...]:
    """One column in each state: c0, c1, ..."""
    return tuple(column(ColumnKey(Role.FEATURE, f"c{number}"), state) for number, state in enumerate(states))


detections = st.dictionaries(
    st.builds(Detection, st.sampled_from(Channel), st.sampled_from(["adwin", "gross", "psi>0.2"])),
    st.integers(1, 9),
    max_size=4,
)
verdicts = st.one_of(st.none(), st.sampled_from([newest(), newest(0), replace(newest(), evidence=None)]))
views = st.builds(
    lambda columns: picture(
        *(
            monitor(MonitorKey("fraud", version), tuple(own), incidents=(), paging=frozenset())
            for version, own in columns.items()
        )
    ),
    st.dictionaries(
        st.sampled_from(["1", "2", "3"]),
        st.lists(
            st.builds(
                ColumnView,
                st.builds(ColumnKey, st.sampled_from(Role), st.text(max_size=3)),
                st.sampled_from(ColumnState),
                verdicts,
                detections,
                st.dictionaries(st.sampled_from(Within), st.just(0.05)),
            ),
            max_size=5,
            unique_by=lambda view: view.key,
        ),
    ),
)


@given(views, st.integers(0, 200))
def test_what_is_shown_and_what_is_shed_is_everything(view: DaemonView, series: int) -> None:
    """Every sample is on the page or counted as shed, and the page is no longer than the limit allows."""
    everything, shown = scrape(view), scrape(view, series)
    assert shed(everything) == 0
    assert len(everything) == len(shown) + shed(shown)
    assert len(shown) <= max(series, len(everything) - len(of_columns(everything)))


@given(views, st.integers(0, 200), st.integers(0, 200))
def test_a_higher_limit_shows_more_and_hides_nothing(view: DaemonView, one: int, other: int) -> None:
    """What a lower limit shows a higher one shows as well."""
    low, high = sorted((one, other))
    assert names_and_labels(scrape(view, low)) <= names_and_labels(scrape(view, high))


@given(views, st.integers(0, 200))
def test_detections_are_shed_before_distances_and_these_before_the_rest(view: DaemonView, series: int) -> None:
    """No detection is shown unless all distances are, and no distance unless all the rest of columns is.

    What shift could be found goes with the distances.
    """
    everything, shown = scrape(view), of_columns(scrape(view, series))
    distances = {DISTANCES, DETECTABLE}
    rest = OF_COLUMNS - {DETECTIONS} - distances
    for kept_later, kept_first in ((distances, rest), ({DETECTIONS}, rest | distances)):
        if any(sample.name in kept_later for sample in shown):
            wanted = names_and_labels([s for s in everything if s.name in kept_first])
            assert names_and_labels([s for s in shown if s.name in kept_first]) == wanted


def test_only_series_of_columns_are_shed() -> None:
    """However low the limit is: daemon, process, monitors and incidents stay."""
    view = picture(monitor(), monitor(MonitorKey("churn")))
    everything, shown = scrape(view), scrape(view, 1)
    assert names_and_labels(everything) - names_and_labels(shown) == names_and_labels(of_columns(everything))
    assert shed(shown) == len(of_columns(everything))


def test_what_is_told_of_the_process_counts() -> None:
    """The limit is that of the whole page."""
    view = picture(monitor(columns=columns_in(*[ColumnState.OK] * 20)))
    everything = scrape(view)
    assert any(sample.name.startswith("process_") for sample in everything)
    assert len(scrape(view, len(everything))) == len(everything)
    assert shed(scrape(view, len(everything) - 1)) == 1  # a detection


def test_columns_that_drift_are_kept_first() -> None:
    """Drift before suspect before the others, no_data last, over all monitors; then by monitor and profile."""
    states = (ColumnState.NO_DATA, ColumnState.OK, ColumnState.SUSPECT, ColumnState.DRIFT, ColumnState.CALIBRATING)
    models = ("a", "b")
    view = picture(*(monitor(MonitorKey(m), columns_in(*states), incidents=(), paging=frozenset()) for m in models))
    everything = scrape(view)
    always = len(everything) - len(of_columns(everything))
    kept_last = OF_COLUMNS - {DISTANCES, DETECTABLE, DETECTIONS}
    one = sum(s.name in kept_last for s in everything) // (len(models) * len(states))
    order = []
    for kept in range(1, len(models) * len(states) + 1):
        order += [name for name in named(scrape(view, always + kept * one)) if name not in order]
        assert len(order) == kept
    assert order == ["a/c3", "b/c3", "a/c2", "b/c2", "a/c1", "a/c4", "b/c1", "b/c4", "a/c0", "b/c0"]


def test_new_figures_change_no_series() -> None:
    """While states and monitors stay as they are, the same series are on the page."""
    columns = columns_in(*[ColumnState.OK] * 30, ColumnState.DRIFT)
    later = tuple(replace(view, newest=replace(newest(), n=500, shift=0.4)) for view in columns)
    before, after = (scrape(picture(monitor(columns=own)), 200) for own in (columns, later))
    assert 0 < shed(before) == shed(after)
    assert names_and_labels(before) == names_and_labels(after)


def test_suspects_only_shows_those_that_drift_or_are_suspect() -> None:
    """By metrics.columns: suspects; what that leaves out is not shed."""
    view = picture(monitor(columns=columns_in(*ColumnState), incidents=(), paging=frozenset()))
    shown = scrape(view, columns="suspects")
    wanted = {
        f"fraud/c{number}"
        for number, state in enumerate(ColumnState)
        if state in {ColumnState.DRIFT, ColumnState.SUSPECT}
    }
    assert set(named(shown)) == set(named(shown, DISTANCES)) == set(named(shown, DETECTIONS)) == wanted
    assert shed(shown) == 0


@pytest.mark.parametrize("state", ["firing", "resolved"])
def test_suspects_of_an_incident_are_shown_as_long_as_it_is(state: str) -> None:
    """Also once it has ended, until it is not shown any more: what it was about can be looked at."""
    columns = columns_in(*[ColumnState.OK] * 4)
    view = picture(monitor(columns=columns, incidents=(incident(state=state, suspects=2),)))
    assert named(scrape(view, columns="suspects")) == ["fraud/c0", "fraud/c1"]


def test_no_columns_leaves_monitors_and_incidents() -> None:
    """By metrics.columns: none no series is about a column but the suspects of incidents, and none is shed."""
    view = picture(monitor())
    everything, shown = scrape(view), scrape(view, columns="none")
    assert names_and_labels(everything) - names_and_labels(shown) == names_and_labels(of_columns(everything))
    assert shed(shown) == 0


def test_settings_of_the_moment_are_those_of_the_next_scrape() -> None:
    """A configuration that is loaded again counts at once."""
    exports = [Export("none"), Export("all")]
    collector = Collector(lambda: picture(monitor()), lambda: exports[0])
    labels = {"role": "feature", "column": "amount", **FRAUD._asdict()}
    assert value_of(collector, "driftd_column_shift", labels) is None
    del exports[0]
    assert value_of(collector, "driftd_column_shift", labels) == 0.0625


def test_counters_of_a_receiver_begin_at_zero() -> None:
    """A receiver that has got nothing yet has its counters: their first rise is seen."""
    view = replace(picture(), delivery=(DeliveryView("webhook/oncall"),))
    counters = {s.name: s.value for s in scrape(view) if s.labels.get("destination") == "webhook/oncall"}
    assert counters == {
        "driftd_delivery_events_total": 0,
        "driftd_delivery_failures_total": 0,
        "driftd_delivery_dropped_total": 0,
        "driftd_delivery_waiting": 0,
    }
