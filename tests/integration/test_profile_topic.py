"""``driftd profile --topic``: a reference from the events of a topic, on a real broker."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from driftd.references.codec import profile_from_json
from driftd.values.keys import ColumnKey, Role
from kafka_cluster import Cluster, Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]
BASE_MS = 1_767_225_600_000
ROWS = 2_000


def event(number: int, model: str) -> bytes:
    """Return an event with its number as its amount."""
    features = {"amount": number, "colour": ("red", "green")[number % 2]}
    return orjson.dumps({"model": model, "version": "7", "timestamp": BASE_MS + number * 1000, "features": features})


@pytest.fixture(scope="module")
def topic(kafka_bootstrap: str) -> str:
    """A topic with the events of two models over three partitions, and a broken one."""
    cluster = Cluster(kafka_bootstrap)
    name = cluster.create_topic(3, {"retention.ms": "-1"})
    records = [
        Record(event(number, model), number % 3, BASE_MS + number * 1000)
        for number in range(ROWS)
        for model in ("fraud", "ads")
    ]
    cluster.produce(name, [Record(b"{", 0, BASE_MS), *records])
    return name


def run_profile(bootstrap: str, topic: str, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command on a topic."""
    environment = {
        **os.environ,
        "DRIFTD_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "DRIFTD_KAFKA__GROUP_ID": "profile",
        "DRIFTD_KAFKA__TOPICS": f"[{topic}]",
    }
    command = [sys.executable, "-m", "driftd", "profile", "--topic", topic, "-o", str(output), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_topic_gives_the_profile_of_one_model(kafka_bootstrap: str, topic: str, tmp_path: Path) -> None:
    """The rows are the model's events of all partitions, however they are interleaved."""
    output = tmp_path / "fraud.json"
    done = run_profile(kafka_bootstrap, topic, output, "--model", "fraud", "--version", "7")
    assert (0, "") == (done.returncode, done.stdout)
    profile = profile_from_json(output.read_bytes(), "fraud")
    amount = profile.columns[profile.index[ColumnKey(Role.FEATURE, "amount")]]
    assert (ROWS, 0.0, ROWS - 1.0) == (profile.rows, amount.moments["min"], amount.moments["max"])
    assert profile.calibration is None


def test_sorted_rows_of_a_topic_are_calibrated(kafka_bootstrap: str, topic: str, tmp_path: Path) -> None:
    """With --sort the rows are in time order over all partitions, so the profile learns their dependence."""
    output = tmp_path / "fraud.json"
    done = run_profile(
        kafka_bootstrap, topic, output, "--model", "fraud", "--version", "7", "--sort", "--window", "200s"
    )
    assert 0 == done.returncode, done.stderr
    calibration = profile_from_json(output.read_bytes(), "fraud").calibration
    assert calibration is not None
    assert (10, 200.0) == (calibration.blocks, calibration.block_rows)


def test_a_span_of_time_is_all_that_is_read(kafka_bootstrap: str, topic: str, tmp_path: Path) -> None:
    """--from and --to choose records by their own time."""
    output = tmp_path / "fraud.json"
    span = ("--from", "2026-01-01T00:08:20Z", "--to", "2026-01-01T00:16:40Z")
    done = run_profile(kafka_bootstrap, topic, output, "--model", "fraud", "--version", "7", *span)
    assert 0 == done.returncode, done.stderr
    assert 500 == profile_from_json(output.read_bytes(), "fraud").rows


def test_a_topic_needs_a_model(kafka_bootstrap: str, topic: str, tmp_path: Path) -> None:
    """A topic may hold several models' events: which one is not guessed."""
    done = run_profile(kafka_bootstrap, topic, tmp_path / "x.json")
    assert 2 == done.returncode
    assert "--topic needs --model: a topic may hold the events of several" in done.stderr
