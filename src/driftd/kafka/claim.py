"""Who commits for the group: written into the metadata of each committed offset.

Nobody joins the group, so the brokers would let two instances commit side by side. Each commit therefore
names its instance and the time, and an instance that finds another one's fresh claim stays away.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from driftd.errors import InstanceConflict


@dataclass(frozen=True, slots=True)
class Claim:
    """One instance's word that it was at work at ``time_ms`` (its wall clock); ``stopped``: and has ended."""

    instance: str
    time_ms: int
    stopped: bool = False

    def to_metadata(self) -> str:
        """Write the claim as compact JSON."""
        document: dict[str, object] = {"instance": self.instance, "time_ms": self.time_ms}
        if self.stopped:
            document["stopped"] = True
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_metadata(cls, metadata: str | None) -> "Claim | None":
        """Read a claim; None if somebody else wrote the metadata, or nobody."""
        try:
            document = json.loads(metadata or "")
        except ValueError:
            return None
        match document:
            case {"instance": str(instance), "time_ms": int(time_ms)}:
                return cls(instance, time_ms, document.get("stopped") is True)
        return None


def refuse_conflict(claims: Iterable[Claim], group_id: str, instance: str, now_ms: int, fresh_seconds: float) -> None:
    """Raise InstanceConflict if another instance was at work within ``fresh_seconds`` and has not stopped.

    The distance in time counts whichever way it points: clocks of two hosts differ.
    """
    others = [claim for claim in claims if claim.instance != instance and not claim.stopped]
    for claim in sorted(others, key=lambda claim: claim.time_ms, reverse=True):
        seconds_ago = (now_ms - claim.time_ms) / 1000
        if abs(seconds_ago) < fresh_seconds:
            raise InstanceConflict(group_id, claim.instance, max(seconds_ago, 0.0))
