"""The references of a running daemon: its directory, and the copies that snapshots name."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import orjson
import pytest
from runtime_doubles import book_of, config_of, pipeline_of, profile

from driftd.errors import SnapshotError
from driftd.logs.settings import LogSettings
from driftd.logs.stream import open_log
from driftd.references.codec import profile_to_json
from driftd.references.profile import Profile
from driftd.runtime.records import to_records
from driftd.runtime.reference_library import ReferenceLibrary
from driftd.snapshot.store import StateDirectory

OLD, NEW, ADS = profile(), profile(values=10), profile("ads")


class Shelf:
    """A directory of profiles, and the log of its library."""

    def __init__(self, folder: Path, state: StateDirectory) -> None:
        self.path = folder / "profiles"
        self.path.mkdir()
        self.state = state
        self._log = StringIO()

    def put(self, name: str, content: Profile | bytes) -> None:
        """Write a file."""
        data = profile_to_json(content) if isinstance(content, Profile) else content
        (self.path / name).write_bytes(data)

    def new_library(self, **limits: int) -> ReferenceLibrary:
        """A library as a fresh process has it."""
        log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=self._log)
        config = config_of(references={"directory": str(self.path)}, limits=limits)
        return ReferenceLibrary(config, self.state, log.logger)

    def logged(self) -> list[str]:
        """The reasons logged so far."""
        return [orjson.loads(line)["reason"] for line in self._log.getvalue().splitlines()]


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """An empty shelf."""
    with StateDirectory(tmp_path / "state") as state:
        yield Shelf(tmp_path, state)


def ids(profiles: object) -> set[str]:
    """The ids of profiles."""
    assert isinstance(profiles, list | tuple)
    return {p.reference_id for p in profiles}


def snapshot_with(*profiles: Profile) -> dict[str, dict[str, object]]:
    """The records of a daemon with these profiles in force."""
    return to_records(pipeline_of(book=book_of(*profiles)))


def test_first_start_takes_the_directory_as_it_is(shelf: Shelf) -> None:
    """Its profiles are in force from the beginning, and a copy of each is kept."""
    shelf.put("a.json", OLD)
    shelf.put("b.json", ADS)
    book = shelf.new_library().open(None)
    assert ids(book.sets[0].profiles) == ids((OLD, ADS))
    assert (len(book.sets), book.sets[0].from_ms) == (1, None)
    assert profile_to_json(OLD) == shelf.state.reference(OLD.reference_id)


def test_restart_uses_the_snapshots_copies(shelf: Shelf) -> None:
    """Whatever the directory holds by then: another profile, or nothing at all."""
    shelf.put("a.json", OLD)
    shelf.new_library().open(None)
    shelf.put("a.json", NEW)
    book = shelf.new_library().open(snapshot_with(OLD))
    assert book.sets[0].profiles == (OLD,)


def test_copy_that_is_gone_is_an_error(shelf: Shelf) -> None:
    """The message says what to do."""
    with pytest.raises(SnapshotError, match=r"is named by the snapshot but cannot be read; restore it, or run"):
        shelf.new_library().open(snapshot_with(OLD))


def test_unchanged_directory_is_no_news(shelf: Shelf) -> None:
    """Neither when it is polled again nor right after a restart."""
    shelf.put("a.json", OLD)
    library = shelf.new_library()
    assert library.refresh(library.open(None)) is None
    assert shelf.new_library().refresh(library.open(snapshot_with(OLD))) is None


def test_changed_directory_is_news(shelf: Shelf) -> None:
    """All its profiles are returned, and copies of them are kept before anything names them."""
    shelf.put("a.json", OLD)
    library = shelf.new_library()
    book = library.open(None)
    shelf.put("a.json", NEW)
    shelf.put("b.json", ADS)
    assert ids(library.refresh(book)) == ids((NEW, ADS))
    assert profile_to_json(NEW) == shelf.state.reference(NEW.reference_id)


def test_removed_file_takes_its_reference_away(shelf: Shelf) -> None:
    """What is in the directory is what is in force."""
    shelf.put("a.json", OLD)
    shelf.put("b.json", ADS)
    library = shelf.new_library()
    book = library.open(None)
    (shelf.path / "b.json").unlink()
    assert library.refresh(book) == (OLD,)


def unreadable_file(shelf: Shelf) -> None:
    """Half of a profile."""
    shelf.put("b.json", profile_to_json(ADS)[:100])


def no_directory(shelf: Shelf) -> None:
    """The directory is not mounted."""
    for path in shelf.path.iterdir():
        path.unlink()
    shelf.path.rmdir()


@pytest.mark.parametrize("broken", [unreadable_file, no_directory])
def test_what_cannot_be_read_after_a_restart_takes_no_reference_away(
    shelf: Shelf, broken: Callable[[Shelf], None]
) -> None:
    """The fresh process does not know what the file held: the snapshot's references stay in force."""
    shelf.put("a.json", OLD)
    shelf.put("b.json", ADS)
    shelf.new_library().open(None)
    broken(shelf)
    library = shelf.new_library()
    assert library.refresh(library.open(snapshot_with(OLD, ADS))) is None
    assert library.failed == 1


def test_other_files_change_while_one_cannot_be_read(shelf: Shelf) -> None:
    """A broken file holds back nothing but its own model version."""
    shelf.put("a.json", OLD)
    shelf.put("b.json", ADS)
    shelf.new_library().open(None)
    unreadable_file(shelf)
    shelf.put("a.json", NEW)
    library = shelf.new_library()
    assert ids(library.refresh(library.open(snapshot_with(OLD, ADS)))) == ids((NEW, ADS))


def test_unreadable_file_is_logged_once(shelf: Shelf) -> None:
    """Once for each time it breaks, not at every poll; it counts as failed as long as it is."""
    shelf.put("a.json", OLD)
    shelf.put("b.json", b"{")
    library = shelf.new_library()
    library.poll()
    library.poll()
    assert len(shelf.logged()) == 1
    assert "b.json" in shelf.logged()[0]
    assert library.failed == 1
    shelf.put("b.json", ADS)
    library.poll()
    assert (len(shelf.logged()), library.failed) == (1, 0)
    shelf.put("b.json", b"{")
    library.poll()
    assert len(shelf.logged()) == 2


def test_limits_of_the_configuration_hold(shelf: Shelf) -> None:
    """A profile with more columns than limits.columns is not taken."""
    shelf.put("a.json", OLD)
    assert shelf.new_library(columns=1).open(None).sets[0].profiles == ()
    assert "limits.columns = 1" in shelf.logged()[0]


def test_without_a_directory_nothing_is_in_force(shelf: Shelf) -> None:
    """There is nothing to poll, and nothing that could change."""
    log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=StringIO())
    library = ReferenceLibrary(config_of(), shelf.state, log.logger)
    book = library.open(None)
    assert book.find("fraud", "1", 0) is None
    assert library.refresh(book) is None


def test_missing_versions_are_treated_as_configured(shelf: Shelf) -> None:
    """``references.missing`` reaches the book, at the first start and after a restart."""
    shelf.put("a.json", OLD)
    log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=StringIO())
    config = config_of(references={"directory": str(shelf.path), "missing": "reject"})
    library = ReferenceLibrary(config, shelf.state, log.logger)
    assert library.open(None).find("fraud", "2", 0) is None
    assert library.open(snapshot_with(OLD)).find("fraud", "2", 0) is None
