"""Values that may not be seen are in no output: planted ones are looked for in everything that is written."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

import private_world as world
from driftd.cli import main
from driftd.config.load import load_config
from driftd.metrics.collect import Collector
from driftd.metrics.render import render
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.codec import profile_from_json, profile_to_json
from driftd.references.masking import mask
from driftd.references.profile import Profile
from driftd.runtime.build import build_pipeline
from driftd.runtime.pictures import Pictures
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.privacy import Shown
from driftd.values.view import DaemonView
from driftd.web.bins import bin_documents
from driftd.web.documents import column_summary, incident_detail, monitor_detail, verdict_document
from driftd.web.page import render_page

WINDOWS = 24
TEXTS = {text.lower() for text in (*world.MERCHANTS, *world.CITIES, *world.UNSEEN, *world.CLASSES, "plantedshire")}


def run(command: str, *arguments: object) -> Result:
    """Call a command that must succeed, without a configuration from outside."""
    done = CliRunner(env={"DRIFTD_CONFIG": None}).invoke(main, [command, *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with training data and the profile built of them, and traffic that drifts half-way."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "training.jsonl").write_bytes(b"\n".join(world.events(20, 0, seed=1)))
    (folder / "traffic.jsonl").write_bytes(b"\n".join(world.events(WINDOWS, WINDOWS // 2, seed=2)))
    (folder / "references").mkdir()
    ordered = (
        "--timestamp",
        "timestamp",
        "--window",
        f"{world.WINDOW_MS}ms",
    )  # so that the evidence knows enough to page
    run("profile", folder / "training.jsonl", *ordered, "-o", folder / "references" / "lending.json")
    return folder


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay wrote, by name of the output."""

    outputs: dict[str, bytes]

    @property
    def summary(self) -> dict[str, Any]:
        """The summary."""
        summary: dict[str, Any] = orjson.loads(self.outputs["summary"])
        return summary

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The window lines."""
        return [orjson.loads(line) for line in self.outputs["windows"].splitlines()]


Replay = Callable[[dict[str, Any]], Replayed]


@pytest.fixture(scope="module")
def replay(folder: Path) -> Replay:
    """Replay the traffic with settings for the model; once for the same settings."""
    known: dict[str, Replayed] = {}

    def replayed(models: dict[str, Any]) -> Replayed:
        key = json.dumps(models, sort_keys=True)
        if key not in known:
            known[key] = _replayed(folder, models)
        return known[key]

    return replayed


def config_with(folder: Path, models: dict[str, Any]) -> dict[str, Any]:
    """The configuration."""
    return {
        "references": {"directory": str(folder / "references")},
        "windows": {"duration": f"{world.WINDOW_MS}ms", "lateness": "1s"},
        "incidents": {"page_max_age": "36500d"},
        "log": {"level": "debug"},
        "models": models,
    }


def _replayed(folder: Path, models: dict[str, Any]) -> Replayed:
    config = folder / "driftd.yaml"
    config.write_text(json.dumps(config_with(folder, models)))
    files = {name: folder / f"{name}.jsonl" for name in ("events", "windows", "state")}
    options = [word for name, path in files.items() for word in (f"--{name}-out", path)]
    done = run("replay", folder / "traffic.jsonl", "--config", config, "--json", *options)
    outputs = {name: path.read_bytes() for name, path in files.items()}
    return Replayed({**outputs, "summary": done.stdout_bytes, "log": done.stderr_bytes})


def test_replay_writes_none_of_them(replay: Replay) -> None:
    """Neither drift events nor window lines, the snapshot, the summary or the log: with ``show`` they do."""
    masked, shown = replay(world.hashed_and_hidden()), replay({})

    assert world.leaks(masked.outputs) == {}
    assert TEXTS - {"deniedplanted"} <= world.planted(shown.outputs["events"] + shown.outputs["windows"])
    assert any(value.startswith("7") for value in world.planted(shown.outputs["events"]))
    assert world.planted(shown.outputs["state"])


def test_verdicts_are_the_same(replay: Replay) -> None:
    """The same counts, distances, detections and pages for every column, shown, hashed or hidden."""
    masked, shown = replay(world.hashed_and_hidden()), replay({})
    hidden = replay(world.settings(**dict.fromkeys(world.COLUMNS, "hide")))
    of_text_or_id = {"unseen_texts", "reference_id", "id"}

    def judged(replayed: Replayed) -> list[dict[str, Any]]:
        return [{name: told for name, told in line.items() if name not in of_text_or_id} for line in replayed.lines]

    assert judged(masked) == judged(shown) == judged(hidden)
    assert masked.summary == shown.summary == hidden.summary
    assert shown.summary["pages"] >= 1
    assert {"evidence"} == {rule for line in shown.lines for rule in line["alarms"]}
    paged = {column for page in shown.summary["incidents"] for column in page["suspects"]}
    assert {"merchant", "city", "salary", "embedding[0]"} <= paged


def test_hashed_columns_tell_tokens_and_hidden_ones_ranks(replay: Replay) -> None:
    """An unseen text is told as its token or not at all; its count stays."""
    lines = replay(world.hashed_and_hidden()).lines
    unseen = {
        name: {text for line in lines if line["column"] == name for text, _ in line["unseen_texts"]}
        for name in ("merchant", "city")
    }

    assert unseen == {"merchant": {f"#{world_hash(world.UNSEEN[0]):016x}"}, "city": set()}
    assert sum(line["unseen"] for line in lines if line["column"] == "city") > 0


def world_hash(text: str) -> int:
    """The hash of a text, as docs/events.md says it."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def views(profile: Profile, folder: Path) -> Iterator[DaemonView]:
    """Yield the newest picture after every 1,000 records of the traffic."""
    config = load_config(None, {}, config_with(folder, {}))
    source = SourcePartition("traffic", 0)
    book = ReferenceBook([ReferenceSet(None, (profile,))])
    pipeline = build_pipeline(config, {source.topic: TopicSettings()}, book)
    pipeline.start([Ledger(source, 0, 0)], 0)
    pictures = Pictures(pipeline, {})
    values = (folder / "traffic.jsonl").read_bytes().splitlines()
    for first in range(0, len(values), 1_000):
        some = values[first : first + 1_000]
        outcome = pipeline.read(Batch(source, first + len(some), range(first, first + len(some)), some), 0)
        pictures.update(outcome, {event.body["data"]["incident"] for event in outcome.events})
        yield DaemonView(monitors=pictures.monitors())


def served(view: DaemonView, profile: Profile) -> Iterator[bytes]:
    """Yield the page, the metrics and all that the API shows of a picture."""
    yield render_page(view)
    yield render(Collector(lambda: view), "")[0]
    for monitor in view.monitors:
        yield orjson.dumps(monitor_detail(monitor))
        for incident in monitor.incidents:
            yield orjson.dumps(incident_detail(incident, monitor))
        for column in monitor.columns:
            yield orjson.dumps(column_summary(monitor.key, column))
            counts = None if column.newest is None else column.newest.counts
            yield orjson.dumps(bin_documents(profile.columns[profile.index[column.key]], counts))
            if column.newest is not None:
                yield orjson.dumps(verdict_document(column.newest))


def test_pictures_show_none_of_them(folder: Path) -> None:
    """Neither the page, the metrics nor any document of the API, before and after a page: with ``show`` they do."""
    shown = profile_from_json((folder / "references" / "lending.json").read_bytes(), "p")
    columns = world.hashed_and_hidden()[world.MODEL]["columns"]
    masked = mask(shown, {name: Shown(column["values"]) for name, column in columns.items()})

    def found(profile: Profile) -> set[str]:
        seen = (data for view in views(profile, folder) for data in served(view, profile))
        return set().union(*map(world.planted, seen))

    assert found(masked) == set()
    assert TEXTS <= found(shown)


def test_profiles_hold_none_but_edges(folder: Path) -> None:
    """A masked profile's file holds no planted text, and numbers only where a value's bin must be found."""
    data = (folder / "references" / "lending.json").read_bytes()
    columns = world.hashed_and_hidden()[world.MODEL]["columns"]
    settings = {name: Shown(column["values"]) for name, column in columns.items()}
    masked = profile_to_json(mask(profile_from_json(data, "p"), settings))

    assert world.planted(world.without_edges(masked)) == set()
    assert TEXTS - {text.lower() for text in world.UNSEEN} <= world.planted(world.without_edges(data))
    assert {found for found in world.planted(masked) if not found.startswith("7")} == set()
