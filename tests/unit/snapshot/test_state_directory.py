"""The state directory on disks that are full, read-only, shared, or hold what a crash left behind."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from driftd.errors import SnapshotError, StateLocked
from driftd.snapshot.store import StateDirectory

WRITE_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from driftd.errors import SnapshotError
from driftd.snapshot.store import StateDirectory

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with StateDirectory(Path(sys.argv[1])) as state:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
    try:
        state.write(b"x" * 20_000)
    except SnapshotError as error:
        print(error)
    state.write(b"small enough")
"""


def names(directory: Path) -> set[str]:
    """Return the names of all files below a directory."""
    return {path.name for path in directory.rglob("*") if path.is_file()}


def test_a_write_that_does_not_fit_leaves_what_was_there(tmp_path: Path) -> None:
    """The old snapshot stays whole, no half-written one is left behind, and the next one may fit again."""
    with StateDirectory(tmp_path) as state:
        state.write(b"old")
    told = subprocess.run(
        [sys.executable, "-c", WRITE_TOO_MUCH.replace('state.write(b"small enough")', ""), str(tmp_path)],
        capture_output=True,
        check=True,
        text=True,
    )
    remedy = "state.directory must be a writable directory with free space"
    assert f"{tmp_path}/snapshot.jsonl: cannot be used: File too large; {remedy}\n" == told.stdout
    assert b"old" == (tmp_path / "snapshot.jsonl").read_bytes()
    assert {"lock", "snapshot.jsonl"} == names(tmp_path)
    subprocess.run([sys.executable, "-c", WRITE_TOO_MUCH, str(tmp_path)], capture_output=True, check=True)
    assert b"small enough" == (tmp_path / "snapshot.jsonl").read_bytes()


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_fails_at_any_step_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """ENOSPC may come as late as at the flush, or at the renaming."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with StateDirectory(tmp_path) as state:
        state.write(b"old")
        with monkeypatch.context() as patched:
            patched.setattr(*((os, "fsync", full) if failing == "fsync" else (Path, "replace", full)))
            with pytest.raises(SnapshotError, match="cannot be used: No space left on device"):
                state.write(b"new")
        assert b"old" == state.read()
        assert {"lock", "snapshot.jsonl"} == names(tmp_path)


def test_what_a_crash_left_half_written_is_removed(tmp_path: Path) -> None:
    """Temporary files would stay for ever: nobody else knows their names."""
    (tmp_path / "references").mkdir()
    for left in ("snapshot.tmp", "instance.tmp", "references/abc.tmp"):
        (tmp_path / left).write_text("half")
    (tmp_path / "references" / "abc.json").write_text("{}")
    with StateDirectory(tmp_path):
        assert {"lock", "abc.json"} == names(tmp_path)


def test_another_process_does_not_tidy_up(tmp_path: Path) -> None:
    """What looks left over may be about to be renamed by the one that holds the lock."""
    with StateDirectory(tmp_path):
        (tmp_path / "snapshot.tmp").write_text("under way")
        with pytest.raises(StateLocked):
            StateDirectory(tmp_path).open()
        assert "snapshot.tmp" in names(tmp_path)


def test_a_lock_file_of_garbage_is_no_name_of_a_process(tmp_path: Path) -> None:
    """It is shown as unknown, since what it holds may be anything."""
    with StateDirectory(tmp_path):
        (tmp_path / "lock").write_text("\x1b[2J\n")
        with pytest.raises(StateLocked, match="is in use by process unknown"):
            StateDirectory(tmp_path).open()


def test_nobody_else_can_read_the_state(tmp_path: Path) -> None:
    """It holds values of features: files are the owner's alone, whatever the umask allows."""
    before = os.umask(0)
    try:
        with StateDirectory(tmp_path / "state") as state:
            state.write(b"{}")
            state.keep_reference("abc", b"{}")
            state.instance("here")
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in [tmp_path / "state", *(tmp_path / "state").rglob("*")]}
    files = {"lock": 0o600, "snapshot.jsonl": 0o600, "instance": 0o600, "abc.json": 0o600}
    assert {"state": 0o700, "references": 0o700, **files} == modes


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"a\x00b", b"two words", b"x" * 10_000])
def test_an_instance_without_a_name_gets_one(tmp_path: Path, content: bytes) -> None:
    """A file that a crash or a hand left without a name is written anew; the name is kept from then on."""
    with StateDirectory(tmp_path) as state:
        (tmp_path / "instance").write_bytes(content)
        assert ("here", "here") == (state.instance("here"), state.instance("there"))


METHODS: dict[str, Callable[[StateDirectory], object]] = {
    "read": lambda state: state.read(),
    "reset": lambda state: state.reset(),
    "write": lambda state: state.write(b"x"),
    "instance": lambda state: state.instance("here"),
    "reference": lambda state: state.reference("abc"),
    "forget_references": lambda state: state.forget_references(frozenset()),
}


@pytest.mark.parametrize("method", METHODS)
def test_folders_where_files_should_be_are_named_errors(tmp_path: Path, method: str) -> None:
    """Every method says what is wrong with the directory; none ends in an OSError."""
    for folder in ("snapshot.jsonl", "instance", "references/abc.json"):
        (tmp_path / folder / "x").mkdir(parents=True)
    with StateDirectory(tmp_path) as state, pytest.raises(SnapshotError):
        METHODS[method](state)


def test_a_snapshot_without_end_is_not_read(tmp_path: Path) -> None:
    """A pipe in its place would be waited for, and a device would fill the memory."""
    os.mkfifo(tmp_path / "snapshot.jsonl")
    with pytest.raises(SnapshotError, match="cannot be used: it is no file"):
        StateDirectory(tmp_path).read()
    (tmp_path / "snapshot.jsonl").unlink()
    (tmp_path / "snapshot.jsonl").symlink_to("/dev/zero")
    with pytest.raises(SnapshotError, match="cannot be used: it is no file"):
        StateDirectory(tmp_path).read()


def test_a_directory_that_goes_away_is_a_named_error(tmp_path: Path) -> None:
    """A volume that was unmounted, say: the next checkpoint fails, and the daemon goes on serving."""
    directory = tmp_path / "state"
    with StateDirectory(directory) as state:
        for path in sorted(directory.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        directory.rmdir()
        with pytest.raises(SnapshotError, match="cannot be used: No such file or directory"):
            state.write(b"x")
        assert (None, False) == (state.read(), state.reset())


def test_a_read_only_directory_is_a_named_error(tmp_path: Path) -> None:
    """Neither opening it nor writing into it ends in a traceback."""
    with StateDirectory(tmp_path) as state:
        state.write(b"old")
    told = subprocess.run([sys.executable, "-c", READ_ONLY, str(tmp_path)], capture_output=True, check=False, text=True)
    assert "" == told.stderr
    assert "cannot be used" in told.stdout


READ_ONLY = """
import os, sys
from pathlib import Path
from driftd.errors import SnapshotError
from driftd.snapshot.store import StateDirectory

directory = Path(sys.argv[1])
for path in [directory, *directory.rglob("*")]:
    path.chmod(0o555 if path.is_dir() else 0o444)
if os.geteuid() == 0:
    os.chown(directory, 0, 0)
    os.setegid(65534)
    os.seteuid(65534)
try:
    StateDirectory(directory).open()
except SnapshotError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["../escape", "a/b", "", "ABC", "x" * 70, "..", "a\x00"])
def test_a_reference_is_looked_for_nowhere_else(tmp_path: Path, name: str) -> None:
    """Ids come from a snapshot that may have been edited; only hexadecimal digits lead to a file."""
    (tmp_path / "escape.json").write_text("{}")
    with StateDirectory(tmp_path) as state:
        for use in (lambda: state.reference(name), lambda: state.keep_reference(name, b"{}")):
            with pytest.raises(SnapshotError, match="which is no id of one"):
                use()
