"""``driftd replay`` as a backtest: pages against the budget, and changes that are put into the data.

The configuration names what pages, so that nothing here depends on which detector is the best one.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from daemon_process import driftd, write_config
from pyarrow import parquet

ROWS, REFERENCE, WINDOW, FROM = 3_000, 1_000, 20, 2_000
OUTPUTS = ("events", "windows", "state")

Cells = dict[str, list[Any]]


def cells(rows: int = ROWS) -> Cells:
    """Two numbers and a category without any drift: each window holds the same values."""
    return {
        "x": [float(at * 7 % 20) for at in range(rows)],
        "z": [at * 11 % 20 + 0.25 for at in range(rows)],
        "c": ["aaaab"[at % 5] for at in range(rows)],
    }


def drifted(columns: Cells) -> Cells:
    """The same with some rows of x that lie elsewhere, long before any injection."""
    return columns | {"x": [x + 100 * (1_500 <= at < 1_700) for at, x in enumerate(columns["x"])]}


def write_csv(path: Path, columns: Cells) -> Path:
    """Write a table; None is missing."""
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in zip(*columns.values(), strict=True)]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([",".join(columns), *lines]) + "\n")
    return path


def write_parquet(path: Path, columns: Cells) -> Path:
    """Write the same as Parquet."""
    parquet.write_table(pa.table(columns), path)
    return path


def write_events(path: Path, columns: Cells) -> Path:
    """Write the same as events."""
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    times = [datetime.fromtimestamp(at, UTC).isoformat() for at in range(len(rows))]
    events = zip(times, rows, strict=True)
    path.write_text("\n".join(json.dumps({"model": "sensor", "timestamp": t, "features": row}) for t, row in events))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """What pages is a large move of the bins or of a rate."""
    return write_config(
        tmp_path / "driftd.yaml",
        {
            "windows": {"duration": f"{WINDOW}s", "lateness": "0s", "min_observations": 1},
            "incidents": {"page_on": ["psi>0.5", "gross"], "join": "20m"},
        },
    )


def replay(data: Path, config: Path, *options: str | Path, code: int = 0) -> tuple[str, str]:
    """Replay rows behind the reference; return what was printed."""
    done = driftd("replay", data, "--config", config, "--reference", f"0:{REFERENCE}", *options)
    assert code == done.returncode, done.stderr
    return done.stdout, done.stderr


def backtest(data: Path, config: Path, *specs: str, budget: str = "1 per 100 windows") -> dict[str, Any]:
    """Return the summary of a replay with injections."""
    options = [word for spec in specs for word in ("--inject", spec)]
    summary: dict[str, Any] = json.loads(replay(data, config, "--budget", budget, "--json", *options)[0])
    return summary


def outputs(folder: Path, data: Path, config: Path, *options: str) -> list[bytes]:
    """Return all that a replay writes, the summary without its part on injections included."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"{name}.out" for name in OUTPUTS]
    written = [word for name, file in zip(OUTPUTS, files, strict=True) for word in (f"--{name}-out", str(file))]
    stdout, stderr = replay(data, config, *written, *options)
    assert stderr == ""
    return [file.read_bytes() for file in files] + [stdout.encode()]


def from_row(change: Callable[[Any, int], Any]) -> Callable[[Iterable[Any]], list[Any]]:
    """Change a column by hand from row ``FROM`` on."""
    return lambda column: [change(value, at) if at >= FROM else value for at, value in enumerate(column)]


BY_HAND: dict[str, dict[str, Callable[[Iterable[Any]], list[Any]]]] = {
    f"x: shift 100 from {FROM}": {"x": from_row(lambda x, _: x + 100)},
    f"x, z: unit 100 from {FROM}": {name: from_row(lambda x, _: x * 100) for name in "xz"},
    f"x: scale 3 from {FROM}": {"x": from_row(lambda x, _: 9.5 + (x - 9.5) * 3)},
    f"x: ramp 60 over 500 from {FROM}": {"x": from_row(lambda x, at: x + 60.0 * min((at - FROM + 1) / 500, 1.0))},
    f"c: swap from {FROM}": {"c": from_row(lambda c, _: {"a": "b", "b": "a"}[c])},
    f"*: missing 1 from {FROM}": {name: from_row(lambda _, __: None) for name in "xz"},
}


@pytest.mark.parametrize("spec", BY_HAND)
def test_injection_is_what_changing_the_file_would_be(spec: str, tmp_path: Path, config: Path) -> None:
    """Drift events, window lines and snapshot are those of a file that was changed by hand, byte for byte."""
    columns = cells()
    changed = columns | {name: change(columns[name]) for name, change in BY_HAND[spec].items()}
    as_it_is = write_csv(tmp_path / "before" / "sensor.csv", columns)
    by_hand = write_csv(tmp_path / "after" / "sensor.csv", changed)
    expected = outputs(tmp_path / "by-hand", by_hand, config)
    assert expected[:-1] == outputs(tmp_path / "injected", as_it_is, config, "--inject", spec)[:-1]
    assert b"firing" in expected[0] or "missing" in spec


def test_same_command_writes_the_same_bytes(tmp_path: Path, config: Path) -> None:
    """With shares of missing values too."""
    data = write_csv(tmp_path / "sensor.csv", cells())
    spec = ("--inject", f"x: missing 0.7 from {FROM}", "--inject", "c: swap from 2500")
    first = outputs(tmp_path / "first", data, config, *spec)
    assert first == outputs(tmp_path / "second", data, config, *spec)


def test_report_says_what_was_found_and_how_soon(tmp_path: Path, config: Path) -> None:
    """By a page or by joining its incident, at which row, how many rows and seconds behind the first one changed."""
    data = write_csv(tmp_path / "sensor.csv", cells())
    summary = backtest(data, config, "x: shift 100 from 2040", "z: unit 50 from 2350", "c: missing 0.01 from 2000")
    (page,) = summary["incidents"]
    x, z, c = summary["injections"]
    found = {"by": "page", "incident": page["incident"], "at_row": 2_059, "after_rows": 20, "after_seconds": 20.0}
    assert {
        "spec": "x: shift 100 from 2040",
        "row": 2_040,
        "time": "1970-01-01T00:34:00.000Z",
        "changed": ROWS - 2_040,
        "found": True,
        **found,
        "columns": [{"column": "x", "role": "feature", "suspected_before": False, "found": True, **found}],
    } == x
    joined = {"by": "join", "incident": page["incident"], "at_row": 2_359, "after_rows": 10, "after_seconds": 10.0}
    assert joined == {name: z[name] for name in joined}
    assert (False, None, None, None) == (c["found"], c["by"], c["at_row"], c["after_seconds"])
    assert 0 < c["changed"] < 30
    assert {"windows": 50, "pages": 0} == summary["clean"]


def test_every_format_gives_the_same_findings(tmp_path: Path, config: Path) -> None:
    """CSV, Parquet and events."""
    specs = (f"x: shift 1.5 sd from {FROM}", f"c: swap from {FROM}", f"z: missing 0.6 from {FROM}")
    files = [
        write_csv(tmp_path / "sensor.csv", cells()),
        write_parquet(tmp_path / "sensor.parquet", cells()),
        write_events(tmp_path / "sensor.jsonl", cells()),
    ]
    told = [backtest(file, config, *specs)["injections"] for file in files]
    assert [True, True] == [injection["found"] for injection in told[0][:2]]
    assert told[0] == told[1] == told[2]


def test_only_the_clean_part_is_held_against_the_budget(tmp_path: Path, config: Path) -> None:
    """Pages and horizons of windows before the first injection, whether or not the changes are found afterwards."""
    data = write_csv(tmp_path / "sensor.csv", cells())
    summary = backtest(data, config, "x: shift 100 from 2500", "z: shift 100 from 2050")
    assert (1, 100, {"windows": 52, "pages": 0}) == (summary["pages"], summary["windows"], summary["clean"])
    assert (0.52, 0.52, 0.0) == (summary["horizons"], summary["allowed"], summary["pages_per_horizon"])
    assert ("undecided", False) == (summary["budget_verdict"], summary["over_budget"])
    write_csv(data, drifted(cells()))
    options = ("--budget", "1 per 1000 windows", "--fail-over-budget", "--inject", f"z: shift 100 from {FROM}")
    _, stderr = replay(data, config, *options, code=3)
    assert stderr == "driftd: over budget: sensor: 1 page where its budget of 1 per 1000 windows allows 0.05\n"


def test_a_column_that_was_suspected_before_is_told_apart(tmp_path: Path, config: Path) -> None:
    """A change of a column that already is in an open incident brings no page of its own, and that is said."""
    data = write_csv(tmp_path / "sensor.csv", drifted(cells()))
    (injection,) = backtest(data, config, "x: shift 100 from 1700")["injections"]
    assert (False, True) == (injection["found"], injection["columns"][0]["suspected_before"])


@pytest.mark.parametrize(
    ("budget", "rows", "code", "verdict"),
    [
        ("1 per 5000 windows", ROWS, 3, "over budget"),
        ("1 per 200 windows", ROWS, 0, "too short to tell"),
        ("1 per 100 windows", 4 * ROWS, 0, "within the budget"),
    ],
)
def test_budget_decides_the_exit_code(
    budget: str, *, rows: int, code: int, verdict: str, tmp_path: Path, config: Path
) -> None:
    """3 where it is exceeded and the option asks for it, after everything was written; else 0."""
    data = write_csv(tmp_path / "sensor.csv", drifted(cells(rows)))
    events = tmp_path / "events.jsonl"
    stdout, stderr = replay(data, config, "--budget", budget, "--events-out", events, "--fail-over-budget", code=code)
    assert stdout.splitlines()[-1].endswith(f": {verdict}")
    assert (code == 3) == stderr.startswith("driftd: over budget: sensor: 1 page where its budget of ")
    assert stderr.count("\n") == (code == 3)
    assert b"firing" in events.read_bytes()
    assert (stdout, "") == replay(data, config, "--budget", budget)


def test_findings_are_told_to_people(tmp_path: Path, config: Path) -> None:
    """A line for each column, behind the verdict on the clean part."""
    data = write_csv(tmp_path / "sensor.csv", cells())
    specs = ("--inject", f"x, z: shift 100 from {FROM}", "--inject", "c: missing 0.01 from 2500")
    stdout, _ = replay(data, config, "--budget", "1 per 300 windows", *specs)
    told = [re.sub(r"\b[0-9a-f]{12}\b", "ID", line) for line in stdout.splitlines()]
    assert told[2] == "pages       1 (budget: 1 per 300 windows)"
    changed = next(line for line in told if line.startswith("  c: missing"))
    verdict = "0 pages in 0.167 horizons, which allow 0.167; 0 to 22.1 per horizon (95 %): too short to tell"
    assert told[told.index("injections") - 1 :] == [
        f"budget      before the first injection: 50 windows, {verdict}",
        "injections",
        f"  x, z: shift 100 from {FROM}: 2000 values changed, at 1970-01-01T00:33:20.000Z",
        "    x                              found at row 2019, 20 rows, 20s after: by page ID",
        "    z                              found at row 2019, 20 rows, 20s after: by page ID",
        changed,
        "    c                              not found",
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("x: shfit 1 from 2000", 'must be "COLUMN[, COLUMN]: CHANGE from ROW" such as'),
        ("y: shift 1 from 2000", "there is no column 'y': there are 'c', 'x', 'z'"),
        ("c: shift 1 from 2000", "column 'c' is categorical: it can be swapped or go missing"),
        ("c: swap a q from 2000", "column 'c' has no category 'q' in the reference: 'a', 'b'"),
        ("x: shift 1 from 999", "must be from row 1000 on: the rows before are the reference"),
        ("x: shift 1 from 3000", "must be from a row before 3000 on: sensor.csv has 3000 rows"),
    ],
)
def test_injection_that_cannot_be_is_misuse(spec: str, expected: str, tmp_path: Path, config: Path) -> None:
    """Exit code 2, and one line with the option, the value and what would be right; nothing is printed."""
    data = write_csv(tmp_path / "sensor.csv", cells())
    stdout, stderr = replay(data, config, "--inject", spec, code=2)
    assert stdout == ""
    assert stderr.startswith(f"driftd: error: --inject: {spec!r} is not valid: {expected}")
    assert stderr.count("\n") == 1


def test_hidden_column_is_changed_only_by_what_is_given(tmp_path: Path) -> None:
    """What the reference does not show cannot be asked of it."""
    hidden = write_config(
        tmp_path / "hidden.yaml",
        {"models": {"sensor": {"columns": {"x": {"values": "hide"}}}}, "incidents": {"page_on": ["psi>0.5"]}},
    )
    data = write_csv(tmp_path / "sensor.csv", cells())
    _, stderr = replay(data, hidden, "--inject", f"x: shift 1 sd from {FROM}", code=2)
    assert "the reference tells no sd of column 'x', whose values are not shown: use shift X" in stderr
    stdout, _ = replay(data, hidden, "--inject", f"x: shift 100 from {FROM}")
    assert "found at row" in stdout
