"""Accepting an incident: what is in force from when on, what holds over restarts, and what is refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import pytest
from runtime_doubles import DRIFTED, START, Bench, batch, config_of, event, profile

from driftd.config.model import Config
from driftd.errors import SnapshotError
from driftd.logs.settings import LogSettings
from driftd.logs.stream import open_log
from driftd.references.codec import profile_to_json
from driftd.references.profile import Profile
from driftd.runtime.acceptance import accept
from driftd.runtime.outlook import MIN_OBSERVATIONS, MIN_WINDOWS
from driftd.runtime.pictures import Pictures
from driftd.runtime.records import to_records
from driftd.runtime.reference_library import ReferenceLibrary
from driftd.snapshot.store import StateDirectory
from driftd.values.acceptance import Accepted, NotAccepted, Obstacle
from driftd.values.keys import MonitorKey
from driftd.values.state import State

MINUTE_MS = 60_000
PER_MINUTE = 250
SECONDS = 60 / PER_MINUTE
CHANGE = 3  # the minute from which on the amount is another


def minutes(first: int, last: int, version: str = "1", amount: float | None = None) -> list[bytes]:
    """Events of these minutes; the amount jumps at CHANGE, unless told otherwise."""
    told = []
    for minute in range(first, last):
        for at in range(PER_MINUTE):
            usual = None if minute < CHANGE else DRIFTED
            told.append(event(60 * minute + at * SECONDS, usual if amount is None else amount, version=version))
    return told


@dataclass
class Site:
    """A state directory, a directory of profiles, and one engine after the other over them."""

    folder: Path
    state: StateDirectory
    config: Config = field(default_factory=config_of)
    offset: int = 0
    snapshot: dict[str, State] | None = None

    def __post_init__(self) -> None:
        self.profiles = self.folder / "profiles"
        self.profiles.mkdir()
        self.put(profile())
        self.config = config_of(references={"directory": str(self.profiles)})
        self.open(None)

    def put(self, content: Profile, name: str = "a.json") -> None:
        """Write a file of the directory of profiles."""
        (self.profiles / name).write_bytes(profile_to_json(content))

    def open(self, snapshot: dict[str, State] | None) -> None:
        """Begin, or begin again."""
        log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=StringIO())
        self.references = ReferenceLibrary(self.config, self.state, log.logger)
        book = self.references.open(snapshot)
        self.bench = Bench(self.config, book=book, snapshot=snapshot)
        self.look()

    def kill(self) -> None:
        """End as kill -9 does, and begin again from the newest snapshot."""
        self.snapshot = [self.snapshot, *self.bench.notes.saved][-1]
        self.open(self.snapshot)

    def read(self, first: int, last: int, version: str = "1", amount: float | None = None) -> None:
        """Read the events of these minutes."""
        values = minutes(first, last, version, amount)
        self.bench.turn(batch(values, self.offset))
        self.offset += len(values)

    def look(self) -> None:
        """Look at the directory, as a session does now and then."""
        pipeline = self.bench.engine.pipeline
        found = self.references.refresh(pipeline.book)
        if found is not None:
            pipeline.adopt(found, self.references.accepted)
            self.bench.engine.changed()

    def accept(self, incident: str | None = None) -> Accepted | NotAccepted:
        """Accept the incident that is open, or another one."""
        return accept(incident or self.incident, self.bench.engine, self.references, self.bench.now_ms)

    @property
    def incident(self) -> str:
        """The id of the newest incident that was told."""
        told: list[str] = [e["data"]["incident"] for e in self.bench.events if ".firing." in e["type"]]
        return told[-1]

    @property
    def told(self) -> list[str]:
        """What was told of incidents."""
        return [event["type"].split(".")[3] for event in self.bench.events]

    def in_force(self, minute: int, version: str = "1") -> str:
        """The reference of a minute's window."""
        found = self.bench.engine.pipeline.book.find("fraud", version, START + minute * MINUTE_MS)
        assert found is not None
        return found.reference_id


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose amount has jumped, and was paged, ten minutes ago."""
    with StateDirectory(tmp_path / "state") as state:
        one = Site(tmp_path, state)
        one.read(0, 14)
        assert one.told == ["firing"]
        yield one


def done(answer: Accepted | NotAccepted) -> Accepted:
    """What was accepted."""
    assert isinstance(answer, Accepted), answer
    return answer


def refused(answer: Accepted | NotAccepted) -> NotAccepted:
    """Why not."""
    assert isinstance(answer, NotAccepted), answer
    return answer


def test_new_level_is_the_reference_from_the_next_window_on(site: Site) -> None:
    """The incident ends as superseded with the first of them; the level pages no more, and a further one does."""
    answer = done(site.accept())
    assert (answer.from_ms, answer.windows, answer.events) == (START + 14 * MINUTE_MS, 10, 10 * PER_MINUTE)
    assert [profile().reference_id, answer.reference_id] == [site.in_force(13), site.in_force(14)]
    site.read(14, 16)
    assert site.told == ["firing", "superseded"]
    site.read(16, 40)
    assert site.told == ["firing", "superseded"]
    site.read(40, 43, amount=2.0)
    assert site.told == ["firing", "superseded", "firing"]


def test_answer_is_in_the_snapshot(site: Site) -> None:
    """Whoever heard it can rely on it, whatever is killed right afterwards."""
    saved = len(site.bench.notes.saved)
    answer = done(site.accept())
    newest = site.bench.notes.saved[-1]
    assert len(site.bench.notes.saved) == saved + 1
    assert newest["references"]["sets"][-1] == {
        "from_ms": answer.from_ms,
        "profiles": [answer.reference_id],
        "accepted": {answer.reference_id: profile().reference_id},
    }
    site.kill()
    assert answer.reference_id == site.in_force(14)


def test_what_cannot_be_saved_is_not_accepted(site: Site) -> None:
    """Nothing has changed then, also when a later snapshot can be saved."""
    before = to_records(site.bench.engine.pipeline)["references"]
    site.bench.store.broken = True
    assert refused(site.accept()).obstacle is Obstacle.UNAVAILABLE
    site.bench.store.broken = False
    assert before == to_records(site.bench.engine.pipeline)["references"]
    site.bench.engine.checkpoint(site.bench.now_ms)
    assert before == site.bench.notes.saved[-1]["references"]
    done(site.accept())


def test_profile_that_cannot_be_kept_is_not_accepted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full."""

    def full(*_: object) -> None:
        raise SnapshotError("references", "cannot be used: No space left", "make room")

    monkeypatch.setattr(site.state, "keep_reference", full)
    answer = refused(site.accept())
    assert answer.obstacle is Obstacle.UNAVAILABLE
    assert answer.reason == "nothing has changed: references: cannot be used: No space left; make room"
    assert profile().reference_id == site.in_force(99)


def test_the_directory_s_file_does_not_come_back(site: Site) -> None:
    """Neither at the next look nor after restarts: it is what was replaced."""
    answer = done(site.accept())
    for _ in range(2):
        site.look()
        assert answer.reference_id == site.in_force(99)
        site.kill()


def test_a_changed_file_wins(site: Site) -> None:
    """Who puts another profile there means that one; it may even be put back afterwards."""
    done(site.accept())
    site.kill()
    site.put(profile(values=10))
    site.look()
    assert profile(values=10).reference_id == site.in_force(99)
    site.put(profile())
    site.look()
    assert profile().reference_id == site.in_force(99)


def test_other_files_change_beside_it(site: Site) -> None:
    """The accepted one stays, whatever comes and goes for others, and whatever cannot be read."""
    answer = done(site.accept())
    site.put(profile("ads"), "b.json")
    site.look()
    assert answer.reference_id == site.in_force(99)
    (site.profiles / "a.json").write_bytes(b"{")
    site.kill()
    site.put(profile("ads", values=10), "b.json")
    site.look()
    assert answer.reference_id == site.in_force(99)
    site.put(profile())
    site.look()
    assert answer.reference_id == site.in_force(99)
    (site.profiles / "a.json").unlink()
    site.look()
    assert site.bench.engine.pipeline.book.find("fraud", "1", START + 99 * MINUTE_MS) is None


def test_accepting_again_stands_for_the_same_file(site: Site) -> None:
    """The second level is accepted like the first; the file is still the one that was replaced."""
    done(site.accept())
    site.read(14, 40)
    site.read(40, 50, amount=2.0)
    answer = done(site.accept())
    assert site.bench.notes.saved[-1]["references"]["sets"][-1]["accepted"] == {
        answer.reference_id: profile().reference_id
    }
    site.look()
    assert answer.reference_id == site.in_force(99)


def test_a_borrowed_reference_stays_with_its_owner(site: Site) -> None:
    """Only the version of the incident gets the new one; it goes when its file, or the owner's, is another."""
    site.read(14, 16, version="2", amount=5.0)
    site.read(16, 30, version="2", amount=DRIFTED)
    answer = done(site.accept())
    assert [profile().reference_id, answer.reference_id] == [site.in_force(99), site.in_force(99, "2")]
    site.look()
    assert answer.reference_id == site.in_force(99, "2")
    site.put(profile(version="2"), "b.json")
    site.look()
    assert profile(version="2").reference_id == site.in_force(99, "2")


def test_an_unknown_incident_is_refused(site: Site) -> None:
    """There is none of that id."""
    assert refused(site.accept("nonsense")).obstacle is Obstacle.UNKNOWN


def test_an_incident_is_accepted_once(site: Site) -> None:
    """Until its windows are over it is still open; the second call says what is about to take its place."""
    answer = done(site.accept())
    again = refused(site.accept())
    assert again.obstacle is Obstacle.CONFLICT
    pattern = rf"reference {answer.reference_id} takes the place of the incident's from 2026-\d\d-\d\dT.*Z on"
    assert re.fullmatch(pattern, again.reason)


def test_an_ended_incident_is_refused(site: Site) -> None:
    """There is nothing to be accepted any more."""
    incident = site.incident
    done(site.accept())
    site.read(14, 16)
    assert refused(site.accept(incident)) == NotAccepted(
        Obstacle.CONFLICT, "the incident is superseded: only one that fires can be accepted"
    )


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (CHANGE + MIN_WINDOWS, f"{MIN_WINDOWS - 1} windows since its columns changed are too few: it takes 5"),
        (CHANGE + MIN_WINDOWS + 1, None),
    ],
)
def test_too_few_windows_are_refused(last: int, reason: str | None, tmp_path: Path) -> None:
    """A page just now tells nothing of what will be normal."""
    with StateDirectory(tmp_path / "state") as state:
        site = Site(tmp_path, state)
        site.read(0, last)
        answer = site.accept()
        assert reason == (answer.reason if isinstance(answer, NotAccepted) else None)


def test_too_few_observations_are_refused(tmp_path: Path) -> None:
    """Of a column of the incident: twenty events a minute for ten minutes are no training data."""
    with StateDirectory(tmp_path / "state") as state:
        site = Site(tmp_path, state)
        values = [value for at, value in enumerate(minutes(0, 14)) if at % 10 == 0]
        site.bench.turn(batch(values))
        told = f"250 observations of one of its columns since they changed are too few: it takes {MIN_OBSERVATIONS}"
        assert refused(site.accept()).reason == told


def test_state_of_an_earlier_release_gathers_from_then_on(site: Site) -> None:
    """It kept no sums: the incident can be accepted once enough has been seen."""
    records = site.bench.notes.saved[-1]
    for name, record in records.items():
        if name.startswith("monitor/"):
            del record["live"]
    for in_force in records["references"]["sets"]:
        del in_force["accepted"]
    incident = site.incident
    site.open(records)
    answer = refused(site.accept(incident))
    assert answer.reason == "0 windows since its columns changed are too few: it takes 5"
    site.bench.turn(batch(minutes(13, 22), site.offset - PER_MINUTE))
    done(site.accept(incident))


def test_pictures_tell_the_outlook(site: Site) -> None:
    """Of every incident that is shown: what accepting would take, and what stands in the way."""
    pictures = Pictures(site.bench.engine.pipeline, {})
    (monitor,) = pictures.monitors()
    assert monitor.key == MonitorKey("fraud", "1")
    outlook = monitor.outlooks[site.incident]
    assert (outlook.since_ms, outlook.windows, outlook.observations, outlook.reason) == (
        START + CHANGE * MINUTE_MS,
        10,
        10 * PER_MINUTE,
        None,
    )
    done(site.accept())
    pictures.renew()
    (monitor,) = pictures.monitors()
    assert "takes the place" in (monitor.outlooks[site.incident].reason or "")
