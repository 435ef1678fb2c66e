"""A snapshot made with a looser configuration loses the values that may not be seen any more."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

import private_world as world
from driftd.config.load import load_config
from driftd.references.blocks import BlockRule
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.build import build_profile
from driftd.references.codec import profile_from_json
from driftd.references.masking import mask
from driftd.references.profile import Profile
from driftd.runtime.build import build_pipeline
from driftd.runtime.event_rows import EventRows
from driftd.runtime.lines import window_lines
from driftd.runtime.records import to_records
from driftd.runtime.redaction import redact, redact_verdicts
from driftd.snapshot.codec import decode
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Role, SourcePartition
from driftd.values.part import Ledger
from driftd.values.privacy import Shown, token_of
from driftd.values.verdict import ColumnVerdict

COMMITTED = Path(__file__).parents[2] / "data" / "state-format-1"
TEXTS = ("merchant", "city", "hamlet", "prediction", "label")
HASHED = dict.fromkeys(TEXTS, Shown.HASH)
HIDDEN = dict.fromkeys(world.COLUMNS, Shown.HIDE)
MIXED = {**HASHED, "city": Shown.HIDE, "salary": Shown.HIDE, "embedding": Shown.HIDE}


@cache
def plain() -> Profile:
    """The profile of the training rows."""
    read = EventRows().read
    rows = [read(value).row for value in world.events(20, 0, seed=1)]
    return build_profile(lambda: rows, model=world.MODEL, version="1", blocks=BlockRule(span_ms=world.WINDOW_MS))


def masked(settings: Mapping[str, Shown]) -> Profile:
    """The same, masked under its old ids: as a daemon has it that was restarted with these settings."""
    known = plain()
    return replace(mask(known, settings), binning_id=known.binning_id, reference_id=known.reference_id)


def run(settings: Mapping[str, Shown]) -> tuple[dict[str, Any], dict[ColumnKey, ColumnVerdict]]:
    """Read traffic that drifts half-way, and stop in the midst of a window.

    Returns the records of the snapshot, nothing of it delivered yet and columns carried over, and each column's
    newest verdict.
    """
    windows = {"duration": f"{world.WINDOW_MS}ms", "lateness": "1s", "min_observations": 420}
    config = load_config(None, {}, {"windows": windows})
    source = SourcePartition("traffic", 0)
    book = ReferenceBook([ReferenceSet(None, (masked(settings),))])
    pipeline = build_pipeline(config, {source.topic: TopicSettings()}, book)
    pipeline.start([Ledger(source, 0, 0)], 0)
    values = list(world.events(26, 12, seed=2))
    read = len(values) - 100
    outcome = pipeline.read(Batch(source, read, range(read), values[:read], drained=True), 0)
    lines = [line for verdict in outcome.verdicts for line in window_lines(verdict)]
    outbox = {"events": [event.body for event in outcome.events], "windows": lines, "waiting": {}}
    records = orjson.loads(orjson.dumps(to_records(pipeline) | {"outbox": outbox}))
    return records, {column.key: column for verdict in outcome.verdicts for column in verdict.columns}


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """All objects within plain data."""
    if isinstance(node, dict):
        yield node
    for item in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(item)


def redacted(records: dict[str, Any], settings: Mapping[str, Shown]) -> dict[str, Any]:
    """Redact a copy of records."""
    copy: dict[str, Any] = orjson.loads(orjson.dumps(records))
    known = masked(settings)
    redact(
        copy,
        lambda model: settings if model == world.MODEL else {},
        lambda reference_id: known if reference_id == known.reference_id else None,
    )
    return copy


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """The records of a daemon that showed everything."""
    return run({})[0]


def test_the_world_has_something_of_everything(shown: dict[str, Any]) -> None:
    """Unseen texts in open windows and carried columns, incidents, and documents that wait."""
    (monitor,) = (record for name, record in shown.items() if name.startswith("monitor/"))
    columns = [column for found in walk(shown["shard/0"]) for column in found.get("columns", ())]
    assert any(part["unseen"] for part in shown["shard/0"]["pending"]["parts"])
    assert any(column[-1] for column in columns)
    assert monitor["incidents"]["open"]
    for place in (shown["shard/0"], monitor["incidents"], shown["outbox"]["events"], shown["outbox"]["windows"]):
        assert world.planted(orjson.dumps(place))


@pytest.mark.parametrize("settings", [HIDDEN, MIXED], ids=["hidden", "mixed"])
def test_nothing_planted_is_left(shown: dict[str, Any], settings: Mapping[str, Shown]) -> None:
    """In none of the records."""
    after = redacted(shown, settings)
    assert world.leaks({name: orjson.dumps(record) for name, record in after.items()}) == {}


def test_hashed_snapshot_is_the_one_that_would_have_been(shown: dict[str, Any]) -> None:
    """To the last field, as if texts had been hashed all along; only the texts of waiting window lines are gone."""
    expected, _ = run(HASHED)
    for line in expected["outbox"]["windows"]:
        if line["column"] in TEXTS:
            line["unseen_texts"] = []
    assert redacted(shown, HASHED) == expected


@pytest.mark.parametrize("settings", [{}, HASHED, HIDDEN, MIXED], ids=["shown", "hashed", "hidden", "mixed"])
def test_what_the_settings_in_force_made_stays(settings: Mapping[str, Shown]) -> None:
    """A restart that changes nothing changes no document."""
    made, _ = run(settings)
    assert redacted(made, settings) == made


def test_hidden_snapshot_keeps_all_figures(shown: dict[str, Any]) -> None:
    """Counts, incidents, suspects and sizes of effects: only what names values goes."""
    after = redacted(shown, HIDDEN)

    def figures(records: dict[str, Any]) -> list[Any]:
        events = records["outbox"]["events"]
        told = ("before", "after", "bins")
        suspects = [{k: v for k, v in s.items() if k not in told} for e in events for s in e["data"]["suspects"]]
        lines = [{k: v for k, v in line.items() if k != "unseen_texts"} for line in records["outbox"]["windows"]]
        parts = [{k: v for k, v in part.items() if k != "unseen"} for part in records["shard/0"]["pending"]["parts"]]
        return [suspects, lines, parts, records["sources"], records["references"]]

    assert figures(after) == figures(shown)


def test_texts_counted_against_a_forgotten_reference_go(shown: dict[str, Any]) -> None:
    """Nobody knows which of its columns they are of, and nothing is added to them any more."""
    after: dict[str, Any] = orjson.loads(orjson.dumps(shown))
    redact(after, lambda _model: {}, lambda _reference_id: None)
    assert world.planted(orjson.dumps(after["shard/0"])) == set()


def test_snapshot_of_an_earlier_release_is_redacted_too() -> None:
    """What is to go is known by its fields, which all formats have."""
    records = decode((COMMITTED / "snapshot.jsonl").read_bytes(), "snapshot")
    (path,) = (COMMITTED / "references").iterdir()
    settings = {"country": Shown.HASH, "amount": Shown.HIDE}
    known = mask(profile_from_json(path.read_bytes(), path.name), settings)
    assert [name in str(records) for name in ("'DE'", "quantiles")] == [True, True]
    redact(records, lambda _model: settings, lambda _reference_id: known)
    assert [name in str(records) for name in ("'DE'", "quantiles")] == [False, False]
    assert token_of(text_hash("DE")) in str(records)


def test_newest_verdicts_lose_what_they_tell() -> None:
    """Of the columns that are not shown: their effect and unseen texts; the others stay as they are."""
    _, verdicts = run({})
    city, plain_column = ColumnKey(Role.FEATURE, "city"), ColumnKey(Role.FEATURE, "plain")
    before = dict(verdicts)
    redact_verdicts(verdicts, MIXED)
    assert before[city].effect is not None
    assert before[city].unseen_texts
    assert verdicts[city] == replace(before[city], effect=None, unseen_texts=())
    assert verdicts[plain_column] is before[plain_column]
    assert world.planted(repr(list(verdicts.values()))) == set()
