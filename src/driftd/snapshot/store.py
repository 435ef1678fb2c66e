"""The state directory: one snapshot, the references it names, and a lock.

::

    snapshot.jsonl        the newest snapshot, replaced atomically
    references/ID.json    every profile that the snapshot names, by content
    instance              names this daemon across its restarts
    lock                  held by the process that owns the directory
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from driftd.errors import SnapshotError, StateLocked

SNAPSHOT = "snapshot.jsonl"


class StateDirectory:
    """Owns a state directory from ``open`` to ``close``; a context manager.

    A write is all or nothing, also across a power cut: temporary file, fsync, rename, directory fsync.
    Raises StateLocked if another process holds the directory, SnapshotError if it cannot be used.
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
        """Make the directory if need be, and lock it."""
        try:
            self._references.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unusable(self.directory, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise StateLocked(
                str(self.directory),
                f"is in use by process {holder}",
                "stop that driftd, or give this one a state.directory of its own",
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        self._lock = handle

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def instance(self, proposal: str) -> str:
        """Return the name of the daemon that this directory belongs to; the first proposal is kept."""
        path = self.directory / "instance"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            self._replace(path, f"{proposal}\n".encode())
            return proposal

    def read(self) -> bytes | None:
        """Return the newest snapshot's bytes, None if there is none."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.path, error) from error

    def write(self, data: bytes) -> None:
        """Replace the snapshot."""
        self._replace(self.path, data)

    def reset(self) -> bool:
        """Remove the snapshot; return whether there was one."""
        existed = self.path.exists()
        self.path.unlink(missing_ok=True)
        return existed

    def keep_reference(self, reference_id: str, data: bytes) -> None:
        """Keep a profile's document under its id."""
        path = self._references / f"{reference_id}.json"
        if not path.exists():
            self._replace(path, data)

    def reference(self, reference_id: str) -> bytes:
        """Return a kept profile's document."""
        path = self._references / f"{reference_id}.json"
        try:
            return path.read_bytes()
        except OSError as error:
            raise SnapshotError(
                str(path), "is named by the snapshot but cannot be read", "restore it, or run `driftd state reset`"
            ) from error

    def forget_references(self, kept: frozenset[str]) -> None:
        """Remove the profiles that no snapshot names any more."""
        for path in self._references.glob("*.json"):
            if path.stem not in kept:
                path.unlink(missing_ok=True)

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = path.with_suffix(".tmp")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> SnapshotError:
    return SnapshotError(
        str(path), f"cannot be used: {error.strerror}", "state.directory must be a writable directory with free space"
    )
