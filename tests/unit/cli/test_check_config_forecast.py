"""What ``driftd check-config`` tells of false pages."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from driftd.cli import main
from driftd.references.build import build_profile
from driftd.references.codec import profile_to_json
from driftd.references.rows import Row

EVIDENCE = {"page_on": ["evidence"]}
SHARED = (
    "fraud: several versions; those that are live at the same time share the budget, "
    "and one with half of it has a threshold 0.30 higher."
)
CAPPED = (
    "incidents.fleet_budget, 1 per 30d: 1 for all together, the same part for each model: "
    "at most 0.5 where there are 2."
)


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """A directory with profiles of two models, one of them in two versions."""
    directory = tmp_path / "references"
    directory.mkdir()
    for model, version in (("fraud", "1"), ("fraud", "2"), ("churn", "7")):
        profile = build_profile(lambda: [Row({"x": at}) for at in range(30)], model=model, version=version)
        (directory / f"{model}-{version}.json").write_bytes(profile_to_json(profile))
    return directory


def check(tmp_path: Path, *options: str, **sections: object) -> Result:
    """Call ``driftd check-config`` for a configuration with these sections."""
    path = tmp_path / "driftd.yaml"
    document = {"kafka": {"group_id": "g", "topics": ["t"]}, "incidents": EVIDENCE, **sections}
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    result = CliRunner(env={"DRIFTD_CONFIG": None}).invoke(main, ["check-config", "--config", str(path), *options])
    assert result.exit_code == 0, result.stderr
    return result


def test_without_profiles_the_forecast_is_per_model(tmp_path: Path) -> None:
    """Standard error holds a short table; standard output is YAML as ever."""
    result = check(tmp_path)
    assert result.stderr.splitlines() == [
        "False pages in 30 days that the budgets allow, at windows of 1m:",
        "  model       budget     false pages  windows to one  log10 of the threshold",
        "  each model  1 per 30d            1          43,200                    4.64",
    ]
    assert "incidents" in yaml.safe_load(result.stdout)


def test_with_profiles_the_forecast_is_for_all_models_together(tmp_path: Path, references: Path) -> None:
    """A line a model, and their sum; versions share the budget of their model."""
    models = {"fraud": {"incidents": {"budget": "2 per 30d"}}}
    result = check(tmp_path, references={"directory": str(references)}, models=models)
    assert result.stderr.splitlines() == [
        "False pages in 30 days that the budgets allow, at windows of 1m:",
        "  model         budget     false pages  windows to one  log10 of the threshold",
        "  churn         1 per 30d            1          43,200                    4.64",
        "  fraud         2 per 30d            2          21,600                    4.33",
        "  all together                       3          14,400",
        SHARED,
    ]


def test_the_fleet_s_budget_and_what_no_budget_binds_are_told(tmp_path: Path) -> None:
    """A model whose evidence does not page has no windows to a false page."""
    incidents = {"page_on": ["evidence", "adwin"], "fleet_budget": "1 per 30d"}
    result = check(tmp_path, incidents=incidents, models={"old": {"incidents": {"page_on": ["psi>0.2"]}}})
    assert result.stderr.splitlines()[2:] == [
        "  old               1 per 30d            0               -                    4.94",
        "  each other model  1 per 30d          0.5          86,400                    4.94",
        "  all together                           1          43,200",
        CAPPED,
        "Pages by psi>0.2, adwin come on top: no budget binds them (incidents.page_on).",
    ]


def test_profiles_that_cannot_be_read_are_named(tmp_path: Path, references: Path) -> None:
    """The configuration is sound all the same; whose they are is not known, so nothing is said of all together."""
    (references / "broken.json").write_text("{")
    told = check(tmp_path, references={"directory": str(references)}).stderr.splitlines()
    assert ["model", "churn", "fraud", "each"] == [line.split()[0] for line in told[1:5]]
    assert told[-1].startswith(f"Not counted: {references / 'broken.json'}: ")


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A configuration is often checked on another machine than it is for."""
    missing = tmp_path / "none"
    told = check(tmp_path, references={"directory": str(missing)}).stderr.splitlines()
    assert told[2].startswith("  each model  ")
    assert told[3:] == [f"Not counted: {missing}: the directory of profiles cannot be read: No such file or directory"]


def test_names_are_shown_without_what_a_terminal_would_obey(tmp_path: Path) -> None:
    """And the table stays aligned."""
    told = check(tmp_path, models={"a\x1b[2Jb": {}}).stderr.splitlines()
    assert told[2:] == [
        "  a\\x1b[2Jb         1 per 30d            1          43,200                    4.64",
        "  each other model  1 per 30d            1          43,200                    4.64",
    ]


def test_the_forecast_as_json_stands_alone(tmp_path: Path, references: Path) -> None:
    """Standard output is one document; the settings are left out."""
    result = check(tmp_path, "--json", references={"directory": str(references)})
    document = json.loads(result.stdout)
    assert (document["false_pages"], result.stderr) == (2.0, "")
    assert [("churn", ["7"]), ("fraud", ["1", "2"])] == [(m["model"], m["versions"]) for m in document["models"]]
