"""State directories that earlier releases left behind, read on by this one (upgrade_world says how they are made)."""

from pathlib import Path
from typing import NamedTuple

import pytest

import upgrade_world as world
from driftd.config.judgement import Judgement
from driftd.references.book import ReferenceBook
from driftd.references.codec import profile_from_json
from driftd.runtime.build import build_pipeline
from driftd.runtime.lines import window_lines
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.runtime.records import references_of, restore, to_records
from driftd.snapshot.codec import FORMAT, decode
from driftd.snapshot.restoring import restoring
from driftd.snapshot.store import StateDirectory
from driftd.summarise.settings import TopicSettings
from driftd.values.state import State

DATA = Path(__file__).parents[2] / "data"
FOLDERS = sorted(DATA.glob("state-format-*"))
END = world.WINDOWS * world.PER_WINDOW


class Told(NamedTuple):
    """All that a run told behind half-way, and what it remembers at its end."""

    events: list[State]
    windows: list[State]
    records: dict[str, State]


def to_the_end(pipeline: Pipeline, outcome: Outcome) -> Told:
    """Close what is open, and return what was told since ``outcome`` began."""
    outcome.extend(pipeline.finish(0))
    windows = [line for verdict in outcome.verdicts for line in window_lines(verdict)]
    return Told([event.body for event in outcome.events], windows, to_records(pipeline))


def undisturbed() -> Told:
    """This release, from the beginning to the end."""
    pipeline = world.fresh_pipeline()
    pipeline.start(world.beginning(), 0)
    outcome = Outcome()
    for batch in world.batches({ledger.source: 0 for ledger in world.beginning()}, world.HALF_WAY):
        pipeline.read(batch, 0)
    for batch in world.batches({source: ledger.position for source, ledger in pipeline.ledgers.items()}, END):
        outcome.extend(pipeline.read(batch, 0))
    return to_the_end(pipeline, outcome)


def read_on_from(folder: Path, judgement: Judgement | None = None) -> Told:
    """This release, from what another one remembered; judging as given from the first window that can be on."""
    state = StateDirectory(folder)
    data = state.read()
    assert data is not None
    with restoring(str(state.path)):
        records = decode(data, str(state.path))
        sets = references_of(records, lambda name: profile_from_json(state.reference(name), name))
        pipeline = build_pipeline(world.settings(), {world.TOPIC: TopicSettings()}, ReferenceBook(sets))
        ledgers = restore(pipeline, records, {world.TOPIC}, 0)
    if judgement is not None:
        pipeline.adopt_judgement(judgement)
    return to_the_end(pipeline, world.read_on(pipeline, ledgers, END))


def without_evidence(told: Told) -> Told:
    """Leave out what the formats up to 2 do not know: the evidence, which begins where they end, and pages nothing."""
    windows = [without(line, "evidence", "weight", "monitor_evidence") for line in told.windows]
    records = {
        name: {**record, "detect": without(record["detect"], "weighing")} if name.startswith("monitor/") else record
        for name, record in told.records.items()
    }
    return Told(told.events, windows, records)


def without(document: State, *keys: str) -> State:
    """Return a document without some of its keys."""
    return {key: value for key, value in document.items() if key not in keys}


def test_there_is_a_state_directory_of_each_format_that_is_read() -> None:
    """What this release promises to read is tried on what the releases before it have really written."""
    assert {f"state-format-{number}" for number in range(1, FORMAT)} <= {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_reading_on_from_an_earlier_release_tells_the_same(folder: Path) -> None:
    """Documents, window lines and final accounts are those of this release reading all of it, to the bit."""
    expected, actual = without_evidence(undisturbed()), without_evidence(read_on_from(folder))
    assert expected.events
    assert expected.events == actual.events
    assert expected.windows == actual.windows
    assert expected.records == actual.records


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_evidence_takes_over_the_incident_of_an_earlier_release(folder: Path) -> None:
    """By the default of this release: of the drift that goes on it speaks, and pages nothing new; its end ends it."""
    told = read_on_from(folder, Judgement())
    spoken = {(line["column"], rule) for line in told.windows for rule in line["speaking"]}
    assert {("amount", "gross"), ("country", "gross"), ("amount", "evidence"), ("country", "evidence")} == spoken
    assert ["io.driftd.incident.resolved.v1"] == [event["type"] for event in told.events]
