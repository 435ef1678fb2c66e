"""What detecting says about a closed window, and what incidents make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from driftd.values.closed import SourceSpan
from driftd.values.keys import Channel, ColumnKey, MonitorKey
from driftd.values.windows import Window

JSON = dict[str, Any]


class ColumnState(StrEnum):
    """The state of a column; exactly one holds."""

    OK = "ok"
    SUSPECT = "suspect"  # a detector spoke, but nothing that pages
    DRIFT = "drift"  # in an open incident, or something that pages speaks
    CALIBRATING = "calibrating"
    NO_DATA = "no_data"


class MonitorState(StrEnum):
    """The state of a monitor; exactly one holds."""

    OK = "ok"
    FIRING = "firing"
    CALIBRATING = "calibrating"
    NO_DATA = "no_data"


class Within(StrEnum):
    """A span of event time in which a shift is to be paged."""

    HOUR = "1h"
    DAY = "24h"

    @property
    def span_ms(self) -> int:
        """How long it is."""
        return 3_600_000 if self is Within.HOUR else 86_400_000


#: The smallest lasting shift of a column's mean u that would be paged within a span, in half of the cases; without an
#: entry where none would be, or where it is not known yet.
Detectable = Mapping[Within, float]


class Distances(NamedTuple):
    """How far a window lies from the reference, over the test bins."""

    psi: float
    js: float  # distance (square root, base 2), 0 to 1
    ks: float
    wasserstein: float  # in u
    chi2: float
    chi2_p: float


class Detection(NamedTuple):
    """A detector's alarm on one channel of a column, in one window."""

    channel: Channel
    detector: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What has changed, on the channel where it shows most: since ``onset_ms``, against the reference.

    ``size`` is in the channel's unit: mean u minus the reference's for location, mean |2u-1| for scale,
    debiased PSI for shape, a difference of rates for the rates. ``before`` and ``after`` are in the
    feature's own units (numeric: quantiles and mean; categorical: shares; rates: the rate), ``bins``
    those that moved most.
    """

    channel: Channel
    direction: str  # up, down, or changed (shape)
    size: float
    onset_ms: int
    before: JSON
    after: JSON
    bins: tuple[JSON, ...]


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """One column of one closed window."""

    column: int
    key: ColumnKey
    span: Window
    windows: int
    n: int
    missing: int
    invalid: int
    unseen: int
    counts: tuple[int, ...]  # per test bin
    distances: Distances
    shift: float  # mean of u minus 1/2
    detections: tuple[Detection, ...] = ()
    evidence: float | None = None  # log10 of the column's e-process; None where nothing is known yet
    weight: float | None = None  # of this evidence in the monitor's; those of all columns sum to 1
    recovered: bool = False  # by this window the evidence says that a drift it paged is over
    alarms: tuple[str, ...] = ()  # members of page_on that call for a page by this window
    speaking: tuple[str, ...] = ()  # members of page_on that hold now: alarms, and levels still exceeded
    effect: Effect | None = None  # where there are detections or speakers
    unseen_texts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class WindowVerdict:
    """One closed window of one monitor, with all that is to be said about it."""

    monitor: MonitorKey
    window: Window
    reference_id: str
    events: int
    incomplete: bool
    sources: tuple[SourceSpan, ...]
    columns: tuple[ColumnVerdict, ...]
    starved: tuple[ColumnKey, ...] = ()
    newest_ms: int | None = None  # the largest event time in it
    evidence: float | None = None  # log10 of the monitor's e-process
    threshold: float | None = None  # log10 of the evidence that pages
    calibrating: int = 0  # windows still to be seen before evidence pages
    detectable: Mapping[ColumnKey, Detectable] = field(default_factory=dict)  # as last worked out


@dataclass(frozen=True, slots=True)
class Suspect:
    """A column of an incident."""

    key: ColumnKey
    since_ms: int  # end of the window in which it joined
    share: float
    effect: Effect
    log10_evidence: float | None = None  # when evidence named it; None where only other rules did


@dataclass(frozen=True, slots=True)
class Incident:
    """From a page to its resolution, for a set of columns of one monitor."""

    id: str
    monitor: MonitorKey
    reference_id: str
    opened_ms: int  # end of the window that paged
    onset_ms: int
    suspects: tuple[Suspect, ...]  # by falling share
    state: str  # firing, resolved or superseded
    ended_ms: int | None = None
    previous: str | None = None  # the incident that was open in this monitor when this one paged
    evidence: float | None = None  # log10 of the monitor's e-process when it paged; None where another rule did
    threshold: float | None = None  # log10 of the evidence that pages, then; None likewise


@dataclass(frozen=True, slots=True)
class DriftEvent:
    """A CloudEvents 1.0 envelope as plain JSON; ``id`` follows from keys and windows only."""

    id: str
    type: str
    monitor: MonitorKey
    time_ms: int
    body: JSON
