"""The command line on hostile files: lines that say what is wrong, and never a traceback."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fuzzing import corpus

import upgrade_world as world
from driftd.cli import main
from driftd.references.codec import profile_to_json

DATA = Path(__file__).parents[1] / "data" / "state-format-1"


def run(*arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """Call ``driftd``; whatever it raises but its exit is a failure of the test."""
    cleared = {"DRIFTD_CONFIG": None, **(env or {})}
    result = CliRunner(env=cleared).invoke(main, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    return result


def refused(result: Result) -> list[str]:
    """Return the lines of a refusal: at least one, each of them an error, and nothing on stdout."""
    lines = result.stderr.splitlines()
    assert lines
    assert [] == [line for line in lines if not line.startswith("driftd: error: ")]
    assert result.stdout == ""
    return lines


@pytest.mark.parametrize("path", corpus("configurations"), ids=lambda path: path.name)
def test_a_wrong_configuration_is_told_by_every_command_that_reads_one(path: Path) -> None:
    """Exit code 2 and the same lines, whatever the command."""
    checked, inspected = (run(*words, "--config", str(path)) for words in (("check-config",), ("state", "inspect")))
    assert (2, 2) == (checked.exit_code, inspected.exit_code)
    assert refused(checked) == refused(inspected)


@pytest.mark.parametrize("path", corpus("snapshots"), ids=lambda path: path.name)
def test_a_snapshot_is_shown_or_refused_in_one_line(path: Path, tmp_path: Path) -> None:
    """What cannot be restored can often still be looked at; what cannot be read is said to be so, exit code 1."""
    (tmp_path / "snapshot.jsonl").write_bytes(path.read_bytes())
    result = run("state", "inspect", env={"DRIFTD_STATE__DIRECTORY": str(tmp_path)})
    if result.exit_code:
        assert (1, 1) == (result.exit_code, len(refused(result)))
    assert "\x1b" not in result.output


@pytest.mark.parametrize("path", corpus("profiles"), ids=lambda path: path.name)
def test_a_wrong_profile_is_refused_in_one_line(path: Path, tmp_path: Path) -> None:
    """Exit code 1."""
    events = tmp_path / "events.jsonl"
    events.write_bytes(world.log()[0] + b"\n")
    result = run("replay", str(events), "--reference", str(path))
    assert (1, 1) == (result.exit_code, len(refused(result)))


@pytest.mark.parametrize("path", corpus("data"), ids=lambda path: path.name)
def test_a_data_file_is_read_or_refused_in_one_line(path: Path, tmp_path: Path) -> None:
    """For building a profile and for a replay, in time order or not."""
    profile = tmp_path / "p.json"
    profile.write_bytes(profile_to_json(world.profile()))
    for options in ([], ["--timestamp", "timestamp", "--sort"]):
        built = run("profile", str(path), "-o", str(tmp_path / "built.json"), *options)
        replayed = run("replay", str(path), "--reference", str(profile), *options)
        for result in (built, replayed):
            assert result.exit_code in {0, 1}
            if result.exit_code:
                assert 1 == len(refused(result))


def test_a_state_directory_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    """A file in its place, or a snapshot that is no file."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "snapshot.jsonl").mkdir(parents=True)
    for name, command in (("file", "inspect"), ("file", "reset"), ("folder", "inspect"), ("folder", "reset")):
        result = run("state", command, *(["--yes"] * (command == "reset")), env=_at(tmp_path / name))
        assert (1, 1) == (result.exit_code, len(refused(result)))


def _at(directory: Path) -> dict[str, str]:
    return {"DRIFTD_STATE__DIRECTORY": str(directory)}
