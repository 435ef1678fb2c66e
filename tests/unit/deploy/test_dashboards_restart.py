"""A replaced pod brings the same series under other labels: the dashboards show them once, before, while and after."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dashboards import Query, filled, load, queries
from programs import program

pytestmark = pytest.mark.prometheus

#: Minutes at which the first pod is alone, both are seen (the first as its last sample is not old yet), the second is.
MOMENTS = {"before": 10, "both": 21, "after": 40}
FIRST, SECOND = "{0}x20", "_x20 {0}x30"
MONITOR = {"model": "fraud", "version": "3", "segment": "all"}
FOUND_IN = {"namespace": "models", "job": "driftd"}
INCIDENT = MONITOR | {"incident": "f00d"}
AMOUNT = {"role": "feature", "column": "amount"}
MOVED = AMOUNT | {"channel": "location", "direction": "up"}

Sample = tuple[dict[str, str], float]

SERIES: dict[str, list[Sample]] = {
    "driftd_ready": [({}, 1)],
    "driftd_monitor_state": [(MONITOR | {"state": "ok"}, 0), (MONITOR | {"state": "firing"}, 1)],
    "driftd_monitor_columns_drifting": [(MONITOR, 1)],
    "driftd_monitor_evidence": [(MONITOR, 7)],
    "driftd_monitor_evidence_threshold": [(MONITOR, 5)],
    "driftd_incident_firing": [(INCIDENT, 1)],
    "driftd_incident_onset_timestamp_seconds": [(INCIDENT, 1000)],
    "driftd_incident_suspect_share": [(INCIDENT | AMOUNT, 0.75)],
    "driftd_incident_suspect_info": [(INCIDENT | MOVED, 1)],
    "driftd_column_state": [(MONITOR | AMOUNT | {"state": "ok"}, 0), (MONITOR | AMOUNT | {"state": "drift"}, 1)],
    "driftd_consumer_lag": [({"topic": "t", "partition": "0"}, 30), ({"topic": "t", "partition": "1"}, 12)],
}

VALUES = MONITOR | AMOUNT | FOUND_IN | {"instance": ".+", "__range": "1h", "__rate_interval": "5m"}
EXPECTED: dict[str, dict[str, list[Sample]]] = {
    "fleet": {
        "Open incidents A": [({}, 1)],
        "Monitors firing A": [({}, 1)],
        "Columns drifting A": [({}, 1)],
        "Not read yet A": [({}, 42)],
        "Incidents that are open A": [(FOUND_IN | INCIDENT, 1_000_000)],
        "Incidents that are open B": [(FOUND_IN | INCIDENT | AMOUNT, 0.75)],
        "Monitors A": [(FOUND_IN | MONITOR, 4)],
        "Monitors B": [(FOUND_IN | MONITOR, 2)],
        "Incidents in the time shown, by model A": [({"model": "fraud"}, 1)],
        "Monitors by state A": [({"state": "ok"}, 0), ({"state": "firing"}, 1)],
        "annotation Incidents": [(INCIDENT, 1)],
    },
    "model": {
        "State A": [(MONITOR, 4)],
        "Open incidents A": [({}, 1)],
        "Different since A": [({}, 1_000_000)],
        "Suspects of the open incidents A": [({"incident": "f00d"} | MOVED, 0.75)],
        "Columns that drifted A": [(AMOUNT, 5)],
        "annotation Onsets": [(INCIDENT, 1_000_000)],
    },
    "daemon": {"Not read yet A": [({}, 42)], "Lag A": [(labels, lag) for labels, lag in SERIES["driftd_consumer_lag"]]},
}


def written(name: str, labels: Mapping[str, str]) -> str:
    """Return a series as promtool reads it."""
    return f"{name}{{{', '.join(f'{label}={json.dumps(value)}' for label, value in labels.items())}}}"


def series() -> list[dict[str, str]]:
    """Return what both pods export, minute by minute."""
    made = []
    for pod, notation in (("driftd-a", FIRST), ("driftd-b", SECOND)):
        scraped = FOUND_IN | {"pod": pod, "instance": f"{pod}:9108"}
        for name, samples in SERIES.items():
            for labels, value in samples:
                made.append({"series": written(name, scraped | labels), "values": notation.format(value)})
    return made


def case(query: Query, minute: int, expected: list[Sample]) -> dict[str, object]:
    """Return one test of promtool."""
    samples = [{"labels": written("", labels), "value": value} for labels, value in expected]
    return {"expr": filled(query.expression, VALUES), "eval_time": f"{minute}m", "exp_samples": samples}


@pytest.mark.parametrize("minute", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("name", EXPECTED)
def test_a_replaced_pod_changes_nothing(name: str, minute: int, tmp_path: Path) -> None:
    """Incidents, states and lag are counted once whichever pods are seen."""
    found = {query.place: query for query in queries(load(name))}
    tests = [case(found[place], minute, expected) for place, expected in EXPECTED[name].items()]
    document = {
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series(), "promql_expr_test": tests}],
    }
    (tmp_path / "test.yaml").write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    command = [program("promtool"), "test", "rules", "test.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert 0 == done.returncode, done.stdout + done.stderr
