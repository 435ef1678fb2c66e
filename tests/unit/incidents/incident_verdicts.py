"""Window verdicts in a few words, for the tests of incidents."""

from collections.abc import Iterable

from driftd.incidents.settings import IncidentSettings
from driftd.incidents.stage import IncidentStage
from driftd.values.closed import SourceSpan
from driftd.values.keys import Channel, ColumnKey, MonitorKey, Role
from driftd.values.verdict import ColumnVerdict, Detection, Distances, DriftEvent, Effect, WindowVerdict
from driftd.values.windows import Window

MINUTE = 60_000
HOUR = 60 * MINUTE
START = 1_790_000_040_000  # a whole minute
FRAUD = MonitorKey("fraud", "3")
AMOUNT = ColumnKey(Role.FEATURE, "amount")
COUNTRY = ColumnKey(Role.FEATURE, "country")
AGE = ColumnKey(Role.FEATURE, "age")


def effect(size: float = 0.2, channel: Channel = Channel.LOCATION, onset_ms: int = START) -> Effect:
    """An effect with some before and after."""
    return Effect(
        channel, "up", size, onset_ms, {"mean": 48.0}, {"mean": 97.0}, ({"bin": 3, "before": 0.05, "after": 0.25},)
    )


def column(
    key: ColumnKey,
    *,
    alarm: bool = False,
    level: bool = False,
    detected: bool = False,
    windows: int = 1,
    of: Effect | None = None,
    evidence: float | None = None,
    weight: float = 0.5,
) -> ColumnVerdict:
    """A judged column: an alarm (adwin, or evidence, as log10), a level still exceeded (psi), or a detection."""
    spoken = alarm or level or detected or evidence is not None
    alarms = (("adwin",) if alarm else ()) + (("evidence",) if evidence is not None else ())
    return ColumnVerdict(
        column=0,
        key=key,
        span=Window(START, START + MINUTE),
        windows=windows,
        n=200,
        missing=0,
        invalid=0,
        unseen=0,
        counts=(100, 100),
        distances=Distances(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        shift=0.0,
        detections=(Detection(Channel.LOCATION, "adwin" if alarm else "page_hinkley"),) if alarm or detected else (),
        evidence=evidence,
        weight=weight,
        alarms=alarms,
        speaking=alarms + (("psi>0.2",) if level else ()),
        effect=(of or effect()) if spoken else None,
    )


def verdict(
    minute: int,
    columns: Iterable[ColumnVerdict] = (),
    *,
    monitor: MonitorKey = FRAUD,
    starved: tuple[ColumnKey, ...] = (),
    reference_id: str = "r1",
    partitions: int = 1,
    evidence: float | None = None,
    calibrating: int = 0,
) -> WindowVerdict:
    """The verdict of the one-minute window that starts so many minutes after START; 100 offsets a minute."""
    start_ms = START + minute * MINUTE
    return WindowVerdict(
        monitor=monitor,
        window=Window(start_ms, start_ms + MINUTE),
        reference_id=reference_id,
        events=200,
        incomplete=False,
        sources=tuple(SourceSpan("predictions", p, minute * 100, minute * 100 + 99) for p in range(partitions)),
        columns=tuple(columns),
        starved=starved,
        evidence=evidence,
        threshold=4.5,
        calibrating=calibrating,
    )


def stage_of(settings: IncidentSettings | None = None, window_ms: int = MINUTE) -> IncidentStage:
    """A fresh stage."""
    chosen = settings or IncidentSettings()
    return IncidentStage(lambda *_: chosen, window_ms)


def quiet(stage: IncidentStage, minutes: range, *keys: ColumnKey, monitor: MonitorKey = FRAUD) -> list[DriftEvent]:
    """Let windows pass in which the columns are judged and nothing speaks."""
    return [e for m in minutes for e in stage.observe(verdict(m, [column(key) for key in keys], monitor=monitor))]


def alarm(stage: IncidentStage, minute: int, *keys: ColumnKey, monitor: MonitorKey = FRAUD) -> list[DriftEvent]:
    """Let a window pass in which the columns alarm."""
    return stage.observe(verdict(minute, [column(key, alarm=True) for key in keys], monitor=monitor))


def words(events: Iterable[DriftEvent]) -> list[str]:
    """The kinds of events: firing, updated, resolved, superseded."""
    return [event.type.split(".")[3] for event in events]


def suspects(event: DriftEvent) -> list[str]:
    """The names of an event's suspects, sorted."""
    return sorted(suspect["column"] for suspect in event.body["data"]["suspects"])
