"""What is remembered of an incident, and its plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from driftd.incidents.offsets import SourceOffset
from driftd.incidents.share import Weighed, shares
from driftd.values.keys import Channel, ColumnKey, MonitorKey, Role
from driftd.values.state import State
from driftd.values.verdict import Effect, Incident, Suspect


class Onset(NamedTuple):
    """When an incident's change began, and where to read its sources from to see all of it."""

    time_ms: int
    offsets: tuple[SourceOffset, ...]


@dataclass(slots=True)
class Member:
    """A column of an open incident."""

    since_ms: int  # end of the window in which it joined
    effect: Effect
    spoke_ms: int  # end of the newest window in which something that pages spoke about it
    quiet_windows: int = 0  # windows judged since
    evidence: Weighed | None = None  # as it was when evidence first named it
    back: bool = False  # the evidence says that it has recovered


@dataclass(slots=True)
class OpenIncident:
    """An incident that fires."""

    id: str
    monitor: MonitorKey
    reference_id: str
    opened_ms: int
    opened_at: int  # number of the monitor's window that paged
    onset: Onset
    previous: str | None
    members: dict[ColumnKey, Member]
    evidence: float | None = None  # log10, of the monitor's: where evidence paged
    threshold: float | None = None  # likewise: of what it takes to page

    def picture(
        self, members: Mapping[ColumnKey, Member] | None = None, state: str = "firing", ended_ms: int | None = None
    ) -> Incident:
        """Return the incident as others see it; ``members`` stands in for those that have just left."""
        return Incident(
            id=self.id,
            monitor=self.monitor,
            reference_id=self.reference_id,
            opened_ms=self.opened_ms,
            onset_ms=self.onset.time_ms,
            suspects=_suspects(self.members if members is None else members),
            state=state,
            ended_ms=ended_ms,
            previous=self.previous,
            evidence=self.evidence,
            threshold=self.threshold,
        )


def _suspects(members: Mapping[ColumnKey, Member]) -> tuple[Suspect, ...]:
    """Return the suspects by falling share, then by key."""
    known = members.values()
    parts = shares([member.effect for member in known], [member.evidence for member in known]) if members else []
    suspects = [
        Suspect(key, member.since_ms, share, member.effect, member.evidence.log10 if member.evidence else None)
        for (key, member), share in zip(members.items(), parts, strict=True)
    ]
    return tuple(sorted(suspects, key=lambda suspect: (-suspect.share, suspect.key)))


def open_to_state(incident: OpenIncident) -> State:
    """Write an open incident."""
    return {
        "id": incident.id,
        "reference_id": incident.reference_id,
        "opened_ms": incident.opened_ms,
        "opened_at": incident.opened_at,
        "onset_ms": incident.onset.time_ms,
        "onset_offsets": [list(place) for place in incident.onset.offsets],
        "previous": incident.previous,
        "evidence": incident.evidence,
        "threshold": incident.threshold,
        "members": [
            {
                **_key_to_state(key),
                "since_ms": member.since_ms,
                "effect": _effect_to_state(member.effect),
                "spoke_ms": member.spoke_ms,
                "quiet_windows": member.quiet_windows,
                "back": member.back,
                "evidence": list(member.evidence) if member.evidence else None,
            }
            for key, member in sorted(incident.members.items())
        ],
    }


def open_from_state(monitor: MonitorKey, state: State) -> OpenIncident:
    """Read an open incident."""
    return OpenIncident(
        id=state["id"],
        monitor=monitor,
        reference_id=state["reference_id"],
        opened_ms=state["opened_ms"],
        opened_at=state["opened_at"],
        onset=Onset(state["onset_ms"], tuple(SourceOffset(*place) for place in state["onset_offsets"])),
        previous=state["previous"],
        members={_key_from_state(item): _member_from_state(item) for item in state["members"]},
        evidence=state.get("evidence"),  # releases before this one paged by other rules
        threshold=state.get("threshold"),
    )


def _member_from_state(state: State) -> Member:
    evidence = state.get("evidence")
    return Member(
        since_ms=state["since_ms"],
        effect=_effect_from_state(state["effect"]),
        spoke_ms=state["spoke_ms"],
        quiet_windows=state["quiet_windows"],
        back=state.get("back", False),
        evidence=Weighed(*evidence) if evidence else None,
    )


def ended_to_state(incident: Incident) -> State:
    """Write an incident that has ended."""
    return {
        "id": incident.id,
        "reference_id": incident.reference_id,
        "opened_ms": incident.opened_ms,
        "onset_ms": incident.onset_ms,
        "state": incident.state,
        "ended_ms": incident.ended_ms,
        "previous": incident.previous,
        "evidence": incident.evidence,
        "threshold": incident.threshold,
        "suspects": [
            {
                **_key_to_state(suspect.key),
                "since_ms": suspect.since_ms,
                "share": suspect.share,
                "effect": _effect_to_state(suspect.effect),
                "log10_evidence": suspect.log10_evidence,
            }
            for suspect in incident.suspects
        ],
    }


def ended_from_state(monitor: MonitorKey, state: State) -> Incident:
    """Read an incident that has ended."""
    return Incident(
        id=state["id"],
        monitor=monitor,
        reference_id=state["reference_id"],
        opened_ms=state["opened_ms"],
        onset_ms=state["onset_ms"],
        suspects=tuple(
            Suspect(
                _key_from_state(item),
                item["since_ms"],
                item["share"],
                _effect_from_state(item["effect"]),
                item.get("log10_evidence"),
            )
            for item in state["suspects"]
        ),
        state=state["state"],
        ended_ms=state["ended_ms"],
        previous=state["previous"],
        evidence=state.get("evidence"),
        threshold=state.get("threshold"),
    )


def _key_to_state(key: ColumnKey) -> State:
    return {"role": str(key.role), "name": key.name}


def _key_from_state(state: State) -> ColumnKey:
    return ColumnKey(Role(state["role"]), state["name"])


def _effect_to_state(effect: Effect) -> State:
    return {
        "channel": str(effect.channel),
        "direction": effect.direction,
        "size": effect.size,
        "onset_ms": effect.onset_ms,
        "before": effect.before,
        "after": effect.after,
        "bins": list(effect.bins),
    }


def _effect_from_state(state: State) -> Effect:
    return Effect(
        channel=Channel(state["channel"]),
        direction=state["direction"],
        size=state["size"],
        onset_ms=state["onset_ms"],
        before=state["before"],
        after=state["after"],
        bins=tuple(state["bins"]),
    )
