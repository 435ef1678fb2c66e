"""The life of one monitor's incidents, window by window (statistics.md, section 5).

quiet → **firing** at a window with alarms. Columns that alarm within ``join`` join without a new page;
after that an alarm, of any column, is a new incident, linked to the newest open one, and takes over its
columns from older ones. A column leaves once nothing that pages has spoken about it for ``hold``; when
the last one leaves the incident is **resolved**. It is **superseded** when what it was about is gone:
its version's traffic has ended, or its reference was replaced.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from driftd.incidents.ids import incident_id
from driftd.incidents.memory import (
    Member,
    Onset,
    OpenIncident,
    ended_from_state,
    ended_to_state,
    open_from_state,
    open_to_state,
)
from driftd.incidents.offsets import WindowOffsets
from driftd.incidents.settings import MIN_WINDOWS, IncidentSettings
from driftd.incidents.share import Weighed, strength
from driftd.incidents.states import ColumnStates, States
from driftd.values.closed import SourceSpan
from driftd.values.keys import ColumnKey, MonitorKey
from driftd.values.settings import EVIDENCE
from driftd.values.state import State
from driftd.values.verdict import ColumnVerdict, Effect, Incident, WindowVerdict
from driftd.values.windows import Window

ENDED_KEPT_MS = 3_600_000


class ChangeKind(StrEnum):
    """What happened to an incident."""

    FIRING = "firing"
    UPDATED = "updated"
    RESOLVED = "resolved"
    SUPERSEDED = "superseded"


class Change(NamedTuple):
    """Something that happened to an incident: at most one per incident and window."""

    kind: ChangeKind
    incident: Incident
    onset: Onset
    window: Window  # the monitor's newest window then
    sources: tuple[SourceSpan, ...]
    time_ms: int


class MonitorIncidents:
    """All that is remembered of one monitor's incidents. Windows come in the order of event time."""

    def __init__(self, key: MonitorKey) -> None:
        self.key = key
        self.reference_id = ""  # of the newest window
        self.calibrating = 0  # windows still to be seen before evidence pages, where it does
        self.open: list[OpenIncident] = []  # oldest first
        self._ended: list[Incident] = []
        self._released_ms = 0  # until when something spoke about a column that left, at the latest
        self._number = 0  # windows so far
        self._window = Window(0, 0)
        self._sources: tuple[SourceSpan, ...] = ()
        self._offsets = WindowOffsets()
        self._columns = ColumnStates()

    @property
    def newest_ms(self) -> int:
        """End of the newest window."""
        return self._window.end_ms

    @property
    def settled_ms(self) -> int | None:
        """Since when the columns are as they are now, as far as is known; None while no incident is open.

        That is the newest onset among the suspects, or later, when a column that has left was last spoken about.
        """
        onsets = [member.effect.onset_ms for incident in self.open for member in incident.members.values()]
        return max(*onsets, self._released_ms) if onsets else None

    def observe(self, verdict: WindowVerdict, settings: IncidentSettings) -> list[Change]:
        """Take in the next window; return what it changed: a page first, then older incidents."""
        changes = self._replace_reference(verdict)
        self._remember(verdict, settings)
        held = {incident.id: dict(incident.members) for incident in self.open}
        self._hear(verdict, settings)
        self._page(verdict, settings)
        self._release(settings)
        return changes + self._compare(held)

    def supersede(self, at_ms: int) -> list[Change]:
        """End every open incident: what it was about is gone."""
        changes = [self._end(ChangeKind.SUPERSEDED, incident, at_ms) for incident in self.open]
        self.open = []
        return changes

    def incidents(self, now_ms: int) -> tuple[Incident, ...]:
        """Return the open incidents, and those that ended less than an hour before, newest first."""
        pictures = [incident.picture() for incident in self.open]
        pictures += [i for i in self._ended if i.ended_ms is not None and now_ms - i.ended_ms < ENDED_KEPT_MS]
        return tuple(sorted(pictures, key=lambda incident: -incident.opened_ms))

    def states(self, *, silent: bool) -> States:
        """Return the states of the monitor and its columns."""
        drifting = {key for incident in self.open for key in incident.members}
        return self._columns.states(self._number, drifting, silent=silent, calibrating=self.calibrating > 0)

    def _replace_reference(self, verdict: WindowVerdict) -> list[Change]:
        """End what was said against another reference: its columns may not even be watched any more."""
        if verdict.reference_id == self.reference_id:
            return []
        self.reference_id = verdict.reference_id
        self._columns = ColumnStates()
        return self.supersede(verdict.window.end_ms)

    def _remember(self, verdict: WindowVerdict, settings: IncidentSettings) -> None:
        self._number += 1
        self._window = verdict.window
        self._sources = verdict.sources
        self._offsets.add(verdict.window.start_ms, verdict.sources)
        self._columns.note(verdict, self._number)
        self.calibrating = verdict.calibrating if EVIDENCE in settings.page_on else 0
        self._ended = [i for i in self._ended if i.ended_ms is not None and self.newest_ms - i.ended_ms < ENDED_KEPT_MS]

    def _hear(self, verdict: WindowVerdict, settings: IncidentSettings) -> None:
        """Note which members are still spoken about, and how strong their effect is by now."""
        judged = {column.key: column for column in verdict.columns}
        for incident in self.open:
            joinable = self._joinable(incident, settings)
            for key in incident.members.keys() & judged.keys():
                member, column = incident.members[key], judged[key]
                member.back = (member.back or column.recovered) and not column.alarms
                if not (column.alarms or column.speaking):
                    member.quiet_windows += column.windows
                    continue
                member.spoke_ms, member.quiet_windows = verdict.window.end_ms, 0
                # The window that paged may have seen only part of the change.
                if joinable and strength(_effect(column)) > strength(member.effect):
                    member.effect = _effect(column)

    def _joinable(self, incident: OpenIncident, settings: IncidentSettings) -> bool:
        age_ms = self.newest_ms - incident.opened_ms
        return age_ms <= settings.join or self._number - incident.opened_at <= MIN_WINDOWS

    def _page(self, verdict: WindowVerdict, settings: IncidentSettings) -> None:
        """Put alarmed columns into the newest incident while it can be joined, else into a new one."""
        alarmed = [column for column in verdict.columns if column.alarms]
        if not alarmed:
            return
        if not self.open or not self._joinable(self.open[-1], settings):
            self.open.append(self._fire(alarmed, verdict))
        newest = self.open[-1]
        for column in alarmed:
            member = newest.members.setdefault(column.key, Member(self.newest_ms, _effect(column), self.newest_ms))
            member.evidence = member.evidence or _weighed(column)
            for older in self.open[:-1]:
                older.members.pop(column.key, None)

    def _fire(self, alarmed: Sequence[ColumnVerdict], verdict: WindowVerdict) -> OpenIncident:
        onset_ms = min(_effect(column).onset_ms for column in alarmed)
        by_evidence = any(EVIDENCE in column.alarms for column in alarmed)
        return OpenIncident(
            id=incident_id(self.key, self._window.start_ms),
            monitor=self.key,
            reference_id=self.reference_id,
            opened_ms=self.newest_ms,
            opened_at=self._number,
            onset=Onset(onset_ms, self._offsets.since(onset_ms)),
            previous=self.open[-1].id if self.open else None,
            members={},
            evidence=verdict.evidence if by_evidence else None,
            threshold=verdict.threshold if by_evidence else None,
        )

    def _release(self, settings: IncidentSettings) -> None:
        """Let go the columns about which nothing has spoken for long enough; no data is not silence.

        Of which the evidence says that they are back: as soon as they have been in the incident for ``hold``.
        """
        least_ms = max(settings.hold, MIN_WINDOWS * (self._window.end_ms - self._window.start_ms))
        for incident in self.open:
            for key, member in list(incident.members.items()):
                silent = member.quiet_windows >= MIN_WINDOWS and self.newest_ms - member.spoke_ms >= settings.hold
                back = member.back and member.quiet_windows > 0 and self.newest_ms - member.since_ms >= least_ms
                if silent or back:
                    del incident.members[key]
                    self._released_ms = max(self._released_ms, member.spoke_ms)

    def _compare(self, held: Mapping[str, Mapping[ColumnKey, Member]]) -> list[Change]:
        """Tell what became of each incident since its members were ``held``; end those without any."""
        fired: list[Change] = []
        others: list[Change] = []
        for incident in self.open:
            before = held.get(incident.id)
            if before is None:
                fired.append(self._change(ChangeKind.FIRING, incident, incident.picture(), self.newest_ms))
            elif not incident.members:
                others.append(self._end(ChangeKind.RESOLVED, incident, self.newest_ms, before))
            elif incident.members.keys() != before.keys():
                others.append(self._change(ChangeKind.UPDATED, incident, incident.picture(), self.newest_ms))
        self.open = [incident for incident in self.open if incident.members]
        return fired + others

    def _end(
        self, kind: ChangeKind, incident: OpenIncident, at_ms: int, members: Mapping[ColumnKey, Member] | None = None
    ) -> Change:
        ended = incident.picture(members, kind.value, at_ms)
        self._ended.append(ended)
        return self._change(kind, incident, ended, at_ms)

    def _change(self, kind: ChangeKind, incident: OpenIncident, picture: Incident, at_ms: int) -> Change:
        return Change(kind, picture, incident.onset, self._window, self._sources, at_ms)

    def to_state(self) -> State:
        """Return the memory."""
        return {
            "number": self._number,
            "reference_id": self.reference_id,
            "window": list(self._window),
            "sources": [list(span) for span in self._sources],
            "offsets": self._offsets.to_state(),
            "columns": self._columns.to_state(),
            "open": [open_to_state(incident) for incident in self.open],
            "ended": [ended_to_state(incident) for incident in self._ended],
            "released_ms": self._released_ms,
            "calibrating": self.calibrating,
        }

    @classmethod
    def from_state(cls, key: MonitorKey, state: State) -> "MonitorIncidents":
        """Take the memory back."""
        monitor = cls(key)
        monitor._number = state["number"]
        monitor.reference_id = state["reference_id"]
        monitor._window = Window(*state["window"])
        monitor._sources = tuple(SourceSpan(*span) for span in state["sources"])
        monitor._offsets = WindowOffsets.from_state(state["offsets"])
        monitor._columns = ColumnStates.from_state(state["columns"])
        monitor.open = [open_from_state(key, item) for item in state["open"]]
        monitor._ended = [ended_from_state(key, item) for item in state["ended"]]
        monitor._released_ms = state.get("released_ms", 0)  # releases before this one did not keep it
        monitor.calibrating = state.get("calibrating", 0)  # nor this
        return monitor


def _weighed(column: ColumnVerdict) -> Weighed | None:
    """Return the evidence that calls for a page about a column, None where it does not."""
    if EVIDENCE not in column.alarms or column.evidence is None or column.weight is None:
        return None
    return Weighed(column.evidence, column.weight)


def _effect(column: ColumnVerdict) -> Effect:
    assert column.effect is not None, "a column that speaks has an effect"
    return column.effect
