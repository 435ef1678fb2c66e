"""The state directory: one snapshot, the references it names, and a lock.

::

    snapshot.jsonl        the newest snapshot, replaced atomically
    references/ID.json    every profile that the snapshot names, by content
    instance              names this daemon across its restarts
    lock                  held by the process that owns the directory

Nobody but its owner can read what is in it: it holds values of features.
"""

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from driftd.errors import SnapshotError, StateLocked
from driftd.snapshot.restoring import REMEDY

SNAPSHOT = "snapshot.jsonl"
TEMPORARY = ".tmp"
_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700
_INSTANCE_BYTES = 1_024
_REFERENCE_ID = re.compile(r"[0-9a-f]{1,64}")
_INSTANCE = re.compile(r"[\x21-\x7e]{1,300}")


class StateDirectory:
    """Owns a state directory from ``open`` to ``close``; a context manager.

    A write is all or nothing, also across a power cut: temporary file, fsync, rename, directory fsync. One
    that fails leaves what was there before, and no temporary file.
    Every method raises SnapshotError if the directory cannot be used, and ``open`` StateLocked if another
    process holds it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / SNAPSHOT
        self._references = directory / "references"
        self._lock: int | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Make the directory if need be, lock it, and remove what a crash left half-written."""
        with _usable(self.directory):
            self.directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            self._references.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
            handle = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _FILE_MODE)
        try:
            self._take(handle)
        except BaseException:
            os.close(handle)
            raise
        self._lock = handle

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def instance(self, proposal: str) -> str:
        """Return the name of the daemon that this directory belongs to; the first proposal is kept.

        A file that holds no name, such as an empty one, counts as none.
        """
        path = self.directory / "instance"
        with _usable(path), suppress(FileNotFoundError):
            name = _read_file(path, _INSTANCE_BYTES).decode("utf-8", "replace").strip()
            if _INSTANCE.fullmatch(name):
                return name
        self._replace(path, f"{proposal}\n".encode())
        return proposal

    def read(self) -> bytes | None:
        """Return the newest snapshot's bytes, None if there is none."""
        with _usable(self.path), suppress(FileNotFoundError):
            return _read_file(self.path)
        return None

    def written_ms(self) -> int | None:
        """Return when the snapshot was written by the file system's clock, None if there is none."""
        with _usable(self.path), suppress(FileNotFoundError):
            return self.path.stat().st_mtime_ns // 1_000_000
        return None

    def write(self, data: bytes) -> None:
        """Replace the snapshot."""
        self._replace(self.path, data)

    def reset(self) -> bool:
        """Remove the snapshot; return whether there was one."""
        with _usable(self.path), suppress(FileNotFoundError):
            self.path.unlink()
            _sync(self.directory)
            return True
        return False

    def keep_reference(self, reference_id: str, data: bytes) -> None:
        """Keep a profile's document under its id."""
        path = self._reference_path(reference_id)
        with _usable(path):
            kept = path.exists()
        if not kept:
            self._replace(path, data)

    def reference(self, reference_id: str) -> bytes:
        """Return a kept profile's document."""
        path = self._reference_path(reference_id)
        try:
            return _read_file(path)
        except OSError as error:
            raise SnapshotError(
                str(path), "is named by the snapshot but cannot be read", "restore it, or run `driftd state reset`"
            ) from error

    def forget_references(self, kept: frozenset[str]) -> None:
        """Remove the profiles that no snapshot names any more."""
        with _usable(self._references):
            for path in self._references.glob("*.json"):
                if path.stem not in kept:
                    path.unlink(missing_ok=True)

    def _reference_path(self, reference_id: str) -> Path:
        """Return where a profile is kept; an id comes from a snapshot, and must not lead to other places."""
        if not _REFERENCE_ID.fullmatch(reference_id):
            raise SnapshotError(
                str(self.path), f"names a reference {reference_id[:80]!r}, which is no id of one", REMEDY
            )
        return self._references / f"{reference_id}.json"

    def _take(self, handle: int) -> None:
        """Lock the directory, say who has done so, and tidy up."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 32).decode("ascii", "replace").strip()
            raise StateLocked(
                str(self.directory),
                f"is in use by process {holder if holder.isdecimal() else 'unknown'}",
                "stop that driftd, or give this one a state.directory of its own",
            ) from error
        with _usable(self.directory):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
            for folder in (self.directory, self._references):
                for left in folder.glob(f"*{TEMPORARY}"):
                    left.unlink(missing_ok=True)

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = path.with_suffix(TEMPORARY)
        with _usable(path):
            try:
                with os.fdopen(_create(temporary), "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink(missing_ok=True)
                raise
            _sync(path.parent)


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Turn an OSError into a SnapshotError."""
    try:
        yield
    except OSError as error:
        reason = f"cannot be used: {error.strerror or error}"
        remedy = "state.directory must be a writable directory with free space"
        raise SnapshotError(str(path), reason, remedy) from error


def _create(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, _FILE_MODE)


def _read_file(path: Path, most_bytes: int = -1) -> bytes:
    """Read a regular file; others have no end, or nobody who writes into them."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is no file")
        return file.read(most_bytes)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
