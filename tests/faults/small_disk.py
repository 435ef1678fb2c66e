"""A small disk of a test's own (tmpfs), which it may fill up and make read-only."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path

import pytest

KIB = 1_024
_FILLER = "filler"


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted file system of ``path``."""

    path: Path

    def fill(self) -> None:
        """Take all the space that is left."""
        with (self.path / _FILLER).open("ab", buffering=0) as filler:
            for size in (64 * KIB, KIB, 1):
                with pytest.raises(OSError, match="No space left"):
                    write_for_ever(filler, size)

    def free(self) -> None:
        """Give the space back."""
        (self.path / _FILLER).unlink(missing_ok=True)

    def make_read_only(self) -> None:
        """Refuse all writing to whatever is opened from now on; files that are open stay as they are."""
        assert not _run("mount", "--bind", str(self.path), str(self.path))
        assert not _run("mount", "-o", "remount,bind,ro", str(self.path))

    def make_writable(self) -> None:
        """Allow writing again."""
        assert not _run("umount", "--lazy", str(self.path))


def write_for_ever(file: RawIOBase, size: int) -> None:
    """Write blocks of a size until the file takes no more."""
    while True:
        file.write(b"\0" * size)


@contextmanager
def small_disk(path: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mount a disk; skips the test, saying why, where that is not allowed."""
    path.mkdir(parents=True)
    owner = f"uid={os.getuid()},gid={os.getgid()}"
    refusal = _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes},{owner}", "tmpfs", str(path))
    if refusal:
        pytest.skip(f"no disk of the test's own can be mounted here: {refusal}")
    try:
        yield SmallDisk(path)
    finally:
        while path.is_mount():
            assert not _run("umount", "--lazy", str(path))


def _run(*command: str) -> str:
    """Run a command as root; return what it says if it fails."""
    as_root = [] if os.getuid() == 0 else ["sudo", "-n"]
    try:
        done = subprocess.run([*as_root, *command], capture_output=True, text=True, timeout=30, check=False)
    except OSError as missing:
        return str(missing)
    return (done.stderr.strip() or f"exit code {done.returncode}") if done.returncode else ""
