"""``driftd rules``: what a configuration makes of the rules, and how they are written."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from driftd.cli import main

ROOT = Path(__file__).parents[3]
RUNBOOKS = ROOT / "docs" / "runbooks"


def rules(tmp_path: Path, *options: str, **sections: Any) -> str:
    """Return what the command prints for a configuration."""
    path = tmp_path / "driftd.yaml"
    path.write_text(yaml.safe_dump(sections), encoding="utf-8")
    result = CliRunner(env={"DRIFTD_CONFIG": None}).invoke(main, ["rules", "--config", str(path), *options])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def alerts(text: str) -> dict[str, dict[str, Any]]:
    """Return the alerting rules by name."""
    groups = yaml.safe_load(text)["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_static_default_is_what_the_command_prints() -> None:
    """Whoever changes a rule commits the file."""
    printed = CliRunner(env={"DRIFTD_CONFIG": None}).invoke(main, ["rules"]).stdout
    assert printed == (ROOT / "deploy" / "prometheus" / "driftd.rules.yaml").read_text(encoding="utf-8")


def test_output_goes_to_the_file(tmp_path: Path) -> None:
    """With -o nothing is printed."""
    path = tmp_path / "rules.yaml"
    assert rules(tmp_path, "-o", str(path)) == ""
    assert path.read_text(encoding="utf-8") == rules(tmp_path)


def test_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A line that says which file and why, and no traceback."""
    path = tmp_path / "missing" / "rules.yaml"
    result = CliRunner(env={"DRIFTD_CONFIG": None}).invoke(main, ["rules", "-o", str(path)])
    assert result.exit_code == 1
    assert str(path) in result.stderr
    assert "cannot be written: No such file or directory" in result.stderr


def test_every_alert_has_a_runbook_and_a_row_in_the_documentation(tmp_path: Path) -> None:
    """What fires at night can be looked up; and no runbook is left of an alert that is gone."""
    found = alerts(rules(tmp_path, models={"fraud": {"expect_every": "5m"}}))
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert {path.stem for path in RUNBOOKS.glob("Driftd*.md")} == found.keys()
    assert [name for name, rule in found.items() if f"| {name} | {rule['labels']['severity']} |" not in page] == []
    assert all(rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{name}.md") for name, rule in found.items())


def test_runbooks_may_lie_elsewhere(tmp_path: Path) -> None:
    """Teams that keep their own link to them."""
    found = alerts(rules(tmp_path, "--runbooks", "https://runbooks.example.org"))
    assert found["DriftdGap"]["annotations"]["runbook_url"] == "https://runbooks.example.org/DriftdGap.md"


@pytest.mark.parametrize(("configured", "expected"), [({}, []), ({"fraud": {"expect_every": "5m"}}, ["fraud"])])
def test_only_models_with_an_expectation_are_missed(
    configured: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    """There is no alert on silence unless somebody said how much of it is too much."""
    groups = yaml.safe_load(rules(tmp_path, models=configured))["groups"]
    traffic = [group["rules"] for group in groups if group["name"] == "driftd-traffic"]
    assert [name for rules_of in traffic for rule in rules_of for name in expected if name in rule["expr"]] == expected
    assert len(traffic) == len(expected)


def test_silence_allows_for_the_windows(tmp_path: Path) -> None:
    """An event is seen when its window has closed."""
    windows = {"duration": "1m", "lateness": "30s", "idle_timeout": "10s"}
    found = alerts(rules(tmp_path, "--job", "drift", windows=windows, models={'a"b': {"expect_every": "5m"}}))
    series = r'driftd_monitor_last_event_timestamp_seconds{job="drift",model="a\"b"}'
    over = f"time() - max without (instance, pod, version, segment) ({series}) > 400\nor\nabsent({series})"
    assert found["DriftdTrafficAbsent"]["expr"] == over


def test_checkpoints_may_be_late_by_thirty_intervals(tmp_path: Path) -> None:
    """A slow checkpoint is not an alarm."""
    slow = alerts(rules(tmp_path, state={"checkpoint_interval": "20s"}))["DriftdCheckpointStale"]["expr"]
    quick = alerts(rules(tmp_path, state={"checkpoint_interval": "1s"}))["DriftdCheckpointStale"]["expr"]
    assert ["> 600\n" in slow, "> 300\n" in quick] == [True, True]


def test_page_links_to_where_people_reach_the_daemon(tmp_path: Path) -> None:
    """The address of the configuration, not that of a pod."""
    found = alerts(rules(tmp_path, http={"external_url": "https://drift.example.org"}))["DriftdIncident"]
    assert found["annotations"]["link"] == "https://drift.example.org/api/v1/incidents/{{ $labels.incident }}"


def test_job_is_that_of_the_scrape_configuration(tmp_path: Path) -> None:
    """Whatever a job is called, its name is quoted."""
    expression = alerts(rules(tmp_path, "--job", 'a"\\b'))["DriftdDown"]["expr"]
    assert expression.endswith(r'absent(up{job="a\"\\b"})')


def test_operator_gets_the_same_groups(tmp_path: Path) -> None:
    """A PrometheusRule holds what the rule file holds."""
    document = yaml.safe_load(rules(tmp_path, "--kubernetes"))
    assert [document["apiVersion"], document["kind"]] == ["monitoring.coreos.com/v1", "PrometheusRule"]
    assert document["spec"] == yaml.safe_load(rules(tmp_path))
