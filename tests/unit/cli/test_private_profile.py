"""``driftd profile`` and values that nobody else is to see."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import private_world as world
from driftd.cli import main
from driftd.references.codec import profile_from_json
from driftd.values.privacy import Shown

HASH = ("merchant", "hamlet", "prediction", "label")
HIDE = ("city", "salary", "embedding")


def run(*arguments: object) -> Result:
    """Call ``driftd profile``."""
    return CliRunner().invoke(main, ["profile", *map(str, arguments)])


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training events with planted values in every column."""
    path = tmp_path_factory.mktemp("training") / "training.jsonl"
    path.write_bytes(b"\n".join(world.events(4, 0, seed=3)))
    return path


def test_masked_file_holds_no_value(training: Path, tmp_path: Path) -> None:
    """Neither the file, but for the edges of numbers, nor the terminal: without the options they do."""
    plain, masked = tmp_path / "plain.json", tmp_path / "masked.json"
    options = [
        *(word for name in HASH for word in ("--hash", name)),
        *(word for name in HIDE for word in ("--hide", name)),
    ]
    told, told_masked = run(training, "-o", plain), run(training, "-o", masked, *options)
    assert (told.exit_code, told_masked.exit_code) == (0, 0)
    assert world.planted(world.without_edges(masked.read_bytes())) == set()
    assert world.planted(told.output + told_masked.output) == set()
    found = world.planted(world.without_edges(plain.read_bytes()))
    assert {"quixotbank", "gothamville", "plantedshire", "grantedplanted"} < found
    assert any(value.startswith("73") for value in found)
    shown = {c.key.name: c.shown for c in profile_from_json(masked.read_bytes(), "p").columns}
    assert (shown["merchant"], shown["city"], shown["salary"], shown["plain"]) == (
        Shown.HASH,
        Shown.HIDE,
        Shown.HIDE,
        Shown.SHOW,
    )


def test_near_unique_text_is_in_neither_file_nor_terminal(training: Path, tmp_path: Path) -> None:
    """Identifiers are left out by name and number alone, in a profile that shows everything."""
    path = tmp_path / "plain.json"
    done = run(training, "-o", path)
    assert "left out: feature:passport: near-unique text: 1,200 different values" in done.stderr
    assert world.IDS.lower() not in world.planted(path.read_bytes()) | world.planted(done.output)
    assert world.IDS.encode() in training.read_bytes()


def test_hide_wins_over_hash(training: Path, tmp_path: Path) -> None:
    """A column that is named by both options is hidden."""
    run(training, "-o", tmp_path / "p.json", "--hide", "city", "--hash", "city")
    profile = profile_from_json((tmp_path / "p.json").read_bytes(), "p")
    assert {c.key.name: c.shown for c in profile.columns}["city"] is Shown.HIDE


def test_column_that_is_not_there_is_an_error(training: Path, tmp_path: Path) -> None:
    """A misspelt name must not leave values to be seen: nothing is written."""
    done = run(training, "-o", tmp_path / "p.json", "--hide", "salry")
    assert (done.exit_code, (tmp_path / "p.json").exists()) == (2, False)
    assert done.stderr.startswith(
        "driftd: error: --hide: 'salry' is not valid: must be a column of the profile: error, city, "
    )
    assert done.stderr.count("\n") == 1
