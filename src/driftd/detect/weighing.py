"""The evidence of one monitor and what it is weighed against: its share of the budget, and where it begins."""

from collections.abc import Mapping, Sequence
from statistics import median

from driftd.detect.baseline import Baselines
from driftd.detect.evidence.monitor import Judged, MonitorEvidence
from driftd.detect.observed import Observed
from driftd.references.equivalence import equivalent
from driftd.values.budget import monitor_threshold
from driftd.values.closed import ClosedWindow
from driftd.values.keys import ColumnKey
from driftd.values.paging import Paging
from driftd.values.state import State
from driftd.values.verdict import Detectable


class Weighing:
    """Weighs the windows of one monitor against one reference. Made when it is first needed, also after a restart."""

    def __init__(self, state: State | None = None) -> None:
        self._evidence: MonitorEvidence | None = None
        self._restored = None if state is None else state["evidence"]
        self._closed = 0 if state is None else state["closed"]  # windows of columns so far
        self._span_ms = 0 if state is None else state["span_ms"]  # of event time that they span together

    def observe(
        self, window: ClosedWindow, observed: Sequence[Observed], baselines: Baselines, paging: Paging, share: float
    ) -> tuple[Judged, Mapping[ColumnKey, Detectable]]:
        """Judge a window, whose columns were ``observed`` so, and tell what could be found.

        ``share`` of its model's budget is this monitor's.
        """
        duration_ms = window.window.end_ms - window.window.start_ms
        spans_ms = [sums.span.end_ms - sums.span.start_ms for sums in window.columns]
        self._closed += len(spans_ms)
        self._span_ms += sum(spans_ms)
        threshold = monitor_threshold(
            *paging.budget,
            window_ms=self._span_ms / self._closed if self._closed else duration_ms,
            models=paging.models,
            share=share,
        )
        evidence = self.evidence(baselines, median(spans_ms) if spans_ms else duration_ms)
        evidence.weigh(paging.importances)
        numbered = [(sums.column, one) for sums, one in zip(window.columns, observed, strict=True)]
        spans = [sums.span for sums in window.columns]
        judged = evidence.observe(numbered, window.window, threshold, paging.join_ms, spans=spans)
        return judged, evidence.detectable(numbered, spans_ms, threshold)

    def inherit(self, other: "Weighing", ours: Baselines, theirs: Baselines, span_ms: float, *, itself: bool) -> None:
        """Go on where the ``other`` is, for columns that its reference describes as ours does: with their evidence.

        Where it is the monitor ``itself``, held against another reference until now, what it knows of how a
        column's windows depend on each other holds for columns that the new reference changes, too.
        """
        if other.is_new:
            return
        known = theirs.profile.index
        shared = [(at, known[column.key]) for at, column in enumerate(ours.profile.columns) if column.key in known]
        columns = ours.profile.columns, theirs.profile.columns
        same = [pair for pair in shared if equivalent(columns[0][pair[0]], columns[1][pair[1]])]
        mine, before = self.evidence(ours, span_ms), other.evidence(theirs, span_ms)
        if itself:
            mine.inherit(before, shared, level=False)
        mine.inherit(before, same, level=True)

    def to_state(self) -> State:
        """Return all that is remembered."""
        evidence = self._restored if self._evidence is None else self._evidence.to_state()
        return {"closed": self._closed, "span_ms": self._span_ms, "evidence": evidence}

    @property
    def is_new(self) -> bool:
        """Whether there has been no window yet."""
        return self._evidence is None and self._restored is None

    def evidence(self, baselines: Baselines, span_ms: float) -> MonitorEvidence:
        """Return the evidence, made now, for windows that span so much, if this is the first that is asked of it."""
        if self._evidence is None:
            self._evidence = MonitorEvidence(baselines.all(), span_ms)
            if self._restored is not None:
                self._evidence.restore(self._restored)
                self._restored = None
        return self._evidence
