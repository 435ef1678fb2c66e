"""The detect stage: closed windows in, verdicts out."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from driftd.detect.baseline import Baseline, Baselines
from driftd.detect.column import ColumnWatch
from driftd.detect.distances import NO_DISTANCE, distances
from driftd.detect.evidence.foreseen import NO_FORECAST
from driftd.detect.evidence.monitor import Said
from driftd.detect.made_with import made_with
from driftd.detect.observed import Observed
from driftd.detect.river_adapter import RIVER_VERSION, DetectorKit
from driftd.detect.settings import GROSS, DetectSettings
from driftd.detect.weighing import Weighing
from driftd.errors import ProfileError
from driftd.references.book import version_order
from driftd.references.profile import Profile
from driftd.values.closed import ClosedWindow
from driftd.values.keys import Channel, ColumnKey, MonitorKey, Role
from driftd.values.paging import Paging
from driftd.values.settings import EVIDENCE, PageRule
from driftd.values.state import State
from driftd.values.verdict import Distances, WindowVerdict

_SEPARATOR = "\x1f"


@dataclass(slots=True)
class _Monitor:
    """What is remembered of one monitor, all of it against one reference."""

    reference_id: str
    settings: DetectSettings  # those of its newest window
    kit: DetectorKit
    columns: dict[ColumnKey, ColumnWatch] = field(default_factory=dict)
    weighing: Weighing = field(default_factory=Weighing)

    def adopt(self, settings: DetectSettings) -> None:
        """Judge by other settings from the next window on."""
        self.settings = settings
        self.kit = DetectorKit(settings.detectors)
        for watch in self.columns.values():
            watch.adopt(self.kit, settings.gross)


class DetectStage:
    """Judges closed windows, each monitor and each column on its own.

    A verdict follows from the monitor's own windows in their order, its profile and the settings, and from two
    things of its model's other monitors: how many share the budget, and what a new one takes over of what was learnt
    before it. Held against a new reference detectors begin anew; of the evidence what still holds goes on. Where the
    settings change, a monitor takes them on with its first window under them: detectors with the same options go on,
    changed ones begin anew.

    ``settings_at`` gives the settings in force for a window by its start, ``paging_at`` what pages for a model, by
    its name and the window's start, ``profile_of`` the profile of a ``reference_id``.
    """

    def __init__(
        self,
        settings_at: Callable[[int], DetectSettings],
        paging_at: Callable[[str, int], Paging],
        profile_of: Callable[[str], Profile | None],
    ) -> None:
        self._settings_at = settings_at
        self._paging_at = paging_at
        self._profile_of = profile_of
        self._monitors: dict[MonitorKey, _Monitor] = {}
        self._baselines: dict[str, Baselines] = {}

    def observe(self, window: ClosedWindow) -> WindowVerdict:
        """Judge a window; ProfileError if its reference is not known."""
        baselines = self._baselines_of(window.reference_id)
        monitor = self._monitor_of(window)
        paging = self._paging_at(window.monitor.model, window.window.start_ms)
        held_against = [baselines[sums.column] for sums in window.columns]
        observed = [baseline.observed(sums.sums) for baseline, sums in zip(held_against, window.columns, strict=True)]
        watches = [self._watch(window.monitor, monitor, baseline.column.key) for baseline in held_against]
        share = 1 / sum(key.model == window.monitor.model for key in self._monitors)
        judged, detectable = monitor.weighing.observe(window, observed, baselines, paging, share)
        spoken = [judged.columns.get(sums.column) for sums in window.columns]
        forecasts = [judged.forecasts.of(sums.column) if judged.forecasts else NO_FORECAST for sums in window.columns]
        given = zip(window.columns, observed, _distances(observed, held_against), held_against, strict=True)
        return WindowVerdict(
            monitor=window.monitor,
            window=window.window,
            reference_id=window.reference_id,
            events=window.events,
            incomplete=window.incomplete,
            sources=window.sources,
            columns=tuple(
                watch.observe(
                    *one,
                    page_on=rules_for(paging.rules, said),
                    said=said,
                    forecast=forecast,
                    unsteady=one[0].column in judged.unsteady,
                )
                for watch, one, said, forecast in zip(watches, given, spoken, forecasts, strict=True)
            ),
            starved=tuple(baselines[column].column.key for column in window.starved),
            newest_ms=window.newest_ms,
            evidence=None if judged.calibrating else judged.log10,
            threshold=judged.log10_threshold,
            calibrating=judged.calibrating,
            detectable=detectable,
        )

    def forget(self, monitor: MonitorKey) -> None:
        """Drop what is remembered of a monitor; harmless where there is nothing."""
        self._monitors.pop(monitor, None)
        self._drop_unused_baselines()

    def to_state(self) -> dict[MonitorKey, State]:
        """Return the memory, one record per monitor, by key; SnapshotError if river's memory cannot be read."""
        return {
            key: {
                "river": RIVER_VERSION,
                "detectors": monitor.kit.signature(),
                "reference_id": monitor.reference_id,
                "columns": {str(column): watch.to_state() for column, watch in sorted(monitor.columns.items())},
                "weighing": monitor.weighing.to_state(),
            }
            for key, monitor in sorted(self._monitors.items())
        }

    def restore(self, state: Mapping[MonitorKey, State]) -> None:
        """Take back what ``to_state`` gave, replacing all memory; SnapshotError if it does not fit river.

        The detectors go on with the options that their memory was made with, until the monitor's next window
        brings others.
        """
        self._monitors = {}
        for key, record in state.items():
            gross = self._settings_at(0).gross  # its memory fits any settings; the next window brings the right ones
            settings = DetectSettings(detectors=made_with(record["detectors"]), gross=gross)
            kit = DetectorKit(settings.detectors)
            monitor = self._monitors[key] = _Monitor(record["reference_id"], settings, kit)
            monitor.weighing = Weighing(record.get("weighing"))
            for text, memory in record["columns"].items():
                role, name = text.split(":", 1)
                self._watch(key, monitor, ColumnKey(Role(role), name)).restore(memory, kit.on_binary)
        self._drop_unused_baselines()

    def _monitor_of(self, window: ClosedWindow) -> _Monitor:
        settings = self._settings_at(window.window.start_ms)
        monitor = self._monitors.get(window.monitor)
        if monitor is None or monitor.reference_id != window.reference_id:
            before = monitor
            monitor = _Monitor(window.reference_id, settings, DetectorKit(settings.detectors))
            self._inherit(monitor, window, before)
            self._monitors[window.monitor] = monitor
            self._drop_unused_baselines()
        elif monitor.settings != settings:
            monitor.adopt(settings)
        return monitor

    def _inherit(self, monitor: _Monitor, window: ClosedWindow, before: _Monitor | None) -> None:
        """Let a new monitor go on with what is known: of itself, held against another reference ``before``.

        Else of the newest other version of its model (statistics, section 5).
        """
        model, _, segment = window.monitor
        others = [key for key in self._monitors if (key.model, key.segment) == (model, segment)]
        newest = max(others, key=lambda key: version_order(key.version), default=None)
        parent = before or (self._monitors[newest] if newest else None)
        if parent is None or self._profile_of(parent.reference_id) is None:
            return
        ours, theirs = (self._baselines_of(one.reference_id) for one in (monitor, parent))
        spans_ms = [sums.span.end_ms - sums.span.start_ms for sums in window.columns]
        span_ms = median(spans_ms) if spans_ms else window.window.end_ms - window.window.start_ms
        monitor.weighing.inherit(parent.weighing, ours, theirs, span_ms, itself=parent is before)

    def _watch(self, key: MonitorKey, monitor: _Monitor, column: ColumnKey) -> ColumnWatch:
        watch = monitor.columns.get(column)
        if watch is None:
            watch = ColumnWatch(monitor.kit, monitor.settings.gross, _SEPARATOR.join((*key, *column)))
            monitor.columns[column] = watch
        return watch

    def _baselines_of(self, reference_id: str) -> Baselines:
        if reference_id not in self._baselines:
            profile = self._profile_of(reference_id)
            if profile is None:
                raise ProfileError(reference_id, "a window is held against this profile, and it is not loaded")
            self._baselines[reference_id] = Baselines(profile)
        return self._baselines[reference_id]

    def _drop_unused_baselines(self) -> None:
        used = {monitor.reference_id for monitor in self._monitors.values()}
        self._baselines = {name: baselines for name, baselines in self._baselines.items() if name in used}


def rules_for(rules: tuple[PageRule, ...], said: Said | None) -> tuple[PageRule, ...]:
    """Return what pages for a column: where the evidence cannot speak yet, or hardly ever will, gross drift as well."""
    gross = PageRule(GROSS)
    speaks = said is not None and not said.blind
    return rules if speaks or gross in rules or PageRule(EVIDENCE) not in rules else (*rules, gross)


def _distances(observed: Sequence[Observed], held_against: Sequence[Baseline]) -> list[Distances]:
    """Return each column's distances, computed together for all columns with equally many test bins."""
    of_size: dict[int, list[int]] = defaultdict(list)
    for at, one in enumerate(observed):
        of_size[len(one.counts)].append(at)
    apart = [NO_DISTANCE] * len(observed)
    for group in of_size.values():
        rows = distances(
            np.stack([observed[at].counts for at in group]),
            np.stack([held_against[at].counts for at in group]),
            np.stack([held_against[at].ranks[Channel.LOCATION] for at in group]),
        )
        for at, row in zip(group, rows, strict=True):
            apart[at] = row
    return apart
