"""A picture of a daemon with something of everything, and what is scraped of it, for the tests of metrics."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from driftd.metrics.collect import Collector
from driftd.metrics.render import render
from driftd.values.keys import Channel, ColumnKey, LateReason, MonitorKey, Reason, Role, SourcePartition
from driftd.values.verdict import (
    ColumnState,
    ColumnVerdict,
    Detection,
    Distances,
    Effect,
    Incident,
    MonitorState,
    Suspect,
    Within,
)
from driftd.values.view import (
    CheckpointView,
    ColumnView,
    DaemonView,
    DeadLettersView,
    DeliveryView,
    MonitorView,
    PartitionView,
    ReloadView,
    TopicAccounts,
)
from driftd.values.windows import Window

WINDOW = Window(1_790_000_040_000, 1_790_000_100_000)
FRAUD = MonitorKey("fraud", "3")
MONITOR = {"model": "fraud", "version": "3", "segment": "all"}
AMOUNT = ColumnKey(Role.FEATURE, "amount")
COUNTRY = ColumnKey(Role.FEATURE, "country")


def newest(n: int = 200) -> ColumnVerdict:
    """A verdict with a different figure in every place."""
    return ColumnVerdict(
        column=0,
        key=AMOUNT,
        span=WINDOW,
        windows=1,
        n=n,
        missing=20 if n else 0,
        invalid=10 if n else 0,
        unseen=5 if n else 0,
        counts=(100, 70),
        distances=Distances(psi=0.31, js=0.2, ks=0.25, wasserstein=0.125, chi2=44.0, chi2_p=1e-9),
        shift=0.0625,
        evidence=3.5,
        weight=0.5,
    )


def incident(name: str = "f00d", state: str = "firing", suspects: int = 1) -> Incident:
    """An incident with so many suspects: c0, c1, ..."""
    effect = Effect(Channel.LOCATION, "up", 0.2, WINDOW.start_ms, {}, {}, ())
    keys = [ColumnKey(Role.FEATURE, f"c{number}") for number in range(suspects)]
    return Incident(
        id=name,
        monitor=FRAUD,
        reference_id="r1",
        opened_ms=WINDOW.end_ms,
        onset_ms=WINDOW.start_ms,
        suspects=tuple(Suspect(key, WINDOW.end_ms, 1 / suspects, effect) for key in keys),
        state=state,
        ended_ms=None if state == "firing" else WINDOW.end_ms,
    )


def column(key: ColumnKey = AMOUNT, state: ColumnState = ColumnState.DRIFT, n: int | None = 200) -> ColumnView:
    """A column with 3 detections; without a verdict if n is None."""
    detections = {Detection(Channel.LOCATION, "adwin"): 3} if n is not None else {}
    detectable = {Within.HOUR: 0.08, Within.DAY: 0.03} if n is not None else {}
    return ColumnView(key, state, None if n is None else newest(n), detections, detectable)


def monitor(
    key: MonitorKey = FRAUD,
    columns: tuple[ColumnView, ...] = (column(), column(COUNTRY, ColumnState.NO_DATA, None)),
    incidents: tuple[Incident, ...] = (incident(),),
    paging: frozenset[str] = frozenset({"f00d"}),
    state: MonitorState = MonitorState.FIRING,
    *,
    evidence: float | None = 4.75,
    calibrating: int = 0,
) -> MonitorView:
    """A monitor that fires."""
    return MonitorView(
        key=key,
        state=state,
        reference_id="r1",
        reference_source="train.csv",
        events=1234,
        last_event_ms=WINDOW.end_ms - 500,
        windows_closed=7,
        windows_incomplete=2,
        newest_window=WINDOW,
        sources=(),
        columns=columns,
        incidents_opened=4,
        incidents=incidents,
        paging=paging,
        evidence=evidence,
        threshold=4.5,
        calibrating=calibrating,
    )


def picture(*monitors: MonitorView) -> DaemonView:
    """A daemon that is ready and has seen a little of everything."""
    return DaemonView(
        monitors=monitors,
        topics={
            "predictions": TopicAccounts(
                read=100, observed=80, late={LateReason.CLOSED: 3}, rejected={Reason.MALFORMED: 7}, pending=10
            )
        },
        partitions=(
            PartitionView(
                SourcePartition("predictions", 0),
                60,
                5,
                WINDOW.end_ms + 250,
                paused=True,
                unreachable=False,
                gap_records=17,
            ),
            PartitionView(SourcePartition("predictions", 1), 40, None, None, paused=False, unreachable=True),
        ),
        checkpoint=CheckpointView(
            count=2, failures=1, last_success_ms=1_790_000_111_500, durations_seconds=(0.025, 3.0), last_bytes=4096
        ),
        not_ready=(),
        loop_turned_ms=1_790_000_112_000,
        references_loaded=3,
        references_failed=1,
        reload=ReloadView(loaded_ms=1_790_000_000_500, failure="windows.duration: needs a restart"),
        delivery=(
            DeliveryView("topic", waiting=2, delivered=5, dropped=1, failures=3, last_success_ms=1_790_000_110_000),
        ),
        dead_letters=DeadLettersView(written=11, lost=4, waiting=6),
    )


def families(collector: Collector) -> list[Metric]:
    """What a scrape finds, as prometheus_client reads it."""
    page, _ = render(collector, "application/openmetrics-text")
    return list(text_string_to_metric_families(page.decode()))  # type: ignore[no-untyped-call]  # the client library leaves it without types


def samples(found: Iterable[Metric]) -> list[Sample]:
    """All samples of families."""
    return [sample for family in found for sample in family.samples]


def value_of(collector: Collector, name: str, labels: dict[str, str] | None = None) -> float | None:
    """The value of the sample with just these labels; None where there is none."""
    found = [s.value for s in samples(families(collector)) if s.name == name and s.labels == (labels or {})]
    assert len(found) <= 1
    return found[0] if found else None
