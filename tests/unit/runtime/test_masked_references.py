"""References masked as configured, over restarts with a configuration that has become stricter or looser."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from runtime_doubles import book_of, config_of, pipeline_of, profile

from driftd.detect.distances import NO_DISTANCE
from driftd.logs.settings import LogSettings
from driftd.logs.stream import open_log
from driftd.references import masking
from driftd.references.book import ReferenceBook
from driftd.references.codec import profile_from_json, profile_to_json
from driftd.references.masking import mask
from driftd.references.profile import Profile
from driftd.runtime.pictures import Tally
from driftd.runtime.records import to_records
from driftd.runtime.reference_library import ReferenceLibrary
from driftd.snapshot.store import StateDirectory
from driftd.values.keys import ColumnKey, MonitorKey, Role
from driftd.values.privacy import Shown
from driftd.values.state import State
from driftd.values.verdict import ColumnVerdict
from driftd.values.windows import Window

PLAIN = profile()
HASHED = mask(PLAIN, {"colour": Shown.HASH})
HIDDEN = mask(PLAIN, {"colour": Shown.HIDE})


@dataclass(slots=True)
class Shelf:
    """A directory with one profile, a state directory, and the log of the libraries over them."""

    path: Path
    state: StateDirectory
    log: StringIO

    def made(self, **columns: str) -> ReferenceLibrary:
        """The library of a fresh process, with what the columns of the model show."""
        return self.shelf_for("fraud", columns)

    def shelf_for(self, model: str, columns: dict[str, str]) -> ReferenceLibrary:
        """The same for some model."""
        log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=self.log)
        settings = {name: {"values": shown} for name, shown in columns.items()}
        config = config_of(references={"directory": str(self.path)}, models={model: {"columns": settings}})
        return ReferenceLibrary(config, self.state, log.logger)

    def logged(self) -> list[dict[str, Any]]:
        """The lines logged so far, without what every line has."""
        lines = [orjson.loads(line) for line in self.log.getvalue().splitlines()]
        return [{name: told for name, told in line.items() if name != "timestamp"} for line in lines]

    def copies(self) -> set[str]:
        """The ids of the copies kept."""
        return {path.stem for path in (self.state.directory / "references").glob("*.json")}


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """A shelf with the plain profile."""
    path = tmp_path / "profiles"
    path.mkdir()
    (path / "fraud.json").write_bytes(profile_to_json(PLAIN))
    with StateDirectory(tmp_path / "state") as state:
        yield Shelf(path, state, StringIO())


def snapshot_of(book: ReferenceBook) -> dict[str, State]:
    """The records of a daemon with this book, after a restart."""
    pipeline = pipeline_of(book=book)
    records: dict[str, State] = orjson.loads(orjson.dumps(to_records(pipeline)))
    return records


def in_force(book: ReferenceBook) -> Profile:
    """The profile in force for the model."""
    found = book.find("fraud", "1", 0)
    assert found is not None
    return found


def test_directory_is_masked_as_configured(shelf: Shelf) -> None:
    """What is in force, and its copy in the state directory, hold tokens; a second look is no news."""
    library = shelf.made(colour="hash")
    book = library.open(None)
    assert in_force(book) == HASHED
    assert shelf.copies() == {HASHED.reference_id}
    assert profile_from_json(shelf.state.reference(HASHED.reference_id), "copy") == HASHED
    assert library.refresh(book) is None


def test_restart_with_the_same_settings_is_no_news(shelf: Shelf) -> None:
    """The masked copy is in force again, under its id."""
    book = shelf.made(colour="hash").open(None)
    library = shelf.made(colour="hash")
    restored = library.open(snapshot_of(book))
    assert in_force(restored) == HASHED
    assert library.refresh(restored) is None


@pytest.mark.parametrize(
    ("before", "after", "known", "expected"),
    [({}, "hash", PLAIN, HASHED), ({}, "hide", PLAIN, HIDDEN), ({"colour": "hash"}, "hide", HASHED, HIDDEN)],
)
def test_stricter_setting_holds_from_the_restart_on(
    shelf: Shelf, before: dict[str, str], after: str, known: Profile, expected: Profile
) -> None:
    """Under its old id and bins until the masked profile comes into force as a reference of its own."""
    records = snapshot_of(shelf.made(**before).open(None))
    library = shelf.made(colour=after)
    book = library.open(records)
    assert in_force(book).columns == expected.columns
    assert (in_force(book).reference_id, in_force(book).binning_id) == (known.reference_id, known.binning_id)
    assert library.refresh(book) == (expected,)
    book.add((expected,), 60_000)
    assert library.refresh(book) is None


def test_what_was_shown_before_is_taken_back(shelf: Shelf) -> None:
    """Out of the snapshot that is opened, and out of the verdicts that a former session left to be shown."""
    records = snapshot_of(shelf.made().open(None))
    records["outbox"] = {"windows": [{"model": "fraud", "column": "colour", "unseen_texts": [["beige", 7]]}]}
    key = ColumnKey(Role.FEATURE, "colour")
    before = ColumnVerdict(0, key, Window(0, 1), 1, 7, 0, 0, 7, (7,), NO_DISTANCE, 0.0, unseen_texts=(("beige", 7),))
    tallies = {MonitorKey("fraud", "1"): Tally(columns={key: before})}
    library = shelf.made(colour="hash")
    library.open(records)
    library.redact(tallies)
    assert records["outbox"]["windows"] == [{"model": "fraud", "column": "colour", "unseen_texts": []}]
    assert tallies[MonitorKey("fraud", "1")].columns == {key: replace(before, unseen_texts=())}


def test_stricter_setting_needs_no_directory(shelf: Shelf) -> None:
    """A profile whose file is gone is masked all the same, and becomes a reference of its own."""
    records = snapshot_of(shelf.made().open(None))
    (shelf.path / "fraud.json").write_bytes(b"{")
    library = shelf.made(colour="hash")
    assert library.refresh(library.open(records)) == [HASHED]


def test_looser_setting_waits_for_the_original(shelf: Shelf) -> None:
    """A masked copy cannot be unmasked: the directory's profile is news."""
    records = snapshot_of(shelf.made(colour="hide").open(None))
    library = shelf.made()
    book = library.open(records)
    assert in_force(book) == HIDDEN
    assert library.refresh(book) == (PLAIN,)


def test_masked_file_stays_masked(shelf: Shelf) -> None:
    """What a profile's file says of its columns holds without any setting."""
    (shelf.path / "fraud.json").write_bytes(profile_to_json(HIDDEN))
    assert in_force(shelf.made(colour="show").open(None)) == HIDDEN


def test_names_that_mean_nothing_are_logged_once(shelf: Shelf) -> None:
    """A column that the profile does not have, and a model without a profile: a warning, no error."""
    library = shelf.made(colour="hash", color="hash")
    library.refresh(library.open(None))
    shelf.shelf_for("frod", {"colour": "hash"}).open(None)
    assert shelf.logged() == [
        {
            "level": "warning",
            "event": "settings name no column of the profile",
            "model": "fraud",
            "version": "1",
            "columns": ["color"],
        },
        {"level": "warning", "event": "settings name a model that has no profile", "model": "frod"},
    ]


def test_profile_that_cannot_be_masked_is_not_taken(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as a file that cannot be read, and is told once; nothing is shown instead."""
    monkeypatch.setattr(masking, "text_hash", lambda _text: 7)
    library = shelf.made(colour="hash")
    assert library.open(None).sets[0].profiles == ()
    assert library.refresh(book_of(HASHED)) is None
    assert library.failed == 1
    assert [line["reason"] for line in shelf.logged()] == [
        "fraud/1: two categories of feature:colour have the same hash: its values can only be shown"
    ]
