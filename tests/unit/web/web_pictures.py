"""A small picture of a daemon, made by hand, for the tests of what is served."""

from driftd.references.profile import ColumnProfile, Profile
from driftd.values.closed import SourceSpan
from driftd.values.keys import Channel, ColumnKey, Kind, LateReason, MonitorKey, Reason, Role, SourcePartition
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
from driftd.values.view import ColumnView, DaemonView, MonitorView, PartitionView, TopicAccounts
from driftd.values.windows import Window

START = 1_795_600_800_000  # 2026-11-25T10:00:00Z
WINDOW = Window(START, START + 60_000)
AMOUNT = ColumnKey(Role.FEATURE, "amount")
COUNTRY = ColumnKey(Role.FEATURE, "country/€")
FRAUD = MonitorKey("fraud", "3")
ODD = MonitorKey("a/b <i>", "1 & 2", "50%25")

PROFILE = Profile(
    model="fraud",
    version="3",
    rows=100,
    columns=(
        ColumnProfile(
            key=AMOUNT,
            kind=Kind.NUMERIC,
            n=100,
            missing=4,
            invalid=0,
            counts=(0, 24, 24, 30, 18, 0),
            edges=(0.0, 10.0, 20.0, 40.0, 80.0),
            test_of=(0, 0, 0, 1, 2, 2),
        ),
        ColumnProfile(
            key=COUNTRY, kind=Kind.CATEGORICAL, n=100, missing=0, invalid=0, counts=(75, 25, 0), categories=("DE", "FR")
        ),
    ),
    reference_id="ref1",
)

EFFECT = Effect(
    channel=Channel.LOCATION,
    direction="up",
    size=0.21,
    onset_ms=START - 120_000,
    before={"median": 18.5},
    after={"median": 42.0},
    bins=({"from": 40.0, "to": None, "before": 0.19, "after": 0.6},),
)


def verdict(key: ColumnKey, column: int, counts: tuple[int, ...], effect: Effect | None) -> ColumnVerdict:
    """Return a column's verdict on WINDOW."""
    detections = () if effect is None else (Detection(Channel.LOCATION, "adwin"),)
    return ColumnVerdict(
        column=column,
        key=key,
        span=WINDOW,
        windows=1,
        n=sum(counts) + 1,
        missing=1,
        invalid=0,
        unseen=0,
        counts=counts,
        distances=Distances(psi=0.31, js=0.2, ks=0.25, wasserstein=0.21, chi2=44.0, chi2_p=1e-9),
        shift=0.21,
        detections=detections,
        alarms=tuple(detection.detector for detection in detections),
        speaking=(),
        effect=effect,
        evidence=5.5,
        weight=0.25,
    )


def incident(name: str, opened_ms: int, state: str = "firing", ended_ms: int | None = None) -> Incident:
    """Return an incident of the fraud monitor."""
    return Incident(
        id=name,
        monitor=FRAUD,
        reference_id="ref1",
        opened_ms=opened_ms,
        onset_ms=opened_ms - 180_000,
        suspects=(Suspect(AMOUNT, opened_ms, 0.9, EFFECT, 5.25), Suspect(COUNTRY, opened_ms, 0.1, EFFECT, 4.25)),
        state=state,
        ended_ms=ended_ms,
        evidence=4.75,
        threshold=4.5,
    )


def monitor(key: MonitorKey, state: MonitorState, incidents: tuple[Incident, ...] = ()) -> MonitorView:
    """Return a monitor with two columns."""
    calibrating = state is MonitorState.CALIBRATING
    drifting = ColumnState.DRIFT if incidents else ColumnState.OK
    return MonitorView(
        key=key,
        state=state,
        reference_id="ref1",
        reference_source="fraud-3.json",
        events=12_345,
        last_event_ms=START + 59_123,
        windows_closed=7,
        windows_incomplete=1,
        newest_window=WINDOW,
        sources=(SourceSpan("predictions", 0, 100, 299),),
        columns=(
            ColumnView(
                AMOUNT,
                drifting,
                verdict(AMOUNT, 0, (20, 20, 60), EFFECT),
                {Detection(Channel.LOCATION, "page_hinkley"): 1, Detection(Channel.LOCATION, "adwin"): 2},
                {Within.HOUR: 0.125, Within.DAY: 0.025},
            ),
            ColumnView(COUNTRY, ColumnState.NO_DATA, None, {}),
        ),
        incidents_opened=len(incidents),
        incidents=incidents,
        paging=frozenset(i.id for i in incidents if i.state == "firing"),
        evidence=None if calibrating else 4.625,
        threshold=4.5,
        calibrating=12 if calibrating else 0,
    )


def picture(*, not_ready: tuple[str, ...] = ()) -> DaemonView:
    """Return a daemon with a firing monitor and one with a name that needs escaping everywhere."""
    incidents = (
        incident("f00d", START + 60_000),
        incident("beef", START - 3_000_000, "resolved", START - 60_000),
    )
    return DaemonView(
        monitors=(monitor(ODD, MonitorState.CALIBRATING), monitor(FRAUD, MonitorState.FIRING, incidents)),
        topics={
            "predictions": TopicAccounts(
                read=20_000,
                observed=19_900,
                late={LateReason.WATERMARK: 60},
                rejected={Reason.MALFORMED: 30},
                pending=10,
            )
        },
        partitions=(
            PartitionView(SourcePartition("predictions", 0), 20_000, 17, START, paused=False, unreachable=False),
        ),
        not_ready=not_ready,
        loop_turned_ms=START,
    )
