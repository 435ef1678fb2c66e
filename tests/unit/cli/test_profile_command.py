"""``driftd profile`` at the command line."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from driftd.cli import main
from driftd.references.codec import profile_from_json
from driftd.references.profile import Profile


def run(*arguments: object) -> Result:
    """Call ``driftd profile``."""
    return CliRunner().invoke(main, ["profile", *map(str, arguments)])


def profile_at(path: Path) -> Profile:
    """Read the profile that a command wrote."""
    return profile_from_json(path.read_bytes(), path.name)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a table of 2,000 rows a minute apart, with an id, a prediction and a label."""
    lines = [f"{60 * at},u{at},{at % 17},{'ab'[at % 2]},{at % 3},{at % 2}" for at in range(2_000)]
    path = tmp_path / "fraud.csv"
    path.write_text("\n".join(["t,id,x,c,p,y", *lines]) + "\n")
    return path


def test_profile_is_built_and_told(table: Path, tmp_path: Path) -> None:
    """The profile holds the columns by their roles; stderr tells what was built and left out, without a bar."""
    out = tmp_path / "p.json"
    result = run(table, "-o", out, "--timestamp", "t", "--prediction", "p", "--label", "y", "--version", "3")
    profile = profile_at(out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        f"{out}: fraud/3, 2000 rows, 4 numeric and 1 categorical columns, calibrated on 10 blocks of 200 rows;"
        f" reference {profile.reference_id}\n"
        "left out: feature:id: near-unique text: 2,000 different values\n"
    )
    names = [str(column.key) for column in profile.columns]
    assert names == ["error:error", "feature:c", "feature:x", "label:label", "prediction:prediction"]
    assert profile.source == "fraud.csv"


def test_span_window_and_ignored_columns(table: Path, tmp_path: Path) -> None:
    """Rows, windows and ignored columns are as asked; the source names the span."""
    out = tmp_path / "p.json"
    span = ["--rows", "100:700", "--timestamp", "t", "--window", "1h"]
    result = run(table, "-o", out, *span, "--ignore", "id", "--ignore", "c", "--model", "m")
    profile = profile_at(out)
    assert result.exit_code == 0
    assert (profile.model, profile.version, profile.rows, profile.source) == (
        "m",
        "none",
        600,
        "fraud.csv rows 100:700",
    )
    assert profile.calibration is not None
    assert (profile.calibration.block_ms, profile.calibration.blocks) == (3_600_000, 11)
    assert [column.key.name for column in profile.columns] == ["p", "x", "y"]


def test_unordered_rows_are_not_calibrated(table: Path, tmp_path: Path) -> None:
    """Without a time column there is no calibration, and the summary says how to get one."""
    result = run(table, "-o", tmp_path / "p.json")
    assert profile_at(tmp_path / "p.json").calibration is None
    assert "not calibrated: give --timestamp" in result.stderr


def test_events_are_profiled(tmp_path: Path) -> None:
    """JSONL is read by the daemon's own reader: model and version are the events', NaN is invalid."""
    events = tmp_path / "events.jsonl"
    lines = [orjson.dumps({"model": "fraud", "version": 3, "features": {"x": at % 5}}) for at in range(50)]
    events.write_bytes(b"\n".join([*lines, b'{"model": "fraud", "version": "3", "features": {"x": NaN}}']))
    out = tmp_path / "p.json"
    assert run(events, "-o", out).exit_code == 0
    profile = profile_at(out)
    assert (profile.model, profile.version, profile.rows, profile.columns[0].invalid) == ("fraud", "3", 51, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.csv"], 1, "driftd: error: {dir}/none.csv: there is no such file"),
        (["empty.csv"], 1, "driftd: error: empty.csv: is empty: there is no header"),
        (["fraud.csv", "--label", "z"], 1, "driftd: error: fraud.csv: there is no column 'z': there are "),
        (["fraud.csv", "--rows", "0:9999"], 1, "driftd: error: fraud.csv: has 2000 rows, too few for rows 0:9999"),
        (["fraud.csv", "--window", "1h"], 2, "driftd: error: --window: '1h' is not valid: needs --timestamp"),
        (
            ["fraud.csv", "--timestamp", "t", "--window", "60"],
            2,
            "driftd: error: --window: '60' is not valid: must be a",
        ),
        (
            ["fraud.csv", "--timestamp", "t", "--window", "0s"],
            2,
            "driftd: error: --window: '0s' is not valid: must be l",
        ),
        (["events.jsonl"], 1, "driftd: error: events.jsonl: broken event: missing_model (row 0)"),
    ],
)
def test_bad_input_is_explained(table: Path, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    """What is wrong with the data or the options is one line on stderr, and nothing is written."""
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "events.jsonl").write_bytes(b"{}\n")
    out = tmp_path / "p.json"
    result = run(table.parent / arguments[0], *arguments[1:], "-o", out)
    assert (result.exit_code, result.stdout, out.exists()) == (code, "", False)
    assert result.stderr.startswith(message.format(dir=tmp_path))
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("rows", ["5", "a:b", "7:7", "-1:3"])
def test_span_of_another_form_is_misuse(table: Path, tmp_path: Path, rows: str) -> None:
    """A span must be A:B with A below B."""
    result = run(table, "-o", tmp_path / "p.json", "--rows", rows)
    assert result.exit_code == 2
    assert "Invalid value for '--rows'" in result.stderr


def test_missing_output_directory_is_found_before_the_work(table: Path, tmp_path: Path) -> None:
    """A profile that could not be written is not built."""
    result = run(table, "-o", tmp_path / "none" / "p.json")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"cannot be written: there is no directory {tmp_path / 'none'}\n")
