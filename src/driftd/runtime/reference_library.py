"""The references of a running daemon: the polled directory, and the copies that snapshots name."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from structlog.typing import FilteringBoundLogger

from driftd.config.model import Config
from driftd.errors import ProfileError
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.codec import profile_from_json, profile_to_json
from driftd.references.directory import ProfileDirectory
from driftd.references.profile import Profile
from driftd.runtime.masks import Masks
from driftd.runtime.pictures import Tally
from driftd.runtime.records import references_of
from driftd.runtime.redaction import redact, redact_verdicts
from driftd.snapshot.store import StateDirectory
from driftd.values.keys import MonitorKey
from driftd.values.state import State


class ReferenceLibrary:
    """Loads profiles, masks them as configured, keeps a copy of each in the state directory, and notices new ones.

    A profile that a snapshot names is read from its copy, so a restart never depends on what the
    directory holds by then.

    Where the configuration has become stricter since that copy was made, the copy is masked and keeps its id:
    counting goes on in the same bins, and what it says is masked from the first moment. Under an id of its own
    the masked profile is news, and takes effect as any new reference does.

    A profile that was made of live data (runtime.acceptance) stands in the place of what the directory has for its
    version, the predecessor's included, until that is another one.
    """

    def __init__(self, config: Config, state: StateDirectory, log: FilteringBoundLogger) -> None:
        self._state = state
        self._log = log
        self._missing = config.references.missing
        directory = config.references.directory
        self._directory = ProfileDirectory(directory, config.limits) if directory else None
        self._masks = Masks(config, log)
        self._masked: dict[str, Profile | ProfileError] = {}  # by the id of the file's profile
        self._stricter: dict[str, Profile] = {}  # by the id of a copy that is in force masked: under its own id
        self._found = ReferenceSet(None, ())  # what the directory held at the newest look
        self._told: frozenset[str] = frozenset()
        self.failed = 0  # files that cannot be read
        self.accepted: Mapping[str, str] = {}  # of the profiles returned last: as references.book.ReferenceSet says

    def open(self, records: Mapping[str, State] | None) -> ReferenceBook:
        """Return the book in force: the snapshot's, or else the directory's as it is now.

        What the snapshot's records say in values that must not be shown any more is taken out of them.
        """
        if records is not None:
            book = ReferenceBook(references_of(records, self._copy), self._missing)
            if self._masks:
                redact(records, self._masks.settings_of, book.by_id)
            return book
        found = self.poll()
        return ReferenceBook([ReferenceSet(None, tuple(self._kept(found or ())))], self._missing)

    def redact(self, tallies: Mapping[MonitorKey, Tally]) -> None:
        """Do the same to what was counted by a session with another configuration."""
        for monitor, tally in tallies.items():
            redact_verdicts(tally.columns, self._masks.settings_of(monitor.model))

    def poll(self) -> Sequence[Profile] | None:
        """Read the directory; return all its profiles, masked, None if there is no directory."""
        if self._directory is None:
            return None
        reading = self._directory.poll()
        self._masked = {profile.reference_id: self._mask(profile) for profile in reading.profiles}
        masked = self._masked.values()
        errors = [*reading.errors, *(profile for profile in masked if isinstance(profile, ProfileError))]
        self._tell(errors)
        self.failed = len(errors)
        self._masks.check_models(reading.profiles)
        self._found = ReferenceSet(None, tuple(profile for profile in masked if isinstance(profile, Profile)))
        return self._found.profiles

    def refresh(self, book: ReferenceBook) -> Sequence[Profile] | None:
        """Return the directory's profiles if they differ from the newest in the book, else None.

        While anything in it cannot be read, no model version loses its reference: right after a restart
        nobody knows what an unreadable file held.
        """
        found = self.poll()
        newest = book.sets[-1]
        ours = [self._stricter.get(profile.reference_id, profile) for profile in newest.profiles]
        if found is None:
            found = ours
        elif self.failed:
            found = _in_place(found, ours)
        self.accepted = {
            mine.reference_id: replaced
            for mine, profile in zip(ours, newest.profiles, strict=True)
            if (replaced := newest.accepted.get(profile.reference_id)) and self._stands(mine, replaced)
        }
        if self.accepted:
            found = _in_place([mine for mine in ours if mine.reference_id in self.accepted], found)
        if {p.reference_id for p in found} == {p.reference_id for p in newest.profiles}:
            return None
        return self._kept(found)

    def keep(self, profile: Profile) -> None:
        """Keep a copy of a profile that a snapshot is about to name. Raises SnapshotError."""
        self._kept([profile])

    def on_offer(self, profile: Profile) -> str | None:
        """Return the id of what the directory has for a profile's version, as its file says; None: nothing."""
        found = self._found.find(profile.model, profile.version_or_none, self._missing)
        if found is None:
            return None
        return next((name for name, masked in self._masked.items() if masked is found), found.reference_id)

    def _stands(self, profile: Profile, replaced: str) -> bool:
        """Tell whether a profile made of live data still stands for what the directory has for its version.

        While a file cannot be read it may be that one, unless another has the version.
        """
        if self._directory is None or self.on_offer(profile) == replaced:
            return True
        named = {(found.model, found.version_or_none) for found in self._found.profiles}
        return self.failed > 0 and (profile.model, profile.version_or_none) not in named

    def _mask(self, profile: Profile) -> Profile | ProfileError:
        """Mask a profile once: its ids are hashes of all of it."""
        known = self._masked.get(profile.reference_id)
        if known is not None:
            return known
        try:
            return self._masks.apply(profile)
        except ProfileError as error:
            return error

    def _kept(self, profiles: Sequence[Profile]) -> Sequence[Profile]:
        for profile in profiles:
            self._state.keep_reference(profile.reference_id, profile_to_json(profile))
        return profiles

    def _copy(self, reference_id: str) -> Profile:
        copy = profile_from_json(self._state.reference(reference_id), reference_id)
        masked = self._masks.apply(copy)
        if masked is copy:
            return copy
        self._stricter[reference_id] = masked
        return replace(masked, binning_id=copy.binning_id, reference_id=reference_id)

    def _tell(self, errors: Sequence[ProfileError]) -> None:
        told = frozenset(str(error) for error in errors)
        for message in sorted(told - self._told):
            self._log.error("reference_unreadable", reason=message)
        self._told = told


def _in_place(profiles: Sequence[Profile], others: Sequence[Profile]) -> Sequence[Profile]:
    """Return the profiles, and of the others those of versions that have none among them."""
    taken = {(profile.model, profile.version_or_none) for profile in profiles}
    return [*(other for other in others if (other.model, other.version_or_none) not in taken), *profiles]
