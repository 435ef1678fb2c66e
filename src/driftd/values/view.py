"""What the rest of the daemon may look at: frozen pictures, published whole after each round of the loop.

The HTTP threads read the newest picture and never touch a stage, so a scrape can neither see half a
window nor slow the loop down.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from driftd.values.acceptance import Outlook
from driftd.values.closed import SourceSpan
from driftd.values.keys import ColumnKey, LateReason, MonitorKey, Reason, SourcePartition
from driftd.values.verdict import ColumnState, ColumnVerdict, Detectable, Detection, Incident, MonitorState
from driftd.values.windows import Window


@dataclass(frozen=True, slots=True)
class ColumnView:
    """One column: its state, its newest verdict (None before the first), its detections so far.

    ``detections`` counts those of this process, by channel and detector.
    """

    key: ColumnKey
    state: ColumnState
    newest: ColumnVerdict | None
    detections: Mapping[Detection, int]
    detectable: Detectable = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MonitorView:
    """One monitor. The totals count from the start of the process, incidents included.

    ``evidence`` and ``threshold`` are log10, of the newest window of this process: None before it, ``evidence`` also
    as long as ``calibrating`` windows are still to be seen.
    """

    key: MonitorKey
    state: MonitorState
    reference_id: str
    reference_source: str
    events: int
    last_event_ms: int | None
    windows_closed: int
    windows_incomplete: int
    newest_window: Window | None
    sources: tuple[SourceSpan, ...]
    columns: tuple[ColumnView, ...]
    incidents_opened: int
    incidents: tuple[Incident, ...]  # open, and ended within the last hour of event time; newest first
    paging: frozenset[str]  # ids of the incidents that the paging gauge shows
    outlooks: Mapping[str, Outlook] = field(default_factory=dict)  # by id of an incident: what accepting it would take
    evidence: float | None = None
    threshold: float | None = None  # of evidence: at or above it a page is due
    calibrating: int = 0


@dataclass(frozen=True, slots=True)
class TopicAccounts:
    """Where the events of a topic went: read = observed + late + rejected + pending, in every picture."""

    read: int = 0
    observed: int = 0
    late: Mapping[LateReason, int] = field(default_factory=dict)
    rejected: Mapping[Reason, int] = field(default_factory=dict)
    pending: int = 0


@dataclass(frozen=True, slots=True)
class PartitionView:
    """How far one source partition has been read."""

    source: SourcePartition
    position: int
    lag: int | None
    watermark_ms: int | None
    paused: bool
    unreachable: bool
    gap_records: int = 0  # of this process: lost to the source before they were read


@dataclass(frozen=True, slots=True)
class CheckpointView:
    """The newest checkpoint."""

    count: int = 0
    failures: int = 0
    last_success_ms: int | None = None
    durations_seconds: tuple[float, ...] = ()  # of the newest ones, oldest first; a histogram adds up those new to it
    last_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ReloadView:
    """The configuration in force: since when, and what became of the newest attempt to replace it."""

    loaded_ms: int = 0
    failure: str | None = None  # why the newest reload was refused


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One receiver of drift events. The totals count from the start of the process."""

    destination: str
    waiting: int = 0
    delivered: int = 0
    dropped: int = 0  # beyond delivery.backlog, or refused by the receiver for good
    failures: int = 0  # attempts that failed
    last_success_ms: int | None = None


@dataclass(frozen=True, slots=True)
class DeadLettersView:
    """Rejected events on their way to the dead-letter topic. The totals count from the start of the process."""

    written: int = 0
    lost: int = 0  # not written: the queue was full, or the topic refused them
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class DaemonView:
    """Everything that the metrics and the API show."""

    monitors: tuple[MonitorView, ...] = ()  # by key
    topics: Mapping[str, TopicAccounts] = field(default_factory=dict)
    partitions: tuple[PartitionView, ...] = ()
    checkpoint: CheckpointView = CheckpointView()
    not_ready: tuple[str, ...] = ("starting",)  # why; empty: ready
    loop_turned_ms: int = 0  # wall clock of the loop's last turn
    references_loaded: int = 0
    references_failed: int = 0
    reload: ReloadView = ReloadView()
    delivery: tuple[DeliveryView, ...] = ()
    dead_letters: DeadLettersView | None = None  # None: no topic for them
