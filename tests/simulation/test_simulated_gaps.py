"""Sources that lose records: the counts stay true, and the windows that may lack some say so."""

from collections import Counter
from dataclasses import replace

import pytest
from lossy_world import LossyWorld, Reading, Ways
from simulated_log import log_of, profile_of, shape_of

from driftd.config.model import Config
from driftd.merge.gaps import Gaps
from driftd.merge.pending import Pending
from driftd.merge.stage import MergeStage
from driftd.summarise import stage as summarise_stage
from driftd.values.keys import LateReason

CHUNKS = 4
SEEDS_PER_CHUNK = 75


def ended(seed: int, *, time_outs: bool = False) -> LossyWorld:
    """Run a seed's log to its end, with losses and kills."""
    shape = replace(shape_of(seed, grows=False), idle=frozenset())
    config = Config.model_validate(
        {
            "windows": {
                "duration": f"{shape.duration_ms}ms",
                "lateness": f"{shape.lateness_ms}ms",
                "idle_timeout": "5s" if time_outs else "100d",
                "min_observations": 1,
            },
            "detect": {"detectors": {"adwin": None, "page_hinkley": None}},
        }
    )
    ways = Ways(kills=seed % 6, losses=0.1, time_outs=time_outs, shards=1 + 2 * (seed % 2))
    world = LossyWorld(log_of(seed, shape), config, map(profile_of, shape.models), seed, ways)
    world.run()
    return world


def assert_true(world: LossyWorld) -> None:
    """Hold the closed windows, their marks and the accounts against what was read and not lost again."""
    readings = world.history.readings.values()
    left = Counter(summed for reading in readings for summed in reading.summed.values())
    closed = world.closed()
    assert dict(left) == {place: verdict.events for place, verdict in closed.items()}
    for (_, window), verdict in closed.items():
        assert verdict.incomplete == (world.falls_behind(window) or any(r.may_lack(window) for r in readings))
    accounts = world.accounts()
    assert accounts.pending == 0
    assert accounts.late.get(LateReason.GAP, 0) == sum(reading.lost for reading in readings)
    assert accounts.late.get(LateReason.CLOSED, 0) == 0


def met(readings: list[Reading]) -> set[str]:
    """Tell what kinds of loss have occurred in some readings."""
    kinds = {"read before" for reading in readings if reading.lost}
    return kinds | {"never read" for reading in readings if reading.missed}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_counts_and_marks_are_true_whatever_is_lost(chunk: int) -> None:
    """Records are lost while running and while down: each event is counted once, or as lost; pending ends at 0.

    A window is incomplete exactly where it may lack records, and all others equal the group-by. Where no event
    is later than ``windows.lateness`` allows, each window that a lost record was of is among those.
    """
    readings: list[Reading] = []
    for seed in range(chunk * SEEDS_PER_CHUNK, (chunk + 1) * SEEDS_PER_CHUNK):
        world = ended(seed)
        assert_true(world)
        if shape_of(seed, grows=False).disorder_ms <= world.cut.lateness_ms:
            assert all(r.may_lack(window) for r in world.history.readings.values() for window in r.missed)
        readings += world.history.readings.values()
    assert met(readings) == {"read before", "never read"}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_is_counted_twice_where_windows_closed_before_their_records_were_lost(chunk: int) -> None:
    """With time-outs: what a closed window had of a partition is not lost, and the accounts add up in each turn."""
    lost = kept = 0
    for seed in range(20_000 + chunk * SEEDS_PER_CHUNK, 20_000 + (chunk + 1) * SEEDS_PER_CHUNK):
        world = ended(seed, time_outs=True)
        readings = world.history.readings.values()
        accounts = world.accounts()
        assert accounts.pending == 0
        assert 0 <= accounts.late.get(LateReason.GAP, 0) <= sum(reading.lost for reading in readings)
        lost += accounts.late.get(LateReason.GAP, 0)
        kept += sum(shard.merge.accounts.kept.total() for shard in world.pipeline.shards)
    assert min(lost, kept) > 0


def caught(*, time_outs: bool = False) -> bool:
    """Whether the simulation notices that something is wrong."""
    for seed in range(100):
        try:
            world = ended(seed, time_outs=time_outs)
            if not time_outs:
                assert_true(world)
            assert world.accounts().pending == 0
        except AssertionError:
            return True
    return False


def test_a_loss_that_is_not_counted_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: what was read and cannot be summed again stays pending for ever."""
    monkeypatch.setattr(summarise_stage, "_recounted", lambda former, again: replace(former, open_events=again or 0))
    assert caught()


def test_parts_kept_beside_the_recounted_ones_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: what was handed on before the loss is summed although it counts as lost."""
    monkeypatch.setattr(Pending, "forget_open", lambda *_: None)
    assert caught()


def test_closed_windows_counted_as_lost_too_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: events of a window that closed without waiting are lost after they were observed."""
    monkeypatch.setattr(MergeStage, "recount", lambda self, source, _: self.forget_open(source))
    assert caught(time_outs=True)


def test_windows_without_the_mark_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: a gap is forgotten over a restart."""
    monkeypatch.setattr(Gaps, "restore", lambda *_: None)
    monkeypatch.setattr(Gaps, "hear", lambda *_: None)
    assert caught()
