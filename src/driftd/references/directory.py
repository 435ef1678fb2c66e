"""A directory of profiles, polled. Files are found by their content (model, version), not by their names."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from driftd.errors import ProfileError
from driftd.references.codec import profile_from_json
from driftd.references.profile import Profile
from driftd.values.settings import LimitSettings

MAX_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Polled:
    """The profiles of the directory, by model and version, and what is wrong with it.

    ``changed`` says that the profiles are others than at the poll before.
    """

    changed: bool
    profiles: tuple[Profile, ...]
    errors: tuple[ProfileError, ...]


class _Stamp(NamedTuple):
    """What tells that a file was changed without reading it."""

    inode: int
    size: int
    modified_ns: int


@dataclass(slots=True)
class _File:
    stamp: _Stamp
    profile: Profile | None  # the last good one
    error: ProfileError | None


class ProfileDirectory:
    """Reads ``*.json`` of one directory, hidden files excepted; each file again only when it changed.

    A file that cannot be read fails alone: its error is reported at every poll until it is mended, and what
    it held before stays in force, so that a half-written file takes no reference away. A removed file does.
    Of two files with the same model and version and different content the first by name holds.
    """

    def __init__(self, path: Path, limits: LimitSettings | None = None) -> None:
        self._path = path
        self._columns = (limits or LimitSettings()).columns
        self._files: dict[str, _File] = {}
        self._ids: tuple[str, ...] = ()

    def poll(self) -> Polled:
        """Look at the directory again."""
        try:
            paths = sorted(p for p in self._path.iterdir() if p.suffix == ".json" and not p.name.startswith("."))
        except OSError as error:
            reason = f"the directory of profiles cannot be read: {error.strerror}"
            return self._polled([ProfileError(str(self._path), reason)])
        self._files = {path.name: self._look(path) for path in paths}
        return self._polled([])

    def _look(self, path: Path) -> _File:
        before = self._files.get(path.name)
        last_good = before.profile if before else None
        try:
            status = path.stat()
            stamp = _Stamp(status.st_ino, status.st_size, status.st_mtime_ns)
            if before is not None and before.stamp == stamp:
                return before
            return _File(stamp, self._read(path, status.st_size), None)
        except OSError as error:
            return _File(_Stamp(0, 0, 0), last_good, ProfileError(str(path), f"cannot be read: {error.strerror}"))
        except ProfileError as error:
            return _File(stamp, last_good, error)

    def _read(self, path: Path, size: int) -> Profile:
        if not path.is_file() or size > MAX_BYTES:
            raise ProfileError(str(path), f"is not a file of at most {MAX_BYTES} bytes")
        profile = profile_from_json(path.read_bytes(), str(path))
        if len(profile.columns) > self._columns:
            reason = f"{len(profile.columns)} columns are more than limits.columns = {self._columns}"
            raise ProfileError(str(path), reason)
        return profile

    def _polled(self, errors: list[ProfileError]) -> Polled:
        found: dict[tuple[str, str], tuple[str, Profile]] = {}
        for name, file in sorted(self._files.items()):
            if file.error is not None:
                errors.append(file.error)
            if file.profile is None:
                continue
            key = (file.profile.model, file.profile.version_or_none)
            first, profile = found.setdefault(key, (name, file.profile))
            if profile.reference_id != file.profile.reference_id:
                reason = f"model {key[0]!r} version {key[1]!r} is already in {first}: remove one of the two"
                errors.append(ProfileError(str(self._path / name), reason))
        profiles = tuple(profile for _, (_, profile) in sorted(found.items(), key=lambda item: item[0]))
        ids = tuple(profile.reference_id for profile in profiles)
        changed, self._ids = ids != self._ids, ids
        return Polled(changed, profiles, tuple(errors))
