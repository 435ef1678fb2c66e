"""Frozen pictures of the pipeline for the HTTP threads, taken by the loop between its turns.

Only what changed is taken anew: a monitor's picture is kept until its next window closes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from driftd.incidents.events import event_type
from driftd.incidents.lifecycle import ChangeKind
from driftd.incidents.states import States
from driftd.runtime.outlook import outlook_of
from driftd.runtime.pipeline import Outcome, Pipeline, Shard
from driftd.values.keys import ColumnKey, MonitorKey
from driftd.values.verdict import ColumnState, ColumnVerdict, Detection, Incident, WindowVerdict
from driftd.values.view import ColumnView, MonitorView

FIRING = event_type(ChangeKind.FIRING)


@dataclass(slots=True)
class Tally:
    """What this process has seen of one monitor."""

    newest: WindowVerdict | None = None
    columns: dict[ColumnKey, ColumnVerdict] = field(default_factory=dict)
    detections: defaultdict[ColumnKey, Counter[Detection]] = field(default_factory=lambda: defaultdict(Counter))
    events: int = 0
    windows_closed: int = 0
    windows_incomplete: int = 0
    incidents_opened: int = 0
    last_event_ms: int | None = None

    def add(self, verdict: WindowVerdict) -> None:
        """Count one more window."""
        if self.newest is not None and self.newest.reference_id != verdict.reference_id:
            self.columns.clear()
        self.newest = verdict
        self.events += verdict.events
        if verdict.newest_ms is not None:
            self.last_event_ms = max(verdict.newest_ms, self.last_event_ms or verdict.newest_ms)
        self.windows_closed += 1
        self.windows_incomplete += verdict.incomplete
        for column in verdict.columns:
            self.columns[column.key] = column
            self.detections[column.key].update(column.detections)


class Pictures:
    """Takes the pictures of all monitors. ``tallies`` hold what was counted so far; they are added to."""

    def __init__(self, pipeline: Pipeline, tallies: dict[MonitorKey, Tally]) -> None:
        self._pipeline = pipeline
        self._tallies = tallies
        self._views: dict[MonitorKey, MonitorView] = {}
        self._states: dict[MonitorKey, States] = {}  # those that the views show
        self._frontiers_ms: dict[int, int] = {}  # by shard: how far event time had come last time
        self.paging: set[str] = set()

    def update(self, outcome: Outcome, pages: AbstractSet[str]) -> None:
        """Add what came to light; ``pages`` are the newly opened incidents that are young enough to page."""
        changed: set[MonitorKey] = set()
        for verdict in outcome.verdicts:
            self._tallies.setdefault(verdict.monitor, Tally()).add(verdict)
            changed.add(verdict.monitor)
        for event in outcome.events:
            changed.add(event.monitor)
            if event.type == FIRING:
                self._tallies.setdefault(event.monitor, Tally()).incidents_opened += 1
        self.paging |= pages
        for key in changed:
            self._views.pop(key, None)

    def renew(self) -> None:
        """Take all of them anew."""
        self._views.clear()

    def monitors(self) -> tuple[MonitorView, ...]:
        """Return the pictures of all monitors by key; those without news are the ones of last time."""
        self._forget()
        for number, shard in enumerate(self._pipeline.shards):
            frontier_ms = shard.merge.frontier_ms
            if frontier_ms is None:
                continue
            time_passed = self._frontiers_ms.get(number) != frontier_ms
            self._frontiers_ms[number] = frontier_ms
            for key in shard.incidents.monitors:
                if key in self._views and not time_passed:
                    continue
                # both change by the passing of event time alone, too
                states = shard.incidents.states(key, frontier_ms)
                incidents = shard.incidents.incidents(key, frontier_ms)
                view = self._views.get(key)
                if view is None or states != self._states[key] or incidents != view.incidents:
                    self._states[key] = states
                    self._views[key] = self._view(key, shard, states, incidents)
        views = tuple(self._views[key] for key in sorted(self._views))
        self.paging &= {incident.id for view in views for incident in view.incidents}
        return views

    def _forget(self) -> None:
        """Drop what was counted of monitors that have expired: should one come back, it counts from zero."""
        watched = {key for shard in self._pipeline.shards for key in shard.incidents.monitors}
        for key in self._tallies.keys() - watched:
            del self._tallies[key]
            self._views.pop(key, None)
            self._states.pop(key, None)

    def _view(self, key: MonitorKey, shard: Shard, states: States, incidents: tuple[Incident, ...]) -> MonitorView:
        reference_id = shard.incidents.reference_id(key)
        tally = self._tallies.setdefault(key, Tally())
        profile = self._pipeline.book.by_id(reference_id)
        keys: Iterable[ColumnKey] = [c.key for c in profile.columns] if profile else sorted(tally.columns)
        return MonitorView(
            key=key,
            state=states.monitor,
            reference_id=reference_id,
            reference_source=profile.source if profile else "",
            events=tally.events,
            last_event_ms=tally.last_event_ms,
            windows_closed=tally.windows_closed,
            windows_incomplete=tally.windows_incomplete,
            newest_window=tally.newest.window if tally.newest else None,
            sources=tally.newest.sources if tally.newest else (),
            columns=tuple(
                ColumnView(
                    key=column,
                    state=states.columns.get(column, ColumnState.NO_DATA),
                    newest=tally.columns.get(column),
                    detections=dict(tally.detections.get(column, {})),
                    detectable=tally.newest.detectable.get(column, {}) if tally.newest else {},
                )
                for column in keys
            ),
            incidents_opened=tally.incidents_opened,
            incidents=incidents,
            paging=frozenset(i.id for i in incidents if i.id in self.paging),
            outlooks={i.id: outlook_of(self._pipeline, shard, i) for i in incidents},
            evidence=tally.newest.evidence if tally.newest else None,
            threshold=tally.newest.threshold if tally.newest else None,
            calibrating=shard.incidents.calibrating(key),
        )
