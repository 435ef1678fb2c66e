"""The incident stage: window verdicts in, drift events out."""

from collections.abc import Callable, Mapping

from driftd.incidents.events import drift_event
from driftd.incidents.lifecycle import Change, MonitorIncidents
from driftd.incidents.settings import IncidentSettings
from driftd.incidents.states import States
from driftd.values.keys import MonitorKey
from driftd.values.state import State
from driftd.values.verdict import DriftEvent, Incident, MonitorState, WindowVerdict


class IncidentStage:
    """Follows the incidents of all monitors.

    Pure, and driven by windows alone: the same verdicts in the same order (by window, then monitor) give
    the same events and the same memory, however many come at a time. ``settings_of`` gives a model's
    settings for a window by its start, ``window_ms`` is the length of a window. Memory per monitor: the
    offsets of at most 288 windows, its columns' states, its open incidents, and those that ended within the
    last hour.
    """

    def __init__(
        self, settings_of: Callable[[str, int], IncidentSettings], window_ms: int, external_url: str | None = None
    ) -> None:
        self.window_ms = window_ms
        self.external_url = external_url
        self._settings_of = settings_of
        self._monitors: dict[MonitorKey, MonitorIncidents] = {}
        self._firing: set[MonitorKey] = set()
        self._newest_ms: dict[str, dict[str, int]] = {}  # by model and version: end of its newest window

    def observe(self, verdict: WindowVerdict) -> list[DriftEvent]:
        """Take in a window of one monitor; return what it changed, in the order in which it is to be told."""
        key = verdict.monitor
        settings = self._settings_of(key.model, verdict.window.start_ms)
        changes = self._supersede(verdict, settings)
        monitor = self._monitors.setdefault(key, MonitorIncidents(key))
        changes += monitor.observe(verdict, settings)
        self._place(monitor)
        return [drift_event(change, self.external_url) for change in changes]

    def forget(self, monitor: MonitorKey, at_ms: int) -> list[DriftEvent]:
        """Drop what is remembered of a monitor: its open incidents end as superseded, at this event time."""
        known = self._monitors.pop(monitor, None)
        if known is None:
            return []
        self._firing.discard(monitor)
        if not any(key[:2] == monitor[:2] for key in self._monitors):
            versions = self._newest_ms[monitor.model]
            del versions[monitor.version]
            if not versions:
                del self._newest_ms[monitor.model]
        return [drift_event(change, self.external_url) for change in known.supersede(at_ms)]

    @property
    def monitors(self) -> tuple[MonitorKey, ...]:
        """The monitors seen so far, sorted."""
        return tuple(sorted(self._monitors))

    def reference_id(self, monitor: MonitorKey) -> str:
        """Return the reference of a monitor's newest window; KeyError if it has had none."""
        return self._monitors[monitor].reference_id

    def settled_ms(self, monitor: MonitorKey) -> int | None:
        """Return since when a monitor's columns are as they are now; None while none of its incidents is open."""
        known = self._monitors.get(monitor)
        return known.settled_ms if known else None

    def calibrating(self, monitor: MonitorKey) -> int:
        """Return how many windows a monitor must still see before evidence pages; 0 where it does, or is not to."""
        known = self._monitors.get(monitor)
        return known.calibrating if known else 0

    def incidents(self, monitor: MonitorKey, frontier_ms: int) -> tuple[Incident, ...]:
        """Return a monitor's incidents, newest first: open, and ended less than an hour before the frontier."""
        known = self._monitors.get(monitor)
        return known.incidents(frontier_ms) if known else ()

    def states(self, monitor: MonitorKey, frontier_ms: int) -> States:
        """Return the states of a monitor and its columns, ``frontier_ms`` being how far event time has come."""
        known = self._monitors.get(monitor)
        if known is None:
            return States(MonitorState.NO_DATA, {})
        silence_ms = self._settings_of(monitor.model, frontier_ms).silence_ms(self.window_ms)
        return known.states(silent=frontier_ms - known.newest_ms >= silence_ms)

    def to_state(self) -> dict[MonitorKey, State]:
        """Return the memory of each monitor, by key."""
        return {key: self._monitors[key].to_state() for key in sorted(self._monitors)}

    def restore(self, state: Mapping[MonitorKey, State]) -> None:
        """Take the memory back: all later behaviour is as if the stage had never stopped."""
        for key in sorted(state):
            self._monitors[key] = MonitorIncidents.from_state(key, state[key])
            self._place(self._monitors[key])

    def _place(self, monitor: MonitorIncidents) -> None:
        """Note how far the monitor's version has come, and whether it fires."""
        key = monitor.key
        versions = self._newest_ms.setdefault(key.model, {})
        versions[key.version] = max(versions.get(key.version, monitor.newest_ms), monitor.newest_ms)
        if monitor.open:
            self._firing.add(key)
        else:
            self._firing.discard(key)

    def _supersede(self, verdict: WindowVerdict, settings: IncidentSettings) -> list[Change]:
        """End the incidents of the model's other versions whose traffic has ended by this window's start.

        A version's traffic has ended when none of its monitors has had a window for ``silence`` while
        another version has one. Where the whole model is silent nothing ends: no data is no recovery.
        """
        silence_ms = settings.silence_ms(self.window_ms)
        changes: list[Change] = []
        for key in sorted(k for k in self._firing if k.model == verdict.monitor.model):
            newest_ms = self._newest_ms[key.model][key.version]
            if key.version != verdict.monitor.version and verdict.window.start_ms - newest_ms >= silence_ms:
                changes += self._monitors[key].supersede(verdict.window.end_ms)
                self._firing.discard(key)
        return changes
