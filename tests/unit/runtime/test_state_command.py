"""``driftd state``: looking at what survives a restart, and removing it."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from driftd.cli import main
from driftd.snapshot.codec import encode
from driftd.snapshot.store import StateDirectory
from driftd.values.state import State

RECORDS: dict[str, State] = {"sources": {"ledgers": [{"position": 7}]}, "monitor/a%2Fb/1/all": {"shard": 0}}
TORN = (
    "is torn: its checksum does not match its content; restore an older copy, or start afresh with `driftd state reset`"
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A state directory with a snapshot."""
    with StateDirectory(tmp_path / "state") as state:
        state.write(encode(RECORDS, "1"))
    return tmp_path / "state"


def run(directory: Path, *arguments: str, answer: str | None = None) -> Result:
    """Call ``driftd state``."""
    env = {"DRIFTD_STATE__DIRECTORY": str(directory), "DRIFTD_CONFIG": None}
    return CliRunner(env=env).invoke(main, ["state", *arguments], input=answer)


def test_records_are_listed_with_their_sizes(directory: Path) -> None:
    """By name, the size in bytes of their JSON."""
    result = run(directory, "inspect")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{11:>10}  monitor/a%2Fb/1/all\n{28:>10}  sources\n"


def test_record_is_printed_as_json(directory: Path) -> None:
    """The whole record, for people and for programs."""
    result = run(directory, "inspect", "--record", "sources")
    assert (result.exit_code, orjson.loads(result.stdout)) == (0, RECORDS["sources"])


def test_running_daemon_can_be_inspected(directory: Path) -> None:
    """Looking takes no lock."""
    with StateDirectory(directory):
        assert run(directory, "inspect").exit_code == 0


def test_unknown_record_is_named(directory: Path) -> None:
    """The message says how to see what there is."""
    result = run(directory, "inspect", "--record", "nothing")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"driftd: error: {directory}/snapshot.jsonl: has no record 'nothing'; list them with `driftd state inspect`\n"
    )


def test_no_snapshot_is_explained(tmp_path: Path) -> None:
    """Nothing has been written yet, and inspecting writes nothing."""
    result = run(tmp_path / "none", "inspect")
    assert result.exit_code == 1
    assert "snapshot.jsonl: does not exist; the daemon writes it when it has read something" in result.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_torn_snapshot_is_refused(directory: Path, damage: str) -> None:
    """One line that says what to do, exit code 1."""
    path = directory / "snapshot.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[:-20] if damage == "cut" else data.replace(b'"position":7', b'"position":8'))
    result = run(directory, "inspect")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"driftd: error: {path}: {TORN}\n"


def test_torn_snapshot_can_be_removed(directory: Path) -> None:
    """What cannot be read is no obstacle to starting over."""
    path = directory / "snapshot.jsonl"
    path.write_bytes(path.read_bytes()[:50])
    result = run(directory, "reset", "--yes")
    assert (result.exit_code, result.stdout) == (0, f"{path}: removed\n")
    assert not path.exists()


def test_reset_asks_first(directory: Path) -> None:
    """Without a yes nothing is removed, and the exit code says that it was not."""
    path = directory / "snapshot.jsonl"
    result = run(directory, "reset", answer="n\n")
    assert (result.exit_code, path.exists()) == (1, True)
    assert f"Remove {path}, with all detectors' memory and open incidents?" in result.stdout
    assert run(directory, "reset", answer="y\n").exit_code == 0
    assert not path.exists()


def test_reset_of_nothing_says_so(directory: Path) -> None:
    """It is not an error: the next start remembers nothing either way."""
    run(directory, "reset", "--yes")
    result = run(directory, "reset", "--yes")
    assert (result.exit_code, result.stdout) == (0, f"{directory}/snapshot.jsonl: there was none\n")


def test_state_of_a_running_daemon_is_not_removed(directory: Path) -> None:
    """It would be written again at the next checkpoint."""
    with StateDirectory(directory):
        result = run(directory, "reset", "--yes")
    assert result.exit_code == 1
    assert "is in use by process" in result.stderr
    assert (directory / "snapshot.jsonl").exists()
