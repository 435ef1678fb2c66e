"""The evidence of one monitor: from a window's counts to "this is enough to wake somebody"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.foreseen import Forecasts, Foresight
from driftd.detect.evidence.innovations import Mask
from driftd.detect.evidence.learning import Learning, training_of
from driftd.detect.evidence.of_means import EvidenceOfMeans
from driftd.detect.evidence.of_shape import EvidenceOfShape
from driftd.detect.evidence.pages import Decision, Evidence, Pages
from driftd.detect.evidence.scores import Means, Scores
from driftd.detect.evidence.seasons import Seasons
from driftd.detect.evidence.sensitivity import Sensitivity, Terms
from driftd.detect.evidence.weights import channel_weights, column_weights
from driftd.detect.observed import Observed
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel, ColumnKey
from driftd.values.state import State
from driftd.values.verdict import Detectable
from driftd.values.windows import Window

#: Windows that must be known before evidence may page: blocks of training rows in their order, or else live windows, of
#: which the level is not known as well.
CALIBRATED = 20
CALIBRATED_LIVE = 60  # less than a segment, which would be learnt from as it is
_LEAST = 0.01  # of evidence, as it is told: where it has just begun it is 0


@dataclass(frozen=True, slots=True)
class Said:
    """What the evidence says about one column in one window.

    ``log10``: of its e-process; ``weight``: of that in the monitor's.
    """

    log10: float
    weight: float
    alarm: bool = False  # this window pages, or joins, by it
    holding: bool = False  # it has been paged and is not back
    recovered: bool = False  # by this window it is back
    blind: bool = False  # its windows depend on each other so much that even gross drift would take long to be sure of
    channel: Channel | None = None  # where the evidence is, when it alarms or holds


@dataclass(frozen=True, slots=True)
class Judged:
    """What the evidence says about a monitor in one window, all as log10.

    ``calibrating``: windows still to be seen; ``unsteady``: columns that moved meanwhile, told in the last of them;
    ``forecasts``: what could be foreseen of the window, None while calibrating.
    """

    log10: float
    log10_threshold: float
    calibrating: int
    columns: Mapping[int, Said] = field(default_factory=dict)
    unsteady: frozenset[int] = frozenset()
    forecasts: Forecasts | None = None


class MonitorEvidence:
    """Follows all columns of a monitor together, against one reference.

    One vectorised pass a window. Everything it remembers is in ``to_state``; with it, a reference, and the
    windows in their order, all that it says follows, bit for bit.
    """

    def __init__(self, baselines: Sequence[Baseline], span_ms: float) -> None:
        """Begin with windows that span so much event time."""
        calibration = baselines[0].calibration if baselines else None
        rows, block_ms = (calibration.block_rows, calibration.block_ms) if calibration else (None, 0)
        self._columns = [baseline.column for baseline in baselines]
        self._scores = Scores(baselines, rows)
        self._importances: Mapping[str, float] = {}
        self._weights = column_weights(self._columns, {})
        self._of_means, self._of_shape = channel_weights(self._scores.varies)
        self._seasons = Seasons(baselines, self._scores.unit)
        self._foresight = Foresight(self._scores, baselines, self._seasons)
        training = training_of(self._scores, baselines, self._seasons)
        self._learning = Learning(training, span_ms / block_ms if block_ms else 1.0)
        self._means = EvidenceOfMeans(self._scores, training, self._learning)
        self._shape = EvidenceOfShape(self._scores, baselines, training.dispersion, self._learning)
        self._pages = Pages(self._scores)
        self._sensitivity = Sensitivity([column.key for column in self._columns])
        self._seen = 0  # windows of this monitor
        self._calibrating = self._remaining() > 0

    def __len__(self) -> int:
        return len(self._scores)

    def weigh(self, importances: Mapping[str, float]) -> None:
        """Spread the budget over the columns by these importances from the next window on."""
        if importances != self._importances:
            self._importances = dict(importances)
            self._weights = column_weights(self._columns, importances)

    def observe(
        self,
        observed: Sequence[tuple[int, Observed]],
        window: Window,
        threshold: float,
        join_ms: int,
        *,
        spans: Sequence[Window] | None = None,
    ) -> Judged:
        """Take in a window of these columns (index, sums); ``threshold``: windows to a false page, A.

        ``spans``: over which each of them was summed, where that is not the window.
        """
        headers, counts = self._scores.table(observed)
        at = [column for column, _ in observed]
        present = np.zeros(len(self), dtype=bool)
        present[at] = True
        own = self._scores.observe(headers, counts, self._means.spread)
        means = self._seasons.without(own, at, spans or [window] * len(at))
        self._seen += 1
        if self._calibrating:
            return self._calibrate(means, present, threshold)
        self._end_joining(window, join_ms)
        errors, variance = self._means.observe(means)
        forecasts = self._foresight.observe(own, means, ~self._learning.independent, errors, variance)
        share = np.maximum(self._weights * self._of_shape, 1e-12)
        shape = self._shape.observe(counts, np.log(threshold / share) / 2, present & means.seen[:, 0])
        back = self._pages.observe(means, self._means.error(means), errors, counts, shape)
        self._take_back(back)
        evidence = self._evidence()
        decision = self._pages.decide(evidence, present, window, threshold)
        said = self._said(evidence, decision, back, present)
        if self._learning.observe(means, present, self._pages.followed):
            self._means.relearn()
        return Judged(_log10(decision.evidence), _log10(threshold), 0, said, forecasts=forecasts)

    def detectable(
        self, observed: Sequence[tuple[int, Observed]], spans_ms: Sequence[int], threshold: float
    ) -> Mapping[ColumnKey, Detectable]:
        """Return the smallest shifts that would be paged. Once a window: its columns, and the spans of theirs."""
        if not self._calibrating and self._sensitivity.observe(observed, spans_ms):
            shares = self._weights * self._of_means[:, 0]
            terms = Terms(self._scores, self._means.filters, self._means.tolls, threshold / np.maximum(shares, 1e-12))
            self._sensitivity.estimate(terms, self._means.spread[:, 0])
        return self._sensitivity.found

    def inherit(self, other: "MonitorEvidence", pairs: Sequence[tuple[int, int]], *, level: bool) -> None:
        """Go on with columns where another monitor left off: (ours, theirs), before the first window.

        Their dependence is taken over; and where they are held to the same ``level``, their evidence.
        """
        if other._calibrating or not pairs:  # noqa: SLF001 -- one of its own
            return
        ours, theirs = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
        self._learning.inherit(other._learning, ours, theirs)  # noqa: SLF001
        self._means.begin()
        self._calibrating = self._remaining() > 0
        if level:
            self._means.inherit(other._means, ours, theirs)  # noqa: SLF001
            self._pages.inherit(other._pages, ours, theirs)  # noqa: SLF001

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "seen": self._seen,
            "calibrating": self._calibrating,
            "learning": self._learning.to_state(),
            "means": self._means.to_state(),
            "shape": self._shape.to_state(),
            "pages": self._pages.to_state(),
            "sensitivity": self._sensitivity.to_state(),
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave, in a fresh object against the same reference."""
        self._seen, self._calibrating = state["seen"], state["calibrating"]
        self._learning.restore(state["learning"])
        self._means.restore(state["means"])
        self._shape.restore(state["shape"])
        self._pages.restore(state["pages"])
        self._sensitivity.restore(state["sensitivity"])

    def _remaining(self) -> int:
        """Return how many windows are still to be seen before evidence may page."""
        known = float(np.median(self._learning.blocks)) if len(self) else CALIBRATED
        return 0 if known >= CALIBRATED else max(0, CALIBRATED_LIVE - int(known) - self._seen)

    def _calibrate(self, means: Means, present: Mask, threshold: float) -> Judged:
        """Look on until enough windows are known.

        What moves meanwhile is not learnt: columns whose two halves differ, or that are off the reference, keep
        the dependence that the others suggest, and are judged against the reference from here on.
        """
        self._learning.observe(means, present, np.zeros(len(self), dtype=bool))
        remaining, unsteady = self._remaining(), frozenset[int]()
        if remaining == 0:
            moved = self._learning.unsteady(self._scores, means)
            unsteady = frozenset(np.flatnonzero(moved).tolist())
            self._learning.close(~moved, means)
            self._means.begin()
            self._calibrating = False
        return Judged(0.0, _log10(threshold), remaining, unsteady=unsteady)

    def _evidence(self) -> Evidence:
        return Evidence(
            self._means.evidence * self._of_means[..., None],
            self._shape.evidence * self._of_shape,
            self._weights,
            self._shape.level,
        )

    def _said(self, evidence: Evidence, decision: Decision, back: Ints, present: Mask) -> dict[int, Said]:
        """Say what a window means for each column in it."""
        alarms, returned = set(decision.alarming.tolist()), set(back.tolist())
        held = set(np.flatnonzero(self._pages.followed).tolist())
        blind = set(np.flatnonzero(self._means.blind).tolist())
        of_columns = evidence.of_columns.tolist()
        return {
            at: Said(
                _log10(of_columns[at]),
                float(self._weights[at]),
                alarm=at in alarms,
                holding=at in held,
                recovered=at in returned,
                blind=at in blind,
                channel=self._pages.channel(at) if at in held else None,
            )
            for at in np.flatnonzero(present).tolist()
        }

    def _take_back(self, columns: Ints) -> None:
        """Judge columns that have recovered against their reference again."""
        if len(columns):
            self._means.move_back(columns)
            self._shape.move(columns, self._scores.counts)
            mask = np.zeros(len(self), dtype=bool)
            mask[columns] = True
            self._forget(mask)

    def _end_joining(self, window: Window, join_ms: int) -> None:
        """Once an incident can be joined no longer all evidence begins anew, its columns against where they are now."""
        episode = self._pages.end_joining(window, join_ms)
        if episode is not None:
            self._means.move(episode)
            self._shape.move(np.flatnonzero(episode.members), episode.counts)
            self._forget(np.ones(len(self), dtype=bool))

    def _forget(self, columns: Mask) -> None:
        """Begin anew with the evidence of these columns."""
        self._means.forget(columns)
        self._shape.forget(columns)
        self._pages.forget(columns)


def _log10(evidence: float | Floats) -> float:
    return float(np.log10(max(float(evidence), _LEAST)))
