"""Which profile an event is held against: by model, version and window, over reloads.

Pure: the book never looks at a directory; references.directory reads profiles and hands them in.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from driftd.references.profile import Profile

Missing = Literal["previous", "reject"]


def version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key of versions: digit runs compare as numbers, the rest as text (``v9`` < ``v10``)."""
    return tuple(
        (0, len(digits := run.lstrip("0")), digits) if run.isdecimal() else (1, 0, run)
        for run in re.findall(r"[0-9]+|[^0-9]+", version)
    )


@dataclass(frozen=True)
class ReferenceSet:
    """All profiles in force from one window start on, one for each (model, version).

    ``accepted`` names those that were made of live data, each with the ``reference_id`` of the one in whose place
    it stands: whoever has that one on offer, and no other, is not to put it back in force.
    """

    from_ms: int | None  # None: from the beginning
    profiles: tuple[Profile, ...]
    accepted: Mapping[str, str] = field(default_factory=dict)

    def find(self, model: str, version: str, missing: Missing) -> Profile | None:
        """Return the version's own profile, else (``previous``) its predecessor's, else None.

        The predecessor is the greatest version below it in ``version_order``; where there is none below,
        the greatest of all: the choice never depends on the order in which versions turn up.
        """
        mine = sorted((p for p in self.profiles if p.model == model), key=lambda p: version_order(p.version_or_none))
        for profile in mine:
            if profile.version_or_none == version:
                return profile
        if not mine or missing == "reject":
            return None
        at = bisect_right([version_order(p.version_or_none) for p in mine], version_order(version))
        return mine[at - 1] if at else mine[-1]


class ReferenceBook:
    """The reference sets over time, the newest last. A window is held against one set, never two.

    ``add`` takes effect at the window start it is given; sets that no open window can need are dropped
    by ``forget``. ``find`` caches per set, O(1) after the first look-up of a (model, version).
    """

    def __init__(self, sets: Iterable[ReferenceSet], missing: Missing = "previous") -> None:
        self.missing: Missing = missing
        self._sets = tuple(sets)
        self._cache: dict[tuple[int | None, str, str], Profile | None] = {}

    @property
    def sets(self) -> tuple[ReferenceSet, ...]:
        """The sets, oldest first."""
        return self._sets

    def add(self, profiles: Iterable[Profile], from_ms: int, accepted: Mapping[str, str] | None = None) -> None:
        """Put a new set in force from window start ``from_ms`` on."""
        kept = tuple(s for s in self._sets if s.from_ms is None or s.from_ms < from_ms)
        self._sets = (*kept, ReferenceSet(from_ms, tuple(profiles), dict(accepted or {})))
        self._cache.clear()

    def put_back(self, sets: Iterable[ReferenceSet]) -> None:
        """Have these sets in force again, as they were before an ``add`` since which nothing was read."""
        self._sets = tuple(sets)
        self._cache.clear()

    def forget(self, before_ms: int) -> None:
        """Drop the sets that were followed by another one in force at ``before_ms``."""
        starts = [s.from_ms if s.from_ms is not None else -(2**63) for s in self._sets]
        at = bisect_right(starts, before_ms)
        if at > 1:
            self._sets = self._sets[at - 1 :]
            self._cache.clear()

    def at(self, window_start_ms: int) -> ReferenceSet:
        """Return the set in force for a window."""
        for candidate in reversed(self._sets):
            if candidate.from_ms is None or candidate.from_ms <= window_start_ms:
                return candidate
        return self._sets[0]

    def find(self, model: str, version: str, window_start_ms: int) -> Profile | None:
        """Return the profile for an event of this window, or None: rejected as ``no_reference``."""
        in_force = self.at(window_start_ms)
        key = (in_force.from_ms, model, version)
        if key not in self._cache:
            if len(self._cache) > 10_000:  # versions come from input: the cache must not grow with them
                self._cache.clear()
            self._cache[key] = in_force.find(model, version, self.missing)
        return self._cache[key]

    def by_id(self, reference_id: str) -> Profile | None:
        """Return the newest set's profile of this id, or an older set's, or None."""
        for in_force in reversed(self._sets):
            for profile in in_force.profiles:
                if profile.reference_id == reference_id:
                    return profile
        return None
