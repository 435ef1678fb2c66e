"""The daemon and a real broker: 200,000 events, every count, every gauge, and the same again after 20 kills."""

import csv
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, Scrape, daemon, driftd, value, values, write_config
from end_to_end_expectation import Expected, reference_columns, released
from end_to_end_traffic import (
    CHURN,
    DRIFTED,
    DURATION_MS,
    EVENT_BYTES,
    EVENTS,
    FEATURES,
    FRAUD,
    LATENESS_MS,
    MAX_SKEW_MS,
    MIN_OBSERVATIONS,
    MODELS,
    PARTITIONS,
    SEARCH,
    START_MS,
    Model,
    draw,
    traffic,
)

from kafka_cluster import Cluster, Record

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

SEED = 20260115
TRAINING_ROWS = 8_000
KILLS = 20
STARTING, READING, SAVING, TELLING, ENDING = (
    "it starts",
    "it reads",
    "it saves what it is about to tell",
    "it tells of windows",
    "it waits for the last windows",
)
LONGEST_SECONDS = {STARTING: 1.0, READING: 0.2, SAVING: 0.0, TELLING: 0.1, ENDING: 9.0}
REASONS = (
    "future",
    "limit",
    "malformed",
    "missing_model",
    "no_reference",
    "no_timestamp",
    "too_large",
    "tombstone",
    "unsupported",
)


@dataclass(frozen=True, slots=True)
class World:
    """What all tests here share: a topic with the traffic, references, a configuration, and what must come of it."""

    topic: str
    folder: Path
    config: Path
    references: dict[str, Path]
    expected: Expected


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A run from the first record to the last, ended by SIGTERM."""

    scrape: Scrape
    events: bytes
    windows: bytes
    snapshot: bytes


@pytest.fixture(scope="module")
def world(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Train the references through the command line, and produce the traffic once."""
    folder = tmp_path_factory.mktemp("end_to_end")
    references = {model.name: train(model, folder) for model in MODELS}
    cluster = Cluster(kafka_bootstrap)
    topic = cluster.create_topic(PARTITIONS, {"retention.ms": "-1", "max.message.bytes": "1048576"})
    expected = Expected()
    cluster.produce(topic, judged(expected), {"enable.idempotence": "true"})
    config = write_config(
        folder / "driftd.yaml",
        {
            "kafka": {"bootstrap_servers": kafka_bootstrap, "group_id": topic, "topics": [topic], "start": "earliest"},
            "references": {"directory": str(folder / "references")},
            "windows": {
                "duration": f"{DURATION_MS}ms",
                "lateness": f"{LATENESS_MS}ms",
                "idle_timeout": "1s",
                "max_skew": f"{MAX_SKEW_MS}ms",
                "max_ahead": "2m",
                "min_observations": MIN_OBSERVATIONS,
            },
            "incidents": {"page_max_age": "36500d"},
            "state": {"checkpoint_interval": "200ms"},
            "limits": {"event_bytes": EVENT_BYTES},
        },
    )
    return World(topic, folder, config, references, expected)


def judged(expected: Expected) -> Iterator[Record]:
    """Yield the traffic's records, and have each judged on the way."""
    for sent in traffic(SEED):
        expected.take(sent)
        yield Record(sent.value, sent.partition, sent.record_ms)


def train(model: Model, folder: Path) -> Path:
    """Write training rows in time order, a day before the traffic, and have `driftd profile` build the reference."""
    references = folder / "references"
    references.mkdir(exist_ok=True)
    profile = references / f"{model.name}.json"
    as_table = model is CHURN
    data = folder / f"{model.name}.{'csv' if as_table else 'jsonl'}"
    (write_csv if as_table else write_events)(model, data)
    options = ["--prediction", "prediction"] if as_table else []
    done = driftd("profile", data, "--timestamp", "timestamp", "--window", "5s", *options, "-o", profile)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return profile


def training_rows(model: Model) -> Iterator[tuple[int, dict[str, Any], float]]:
    """Yield rows as dense as the model's traffic."""
    rng = random.Random(f"training {model.name}")
    for number in range(TRAINING_ROWS):
        yield START_MS - 86_400_000 + int(number * DURATION_MS / (1_000 * model.weight)), *draw(rng)


def write_events(model: Model, path: Path) -> None:
    """Write training rows as canonical events."""
    with path.open("w") as file:
        for time_ms, features, prediction in training_rows(model):
            event = {"model": model.name, "version": model.version, "timestamp": time_ms}
            print(json.dumps(event | {"features": features, "prediction": prediction}), file=file)


def write_csv(model: Model, path: Path) -> None:
    """Write training rows as a table; an empty cell is a missing value."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, ["timestamp", *FEATURES, "prediction"])
        table.writeheader()
        for time_ms, features, prediction in training_rows(model):
            table.writerow({"timestamp": time_ms, **features, "prediction": prediction})


@pytest.fixture(scope="module")
def undisturbed(world: World) -> Undisturbed:
    """Run the daemon until all is read and every window closed, and stop it."""
    with daemon(world.folder / "undisturbed", world.config) as process:
        process.wait_until_all_is_told(PARTITIONS, 180)
        scrape = process.scrape()
        assert process.stop() == 0
    return Undisturbed(scrape, process.events.read_bytes(), process.windows.read_bytes(), process.snapshot.read_bytes())


def test_every_event_is_accounted_for_by_what_became_of_it(world: World, undisturbed: Undisturbed) -> None:
    """Read, summed, late, and rejected by reason are those of a plain reading of the same records."""
    expected, scrape, topic = world.expected, undisturbed.scrape, world.topic
    assert set(REASONS) == set(expected.rejected)
    assert expected.late > 100
    assert EVENTS == value(scrape, "driftd_events_read_total", topic=topic)
    assert expected.observed == value(scrape, "driftd_events_observed_total", topic=topic)
    late = {"watermark": expected.late, "closed": 0, "gap": 0}
    assert {frozenset({("reason", reason)}): events for reason, events in late.items()} == values(
        scrape, "driftd_events_late_total", topic=topic
    )
    assert {frozenset({("reason", reason)}): expected.rejected[reason] for reason in REASONS} == values(
        scrape, "driftd_events_rejected_total", topic=topic
    )
    assert value(scrape, "driftd_events_pending", topic=topic) == 0


def test_every_partition_is_read_to_its_end(world: World, undisturbed: Undisturbed) -> None:
    """Lag reaches 0, and the watermarks are those of the newest events."""
    for partition in range(PARTITIONS):
        labels = {"topic": world.topic, "partition": str(partition)}
        assert value(undisturbed.scrape, "driftd_consumer_lag", **labels) == 0
        expected_ms = world.expected.watermarks[partition]
        assert expected_ms / 1000 == value(undisturbed.scrape, "driftd_watermark_timestamp_seconds", **labels)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_gauges_equal_those_of_pandas_and_scipy(model: Model, world: World, undisturbed: Undisturbed) -> None:
    """Distances, shift and ratios of the newest span, and the counts of the monitor."""
    name, version = model.monitor
    monitor = {"model": name, "version": version, "segment": "all"}
    events = world.expected.monitor(model.monitor)
    *_, newest = released(events)
    scrape = undisturbed.scrape
    for column in reference_columns(world.references[name]):
        labels = monitor | {"column": column.name, "role": column.role}
        shown = {
            distance: value(scrape, "driftd_column_distance", **labels, distance=distance)
            for distance in ("psi", "js", "ks", "wasserstein")
        }
        shown |= {"shift": value(scrape, "driftd_column_shift", **labels)}
        shown |= {
            kind: value(scrape, f"driftd_column_{kind}_ratio", **labels) for kind in ("missing", "invalid", "unseen")
        }
        assert column.gauges(column.count(newest.events[column.name])) == pytest.approx(shown, rel=1e-9, abs=1e-12)

    reference_id = json.loads(world.references[name].read_bytes())["reference_id"]
    assert len(events) == value(scrape, "driftd_monitor_events_total", **monitor)
    assert events["start_ms"].nunique() == value(scrape, "driftd_windows_closed_total", **monitor)
    assert world.expected.incomplete(model.monitor) == value(scrape, "driftd_windows_incomplete_total", **monitor)
    assert events["time_ms"].max() / 1000 == value(scrape, "driftd_monitor_last_event_timestamp_seconds", **monitor)
    assert [reference_id] == [
        dict(labels)["reference_id"] for labels in values(scrape, "driftd_reference_info", **monitor)
    ]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_window_line_equals_the_sums_of_pandas(model: Model, world: World, undisturbed: Undisturbed) -> None:
    """One line for each column of each span, in the order of event time; a sparse model's span several windows."""
    name, version = model.monitor
    lines = [line for line in json_lines(undisturbed.windows) if (line["model"], line["version"]) == (name, version)]
    spans = list(released(world.expected.monitor(model.monitor)))
    columns = reference_columns(world.references[name])
    assert (model is SEARCH) == all(span.windows > 1 for span in spans)
    expected = [
        (span.start_ms, span.end_ms, span.windows, column.role, column.name, column.count(span.events[column.name]))
        for span in spans
        for column in columns
    ]
    assert [(*place, c.n, c.missing, c.invalid, c.unseen, list(c.counts)) for *place, c in expected] == [
        (
            line["span"]["start_ms"],
            line["span"]["end_ms"],
            line["span"]["windows"],
            *(line[key] for key in ("role", "column", "n", "missing", "invalid", "unseen", "counts")),
        )
        for line in lines
    ]


def test_the_drifted_columns_are_paged_and_no_others(undisturbed: Undisturbed) -> None:
    """One incident, of the model that drifts; it begins when the drift does."""
    events = json_lines(undisturbed.events)
    firing = [event["data"] for event in events if event["type"] == "io.driftd.incident.firing.v1"]
    assert [FRAUD.name] == [data["monitor"]["model"] for data in firing]
    paged = {suspect["column"] for event in events for suspect in event["data"]["suspects"]}
    assert set(DRIFTED) == paged
    shown = values(undisturbed.scrape, "driftd_incident_firing", model=FRAUD.name)
    assert {frozenset({("version", "1"), ("segment", "all"), ("incident", firing[0]["incident"])}): 1} == shown
    assert len(values(undisturbed.scrape, "driftd_incident_firing")) == 1


def test_a_replay_of_the_topic_gives_the_same_bytes(world: World, undisturbed: Undisturbed) -> None:
    """Drift events, window lines and the snapshot of `driftd replay --topic` are those of the daemon."""
    events, windows, snapshot = (world.folder / name for name in ("replay.events", "replay.windows", "replay.snapshot"))
    outputs = ("--events-out", events, "--windows-out", windows, "--state-out", snapshot)
    done = driftd("replay", "--topic", world.topic, "--config", world.config, *outputs, "--json", seconds=180)
    assert (done.returncode, done.stderr) == (0, "")
    assert undisturbed.events == events.read_bytes()
    assert undisturbed.windows == windows.read_bytes()
    assert records(undisturbed.snapshot) == records(snapshot.read_bytes())
    assert undisturbed.snapshot == snapshot.read_bytes()
    summary = json.loads(done.stdout)
    expected = world.expected
    assert (EVENTS, expected.observed, expected.late) == (summary["rows"], summary["events"], summary["late"])
    assert dict(expected.rejected) == summary["rejected"]


def test_kills_change_nothing(world: World, undisturbed: Undisturbed) -> None:
    """Killed at 20 seeded moments, repeats removed: the same drift events, window lines and snapshot, byte for byte."""
    rng = random.Random(SEED)
    moments = [*rng.sample((STARTING, READING, SAVING, TELLING), counts=(3, 5, 5, 4), k=17), *[ENDING] * 3]
    process = DaemonProcess(world.folder / "killed", world.config)
    saved: list[int] = []  # positions in the snapshot after each kill, over all partitions
    try:
        for moment in moments:
            before = saved_positions(process.snapshot)
            process.start()
            reach(moment, process, before, len(undisturbed.windows))
            assert process.lives_for(rng.uniform(0, LONGEST_SECONDS[moment]))
            process.kill()
            saved.append(saved_positions(process.snapshot))
            if moment == TELLING:
                leave_unfinished_line(process.windows)
        process.start()
        process.wait_until_all_is_told(PARTITIONS, 180)
        assert process.stop() == 0
    finally:
        process.kill()
    assert len(moments) == KILLS
    assert undisturbed.windows == without_repeats(process.windows.read_bytes())
    assert undisturbed.events == without_repeats(process.events.read_bytes())
    assert records(undisturbed.snapshot) == records(process.snapshot.read_bytes())
    assert undisturbed.snapshot == process.snapshot.read_bytes()
    # the kills fell upon the work, and some between telling and remembering that it is told
    assert len({positions for positions in saved if 0 < positions < EVENTS}) >= KILLS // 4
    assert len(process.windows.read_bytes()) > len(undisturbed.windows)


def reach(moment: str, process: DaemonProcess, before: int, all_told: int) -> None:
    """Wait for the moment after which a kill falls within LONGEST_SECONDS.

    ``before`` is where the snapshot stood at the start, ``all_told`` the size of all window lines.
    """
    told = written(process.windows)
    if moment == READING:
        process.wait_until(lambda: saved_positions(process.snapshot) >= min(before + 1, EVENTS), moment)
    elif moment == SAVING:
        process.wait_until(lambda: process.logged("started") is not None, moment)
        await_replacement(process.snapshot)
    elif moment == TELLING:
        process.wait_until(lambda: written(process.windows) > told, moment)
    elif moment == ENDING:
        process.wait_until(lambda: written(process.windows) > 0.97 * all_told and process.ready(), moment)


def await_replacement(path: Path) -> None:
    """Return within microseconds of a file's replacement: what follows upon it has hardly begun."""
    inode = path.stat().st_ino if path.exists() else None
    deadline = time.monotonic() + 30
    while not path.exists() or path.stat().st_ino == inode:
        assert time.monotonic() < deadline, f"{path} was not replaced"


def leave_unfinished_line(path: Path) -> None:
    """Write what a kill in the midst of telling leaves behind; no kill from outside can be timed to do so."""
    with path.open("ab") as file:
        file.write(b'{"alarms":[],"col')


def written(path: Path) -> int:
    """Return the size of a file, 0 if it is not there yet."""
    return path.stat().st_size if path.exists() else 0


def saved_positions(snapshot: Path) -> int:
    """Return the sum of the positions that a snapshot holds, 0 if there is none yet."""
    if not snapshot.exists():
        return 0
    return sum(ledger["position"] for ledger in records(snapshot.read_bytes())["sources"]["ledgers"])


def records(snapshot: bytes) -> dict[str, Any]:
    """Return a snapshot's records by name."""
    return dict(json.loads(line) for line in snapshot.splitlines()[1:-1])


def json_lines(content: bytes) -> list[dict[str, Any]]:
    """Return the documents of a file of JSON lines."""
    return [json.loads(line) for line in content.splitlines()]


def without_repeats(content: bytes) -> bytes:
    """Remove repeated lines, told by their id; a repeat must be the same to the byte."""
    first: dict[str, bytes] = {}
    for line in content.splitlines(keepends=True):
        assert line == first.setdefault(json.loads(line)["id"], line)
    return b"".join(first.values())
