"""Profiles as nobody should write them: refused with a ProfileError, or read back as what they say."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fuzzing import altered, corpus, damaged, examples
from hypothesis import given
from hypothesis import strategies as st

import upgrade_world as world
from driftd.errors import ProfileError
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.codec import profile_from_json, profile_to_json, with_ids
from driftd.references.directory import ProfileDirectory
from driftd.references.profile import BlockCounts, Profile
from driftd.runtime.build import build_pipeline
from driftd.runtime.lines import window_lines
from driftd.runtime.pipeline import Outcome
from driftd.runtime.records import to_records
from driftd.snapshot.codec import decode, encode
from driftd.summarise.settings import TopicSettings

WHOLE = profile_to_json(world.profile())
LONGEST_TOLD = 1_000  # characters
DOCUMENT: dict[str, Any] = json.loads(WHOLE)


def check(data: bytes) -> None:
    """Read a profile: a ProfileError of one line, or a profile that is written as itself."""
    told = "read"
    try:
        profile = profile_from_json(data, "p.json")
        assert profile == profile_from_json(profile_to_json(profile), "p.json")
    except ProfileError as error:
        told = str(error)
    assert (1, True) == (len(told.splitlines()), len(told) < LONGEST_TOLD)


@pytest.mark.parametrize("path", corpus("profiles"), ids=lambda path: path.name)
def test_every_profile_of_the_corpus_is_refused(path: Path) -> None:
    """What once was read wrongly, or slowly, is not again."""
    with pytest.raises(ProfileError):
        profile_from_json(path.read_bytes(), path.name)
    check(path.read_bytes())


@examples(150)
@given(damaged(WHOLE))
def test_a_damaged_profile_is_refused_or_equal(data: bytes) -> None:
    """No flipped bit, cut or odd byte makes a profile of other content: its ids would not follow from it."""
    check(data)
    try:
        profile = profile_from_json(data, "p.json")
    except ProfileError:
        return
    assert profile.reference_id == world.profile().reference_id


@examples(150)
@given(altered(DOCUMENT))
def test_an_altered_profile_is_refused_or_equal(document: Any) -> None:
    """Fields replaced, doubled or taken away: sound JSON of the wrong content."""
    check(json.dumps(document).encode())


def _numeric(bins: int) -> dict[str, Any]:
    (amount,) = (column for column in DOCUMENT["columns"] if column["name"] == "amount")
    edges, counts = list(range(bins - 1)), [0] * bins
    return {**amount, "n": 0, "missing": 0, "invalid": 0, "counts": counts, "edges": edges, "test_of": [0] * bins}


BOMBS: dict[str, Callable[[], bytes]] = {
    "a million edges": lambda: json.dumps({**DOCUMENT, "columns": [_numeric(10**6)], "calibration": None}).encode(),
    "10,000 columns": lambda: json.dumps({**DOCUMENT, "columns": [_numeric(2)] * 10**4}).encode(),
    "100,000 levels": lambda: WHOLE.replace(b'"model":', b'"x":' + b"[" * 10**5 + b"]" * 10**5 + b',"model":'),
    "a number of a million digits": lambda: WHOLE.replace(b'"rows":', b'"rows":' + b"9" * 10**6, 1),
    "a level of a million digits": lambda: WHOLE.replace(b'"0.5":', b'"0.' + b"5" * 10**6 + b'":', 1),
    "a format of a million entries": lambda: b'{"driftd_profile":[' + b"1," * 10**6 + b"1]}",
    "NaN everywhere": lambda: WHOLE.replace(b'"mean":', b'"mean":NaN,"x":'),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_profile_that_is_too_much_is_refused_soon(bomb: str) -> None:
    """Counts, depths and digits without end cost no more time than their bytes."""
    data = BOMBS[bomb]()
    begun = time.process_time()
    with pytest.raises(ProfileError) as caught:
        profile_from_json(data, "p.json")
    assert time.process_time() - begun < 10
    assert len(str(caught.value)) < LONGEST_TOLD


def test_a_directory_with_the_whole_corpus_keeps_its_sound_profile(tmp_path: Path) -> None:
    """What cannot be read fails alone, each with an error of its own."""
    for path in corpus("profiles"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "sound.json").write_bytes(WHOLE)
    polled = ProfileDirectory(tmp_path).poll()
    assert (world.profile(),) == polled.profiles
    assert len(corpus("profiles")) == len(polled.errors)


def watched(profile: Profile) -> Outcome:
    """Hold some drifting windows against a profile; write down all that is told and remembered."""
    book = ReferenceBook([ReferenceSet(None, (profile,))])
    pipeline = build_pipeline(world.settings(), {world.TOPIC: TopicSettings()}, book)
    pipeline.start(world.beginning(), 0)
    outcome = Outcome()
    for batch in world.batches(dict.fromkeys(pipeline.ledgers, 0), 6 * world.PER_WINDOW):
        outcome.extend(pipeline.read(batch, 0))
    outcome.extend(pipeline.finish(0))
    records = {**to_records(pipeline), "events": {"all": [event.body for event in outcome.events]}}
    assert records.keys() == decode(encode(records, "1"), "s").keys()
    assert [encode({"line": line}, "1") for verdict in outcome.verdicts for line in window_lines(verdict)]
    return outcome


@st.composite
def strange(draw: st.DrawFn) -> Profile:
    """Draw a profile that is sound, signed anew, and unlike any that training data would give."""
    columns = []
    for column in world.profile().columns:
        counts = draw(
            st.sampled_from((column.counts, (0,) * column.fine_bins, (2**40,) + (0,) * (column.fine_bins - 1)))
        )
        missing = draw(st.sampled_from((column.missing, 0, 2**40)))
        factor = draw(st.sampled_from((1.0, 1e300, 1e-300)))
        edges = tuple(edge * factor for edge in column.edges)
        n = missing + column.invalid + sum(counts)
        columns.append(replace(column, counts=counts, missing=missing, edges=edges, n=n))
    calibration = world.profile().calibration
    assert calibration is not None
    blocks = draw(st.sampled_from((0, 1, None)))
    history = {key: BlockCounts(runs.counts[:blocks]) for key, runs in calibration.history.items()}
    odd = draw(st.sampled_from((1.0, 1e308)))
    deff = {key: dict.fromkeys(channels, odd) for key, channels in calibration.deff.items()}
    kept = draw(st.sampled_from((None, calibration, replace(calibration, history=history, deff=deff))))
    rows = draw(st.sampled_from((0, 1, 2**53)))
    return with_ids(replace(world.profile(), rows=rows, columns=tuple(columns), calibration=kept))


@examples(10)
@given(strange())
def test_whatever_profile_is_read_can_be_watched(profile: Profile) -> None:
    """A profile that was edited and signed anew is odd, and stops no stage: zeros, extremes, no history."""
    try:
        read = profile_from_json(profile_to_json(profile), "p.json")
    except ProfileError:  # edges so extreme that two are one
        return
    assert watched(read).verdicts
