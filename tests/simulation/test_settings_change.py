"""Settings that change while a log is read: every window is judged by those in force at its start, in any run."""

import random
from collections.abc import Iterator

import orjson
import pytest
from simulated_log import log_of, shape_of
from simulated_world import Setting, World, judged_since

from driftd.config.judgement import Judgement, JudgementBook
from driftd.runtime.pipeline import Pipeline
from driftd.values.state import State


def drawn(rng: random.Random) -> Judgement:
    """Draw settings under which small samples say much: which detectors, which levels, how long incidents live."""
    return Judgement.model_validate(
        {
            "detect": {
                "detectors": {
                    "adwin": {"delta": rng.choice((0.002, 0.3)), "clock": rng.choice((1, 8)), "grace_period": 1},
                    "page_hinkley": rng.choice((None, {"min_instances": 2, "threshold": 0.5})),
                    "hddm_a": rng.choice((None, {})),
                },
                "gross": {"windows": rng.randint(1, 4), "min_observations": 1, "shift": rng.choice((0.02, 0.15))},
            },
            "incidents": {
                "page_on": rng.choice((["psi>0.2", "adwin"], ["gross", "ks>0.1"], ["psi>0.01", "gross", "adwin"])),
                "hold": rng.choice(("0s", "1h")),
                "join": rng.choice(("0s", "1h")),
                "silence": rng.choice(("0s", "1h")),
            },
            "models": rng.choice(({}, {"fraud": {"page_on": ["js>0.01"]}})),
        }
    )


class Reconfigured(World):
    """The operator changes the settings now and then: before, between and after kills."""

    def operate(self) -> None:
        """Change the settings, or change them back, and forget what no window can need."""
        pipeline = self.engine.pipeline
        if self.rng.random() < 0.1:
            self.judgement = drawn(random.Random(self.rng.randint(0, 3)))
            pipeline.adopt_judgement(self.judgement)
            self.engine.changed()
        self.outside.judging = judged_since(self.outside.judging, pipeline.judgements.to_state()["sets"])
        pipeline.forget_judgements()


class Foretold(World):
    """All settings and the windows from which they are in force are known from the beginning."""

    timeline: list[State]

    def judgements(self) -> JudgementBook:
        """Return a book that holds all of them; the newest are what is configured."""
        book = JudgementBook(self.judgement)
        book.restore({"sets": self.timeline})
        self.judgement = book.newest
        return book


def documents(seed: int, kills: int) -> tuple[dict[str, bytes], list[State]]:
    """Run a log while its settings change; return what was told, and the settings over time."""
    shape = shape_of(seed, grows=False)
    world = Reconfigured(log_of(seed, shape), shape, seed, Setting(detectors=True, min_observations=8))
    world.run(kills)
    return world.outside.documents, world.outside.judged


def foretold(seed: int, timeline: list[State]) -> dict[str, bytes]:
    """Run the log undisturbed, interleaved otherwise, over several shards, with the settings foretold."""
    shape = shape_of(seed, grows=False)
    setting = Setting(summarisers=2, shards=3, detectors=True, min_observations=8)
    world = Foretold(log_of(seed, shape), shape, (seed, "other"), setting)
    world.timeline = timeline
    world.run()
    return world.outside.documents


@pytest.mark.parametrize("chunk", range(4))
def test_every_window_is_judged_by_the_settings_in_force_at_its_start(chunk: int) -> None:
    """Whatever is killed before and after a change, every document is that of an undisturbed run, to the byte."""
    for seed in range(chunk * 15, (chunk + 1) * 15):
        told, timeline = documents(seed, kills=seed % 7)
        assert foretold(seed, timeline) == told


def starts_within(seed: int) -> Iterator[int]:
    """Yield the starts of settings that windows with documents lie on both sides of."""
    told, timeline = documents(seed, kills=0)
    starts = [line["window"]["start_ms"] for line in map(orjson.loads, told.values()) if "column" in line]
    for change in timeline:
        if change["from_ms"] is not None and starts and min(starts) < change["from_ms"] <= max(starts):
            yield change["from_ms"]


def test_settings_do_change_amid_the_windows() -> None:
    """The runs above are of logs in which settings change between windows that are judged."""
    assert sum(any(True for _ in starts_within(seed)) for seed in range(30)) >= 10


def test_settings_that_hold_for_windows_already_read_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: new settings are in force at once, for all that is not judged yet."""

    def at_once(self: Pipeline, judgement: Judgement) -> int | None:
        self.judgements.add(judgement, 0)
        return 0

    monkeypatch.setattr(Pipeline, "adopt_judgement", at_once)
    assert any(not judged_alike(seed) for seed in range(30))


def judged_alike(seed: int) -> bool:
    """Whether a log told the same in both runs, and no document was repeated with other content."""
    try:
        told, timeline = documents(seed, kills=0)
    except AssertionError:
        return False
    return foretold(seed, timeline) == told
