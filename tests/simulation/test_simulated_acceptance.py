"""Incidents that are accepted while a log is read: every window is held against one reference, the same in any run."""

from collections.abc import Mapping

import pytest
from simulated_log import Log, Shape, log_of, profile_of, shape_of
from simulated_world import Setting, World

from driftd.config.judgement import Judgement
from driftd.references.book import ReferenceSet
from driftd.references.profile import Profile
from driftd.runtime import acceptance, outlook
from driftd.runtime.acceptance import accept
from driftd.runtime.pipeline import Pipeline
from driftd.runtime.records import references_of
from driftd.values.acceptance import Accepted
from driftd.values.keys import MonitorKey
from driftd.values.state import State

TALKATIVE = Judgement.model_validate(
    {"detect": {"detectors": {"page_hinkley": None}}, "incidents": {"page_on": ["psi>0.05", "adwin"], "join": "0s"}}
)


class Shelf:
    """Where accepted profiles are kept: it outlives every process. No directory offers any."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self.profiles: dict[str, Profile] = {p.reference_id: p for p in map(profile_of, models)}

    def keep(self, profile: Profile) -> None:
        """Keep a profile."""
        self.profiles[profile.reference_id] = profile

    def on_offer(self, _profile: Profile) -> str | None:
        """Offer nothing."""
        return None


class Accepting(World):
    """The operator accepts an incident now and then: before, between and after kills."""

    def __init__(self, log: Log, shape: Shape, seed: object, setting: Setting) -> None:
        super().__init__(log, shape, seed, setting)
        self.judgement = TALKATIVE
        self.shelf = Shelf(shape.models)
        self.answers: list[Accepted] = []

    def references(self, records: Mapping[str, State] | None) -> list[ReferenceSet]:
        """Return those of the snapshot, accepted ones among them."""
        return super().references(None) if records is None else references_of(records, self.shelf.profiles.__getitem__)

    def operate(self) -> None:
        """Accept an incident that is open, if there is one."""
        if self.rng.random() < 0.2:
            found = [
                incident.id
                for shard in self.engine.pipeline.shards
                for monitor in shard.incidents.monitors
                for incident in shard.incidents.incidents(monitor, 0)
                if incident.ended_ms is None
            ]
            if found:
                answer = accept(self.rng.choice(found), self.engine, self.shelf, self.outside.now_ms)  # type: ignore[arg-type]
                if isinstance(answer, Accepted):
                    self.answers.append(answer)


class Foretold(Accepting):
    """All references and the windows from which they are in force are known from the beginning."""

    timeline: list[ReferenceSet]

    def references(self, _records: Mapping[str, State] | None) -> list[ReferenceSet]:
        """Return all of them."""
        return self.timeline

    def operate(self) -> None:
        """Look on."""


@pytest.fixture(autouse=True)
def _small_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The logs are short: a window and an observation are enough."""
    monkeypatch.setattr(outlook, "MIN_WINDOWS", 1)
    monkeypatch.setattr(outlook, "MIN_OBSERVATIONS", 1)
    monkeypatch.setattr(acceptance, "MIN_OBSERVATIONS", 1)


def ran(seed: int, kills: int) -> Accepting:
    """Run a log whose incidents are accepted on the way."""
    shape = shape_of(seed, grows=False)
    world = Accepting(log_of(seed, shape), shape, seed, Setting(detectors=True, min_observations=4))
    world.run(kills)
    return world


def foretold(seed: int, timeline: tuple[ReferenceSet, ...]) -> Foretold:
    """Run the log undisturbed, interleaved otherwise, over several shards, with the references foretold."""
    shape = shape_of(seed, grows=False)
    setting = Setting(summarisers=2, shards=3, detectors=True, min_observations=4)
    world = Foretold(log_of(seed, shape), shape, (seed, "other"), setting)
    world.timeline = list(timeline)
    world.run()
    return world


def live(world: World) -> dict[MonitorKey, State]:
    """What every monitor has gathered at the end."""
    return {
        key: memory for shard in world.engine.pipeline.shards for key, memory in sorted(shard.live.to_state().items())
    }


@pytest.mark.parametrize("chunk", range(4))
def test_every_window_is_held_against_the_reference_accepted_for_it(chunk: int) -> None:
    """Whatever is killed before, while and after one is accepted, documents and sums are those of an undisturbed run.

    What was answered holds to the end: the reference is in force from the window on that was told.
    """
    for seed in range(chunk * 15, (chunk + 1) * 15):
        world = ran(seed, kills=seed % 7)
        other = foretold(seed, world.book.sets)
        assert other.outside.documents == world.outside.documents
        assert live(other) == live(world)
        known = {(profile.reference_id, s.from_ms) for s in world.book.sets for profile in s.profiles}
        assert {(answer.reference_id, answer.from_ms) for answer in world.answers} <= known


def test_incidents_are_accepted_amid_the_windows() -> None:
    """The runs above are of logs in which that happens."""
    assert sum(len(ran(seed, kills=0).answers) for seed in range(30)) >= 10


def test_a_reference_that_holds_for_windows_already_read_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: what is accepted is in force one window too early."""
    original = Pipeline._next_window_ms
    monkeypatch.setattr(Pipeline, "_next_window_ms", lambda self: original(self) - self.windows.duration)
    assert any(not held_alike(seed) for seed in range(30))


def held_alike(seed: int) -> bool:
    """Whether a log told the same in both runs, and nothing was repeated with other content or could not be summed."""
    try:
        world = ran(seed, kills=3)
        return foretold(seed, world.book.sets).outside.documents == world.outside.documents
    except (AssertionError, LookupError):
        return False
