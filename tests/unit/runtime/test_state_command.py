"""``driftd state``: looking at what survives a restart, and removing it."""

import os
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from driftd.cli import main
from driftd.snapshot.codec import encode
from driftd.snapshot.store import StateDirectory
from driftd.values.state import State

LEDGER: State = {
    "source": ["predictions", 3],
    "position": 7,
    "rewind": 5,
    "watermark_ms": 1_790_000_000_000,
    "read": 7,
    "late": 1,
    "rejected": {"malformed": 1, "limit": 1},
}
RECORDS: dict[str, State] = {
    "sources": {"ledgers": [LEDGER]},
    "monitor/a%2Fb/1/all": {
        "key": ["a/b\x1b[2J", "1", "all"],
        "incidents": {"window": [1_790_000_000_000, 1_790_000_060_000], "open": [{"id": "abc"}, {"id": "def"}]},
    },
    "references": {"sets": [{"from_ms": None, "profiles": ["0a"]}, {"from_ms": 1_790_000_040_000, "profiles": []}]},
    "outbox": {"events": [{}, {}], "windows": [{}], "waiting": {"file": 1, "webhook:ops": 2}},
    "dead_letters": {"waiting": [["predictions", 3, [[6, "malformed"]]]]},
}
TOLD = r"""
partitions:
  predictions/3: position 7, rewind 5, read 7, late 1, rejected 2, watermark 2026-09-21T14:13:20Z

monitors:
  a/b\x1b[2J/1/all: newest window until 2026-09-21T14:14:20Z, open incidents: abc, def

references:
  from the beginning on: 0a
  from 2026-09-21T14:14:00Z on: none

outbox:
  drift events 2, window lines 1, dead letters 1
  1 drift events wait for file
  2 drift events wait for webhook:ops
"""
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


def test_what_a_snapshot_holds_is_told_to_people(directory: Path) -> None:
    """Positions, monitors with open incidents, references, what waits for whom; names cannot drive the terminal."""
    path = directory / "snapshot.jsonl"
    os.utime(path, (1_790_000_000, 1_790_000_000))
    result = run(directory, "inspect")
    assert (result.exit_code, result.stderr) == (0, "")
    head = f"{path}\nwritten 2026-09-21T14:13:20Z by release 1 in format 2\n"
    assert result.stdout.startswith(head + TOLD)


def test_records_are_listed_with_their_sizes(directory: Path) -> None:
    """By name, the size in bytes of their JSON."""
    result = run(directory, "inspect")
    sizes = "".join(f"{len(orjson.dumps(RECORDS[name])):>10}  {name}\n" for name in sorted(RECORDS))
    assert result.stdout.endswith(f"\nrecords: {(directory / 'snapshot.jsonl').stat().st_size} bytes\n{sizes}")


def test_what_is_told_can_be_had_as_json(directory: Path) -> None:
    """The same for programs: names as they are, times in milliseconds."""
    os.utime(directory / "snapshot.jsonl", (1_790_000_000, 1_790_000_000))
    found = orjson.loads(run(directory, "inspect", "--json").stdout)
    ledger = {"topic": "predictions", "partition": 3, **{n: LEDGER[n] for n in ("position", "rewind", "watermark_ms")}}
    assert found == {
        "path": f"{directory}/snapshot.jsonl",
        "release": "1",
        "format": 2,
        "bytes": (directory / "snapshot.jsonl").stat().st_size,
        "written_ms": 1_790_000_000_000,
        "partitions": [{**ledger, "read": 7, "late": 1, "rejected": 2}],
        "monitors": [
            {
                "model": "a/b\x1b[2J",
                "version": "1",
                "segment": "all",
                "newest_window_ms": 1_790_000_060_000,
                "incidents": ["abc", "def"],
            }
        ],
        "references": RECORDS["references"]["sets"],
        "outbox": {"events": 2, "windows": 1, "waiting": {"file": 1, "webhook:ops": 2}, "dead_letters": 1},
        "records": {name: len(orjson.dumps(RECORDS[name])) for name in RECORDS},
    }


def test_records_of_another_form_are_said_to_be_so(directory: Path) -> None:
    """Whoever looks may do so because something is wrong: what can be told is told."""
    with StateDirectory(directory) as state:
        state.write(encode({"sources": {"ledgers": []}, "outbox": {"events": 1}}, "1"))
    result = run(directory, "inspect")
    assert result.exit_code == 0
    assert "\npartitions: none\n" in result.stdout
    assert "\noutbox:\n  not of the form that this release writes\n" in result.stdout


def test_snapshot_of_the_release_before_is_shown_as_one_of_this() -> None:
    """An upgrade can be looked at before it is made."""
    result = run(Path(__file__).parents[2] / "data" / "state-format-1", "inspect")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "by release 0.1.0 in format 1, read as format 2\n" in result.stdout
    assert "open incidents: 9133ba3b5f2f\n" in result.stdout


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


def test_reset_of_a_directory_that_cannot_be_used_is_explained(tmp_path: Path) -> None:
    """One line, exit code 1: a folder where the snapshot should be, say."""
    (tmp_path / "snapshot.jsonl" / "x").mkdir(parents=True)
    result = run(tmp_path, "reset", "--yes")
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert result.stderr.startswith(f"driftd: error: {tmp_path}/snapshot.jsonl: cannot be used: ")


def test_state_of_a_running_daemon_is_not_removed(directory: Path) -> None:
    """It would be written again at the next checkpoint."""
    with StateDirectory(directory):
        result = run(directory, "reset", "--yes")
    assert result.exit_code == 1
    assert "is in use by process" in result.stderr
    assert (directory / "snapshot.jsonl").exists()
