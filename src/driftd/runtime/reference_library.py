"""The references of a running daemon: the polled directory, and the copies that snapshots name."""

from collections.abc import Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from driftd.errors import ProfileError
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.codec import profile_from_json, profile_to_json
from driftd.references.directory import ProfileDirectory
from driftd.references.profile import Profile
from driftd.references.settings import ReferenceSettings
from driftd.runtime.records import references_of
from driftd.snapshot.store import StateDirectory
from driftd.values.settings import LimitSettings
from driftd.values.state import State


class ReferenceLibrary:
    """Loads profiles, keeps a copy of each in the state directory, and notices new ones.

    A profile that a snapshot names is read from its copy, so a restart never depends on what the
    directory holds by then.
    """

    def __init__(
        self, settings: ReferenceSettings, limits: LimitSettings, state: StateDirectory, log: FilteringBoundLogger
    ) -> None:
        self._state = state
        self._log = log
        self._missing = settings.missing
        self._directory = ProfileDirectory(settings.directory, limits) if settings.directory else None
        self._told: frozenset[str] = frozenset()
        self.failed = 0  # files that cannot be read

    def open(self, records: Mapping[str, State] | None) -> ReferenceBook:
        """Return the book in force: the snapshot's, or else the directory's as it is now."""
        if records is not None:
            return ReferenceBook(references_of(records, self._copy), self._missing)
        found = self.poll()
        return ReferenceBook([ReferenceSet(None, tuple(self._kept(found or ())))], self._missing)

    def poll(self) -> Sequence[Profile] | None:
        """Read the directory; return all its profiles, None if there is no directory."""
        if self._directory is None:
            return None
        reading = self._directory.poll()
        self._tell(reading.errors)
        self.failed = len(reading.errors)
        return reading.profiles

    def refresh(self, book: ReferenceBook) -> Sequence[Profile] | None:
        """Return the directory's profiles if they differ from the newest in the book, else None.

        While anything in it cannot be read, no model version loses its reference: right after a restart
        nobody knows what an unreadable file held.
        """
        found = self.poll()
        if found is None:
            return None
        in_force = book.sets[-1].profiles
        if self.failed:
            named = {(p.model, p.version_or_none) for p in found}
            found = [*found, *(p for p in in_force if (p.model, p.version_or_none) not in named)]
        if {p.reference_id for p in found} == {p.reference_id for p in in_force}:
            return None
        return self._kept(found)

    def _kept(self, profiles: Sequence[Profile]) -> Sequence[Profile]:
        for profile in profiles:
            self._state.keep_reference(profile.reference_id, profile_to_json(profile))
        return profiles

    def _copy(self, reference_id: str) -> Profile:
        return profile_from_json(self._state.reference(reference_id), reference_id)

    def _tell(self, errors: Sequence[ProfileError]) -> None:
        told = frozenset(str(error) for error in errors)
        for message in sorted(told - self._told):
            self._log.error("reference_unreadable", reason=message)
        self._told = told
