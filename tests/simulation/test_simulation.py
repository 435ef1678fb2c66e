"""The pure core against a group-by over all events, under every interleaving, kill and pause that seeds draw."""

from collections.abc import Iterator
from dataclasses import replace

import orjson
import pytest
from simulated_log import TOPIC, Truth, log_of, shape_of
from simulated_world import Setting, World

from driftd.merge.pending import Pending
from driftd.runtime.accounts import accounts_of
from driftd.summarise import stage as summarise_stage
from driftd.summarise.choice import VARIABLE
from driftd.summarise.plain import PlainSummariser
from driftd.values.keys import LateReason, MonitorKey
from driftd.values.part import Ledger, Part
from driftd.values.view import TopicAccounts

SEEDS_PER_CHUNK = 125
CHUNKS = 16


def ended(seed: int, kills: int, setting: Setting, *, world_seed: object = None) -> tuple[World, Truth]:
    """Run a seed's log to its end."""
    shape = shape_of(seed, grows=setting.time_outs)
    log = log_of(seed, shape)
    world = World(log, shape, (seed, world_seed), setting)
    world.run(kills)
    return world, world.truth


def windows_of(world: World) -> Iterator[tuple[MonitorKey, int, str, dict[str, object]]]:
    """Yield the delivered window lines: (monitor, window start, column, line)."""
    for data in world.outside.documents.values():
        line = orjson.loads(data)
        if "window" in line and "column" in line:
            key = MonitorKey(line["model"], line["version"], line["segment"])
            yield key, line["window"]["start_ms"], line["column"], line


def accounts(world: World) -> TopicAccounts:
    """Return the topic's accounts at the end."""
    pipeline = world.engine.pipeline
    return accounts_of(pipeline.ledgers.values(), (s.merge.accounts for s in pipeline.shards))[TOPIC]


def assert_equals_group_by(world: World, truth: Truth) -> None:
    """Every window of every monitor was closed once, with exactly the events of the group-by."""
    expected = {}
    for (monitor, start_ms), sums in truth.windows.items():
        expected[monitor, start_ms, "amount"] = [sums.events, *sums.amount]
        expected[monitor, start_ms, "colour"] = [sums.events, *sums.colour]
    actual = {
        (key, start_ms, column): [line[k] for k in ("events", "n", "missing", "invalid", "unseen")] + line["counts"]  # type: ignore[operator]
        for key, start_ms, column, line in windows_of(world)
    }
    assert expected == actual
    final = accounts(world)
    assert final.pending == 0
    assert final.observed == sum(s.events for s in truth.windows.values())


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_windows_equal_the_group_by_whatever_is_killed(chunk: int) -> None:
    """2,000 seeds: parts, closed windows and counts equal the oracle's, with kills between any two effects."""
    for seed in range(chunk * SEEDS_PER_CHUNK, (chunk + 1) * SEEDS_PER_CHUNK):
        setting = Setting(summarisers=1 + seed % 2, shards=1 + 2 * (seed // 2 % 2))
        world, truth = ended(seed, seed % 6, setting)
        assert_equals_group_by(world, truth)


@pytest.mark.parametrize("chunk", range(4))
def test_verdicts_do_not_depend_on_kills_shards_or_interleaving(chunk: int) -> None:
    """With carried columns and detectors on, every document is the same to the byte in any run of a log."""
    for seed in range(chunk * 15, (chunk + 1) * 15):
        one, _ = ended(seed, 0, Setting(detectors=True, min_observations=8))
        other, _ = ended(
            seed, 5, Setting(summarisers=2, shards=3, detectors=True, min_observations=8), world_seed="other"
        )
        assert one.outside.documents == other.outside.documents


@pytest.mark.parametrize("chunk", range(4))
def test_nothing_is_lost_when_windows_close_by_time_out(chunk: int) -> None:
    """With idle partitions: closed events plus those late for closed windows are exactly the group-by's.

    A window that lacks events of the group-by is marked incomplete, or its missing events came when all had
    been quiet; a document that was repeated after a kill had the same bytes (the sink asserts it).
    """
    for seed in range(10_000 + chunk * 60, 10_000 + (chunk + 1) * 60):
        world, truth = ended(seed, seed % 5, Setting(time_outs=True))
        final = accounts(world)
        assert final.pending == 0
        total = sum(s.events for s in truth.windows.values())
        assert total == final.observed + final.late.get(LateReason.CLOSED, 0)
        closed = {}
        for key, start_ms, _, line in windows_of(world):
            closed[key, start_ms] = line["events"]
        assert closed.keys() <= truth.windows.keys()
        assert all(n <= truth.windows[place].events for place, n in closed.items())  # type: ignore[operator]
        assert final.observed == sum(closed.values())  # type: ignore[arg-type]


def caught(seeds: range) -> bool:
    """Whether the simulation notices that something is wrong."""
    for seed in seeds:
        try:
            world, truth = ended(seed, 5, Setting(summarisers=2, shards=3))
            assert_equals_group_by(world, truth)
        except AssertionError:
            return True
    return False


def test_a_rewind_to_the_oldest_window_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: the first offset of the oldest window is not the least first offset of all."""

    def of_the_oldest(self: PlainSummariser) -> int | None:
        return next(iter(self._open[min(self._open)].values())).first_offset if self._open else None

    monkeypatch.setenv("DRIFTD_KERNEL", "python")
    monkeypatch.setenv(VARIABLE, "python")
    monkeypatch.setattr(PlainSummariser, "least_first_offset", of_the_oldest)
    assert caught(range(300))


def test_late_events_counted_again_after_a_restart_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: records below the position are judged anew."""
    original = summarise_stage.SummariseStage.start

    def start_at_rewind(self: summarise_stage.SummariseStage, ledger: Ledger) -> None:
        original(self, replace(ledger, position=ledger.rewind))

    monkeypatch.setattr(summarise_stage.SummariseStage, "start", start_at_rewind)
    assert caught(range(300))


def test_a_part_added_twice_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: a fuller part is added to the one before instead of taking its place."""
    original = Pending.receive

    def add(self: Pending, part: Part, frontier_ms: int | None) -> object:
        known = self._windows.get(part.key.window, {}).get(part.key)
        if known is not None and known.last_offset < part.last_offset:
            part = Part(
                part.key,
                part.reference_id,
                known.first_offset,
                part.last_offset,
                known.events + part.events,
                part.sums,
                part.newest_ms,
                part.unseen,
            )
        return original(self, part, frontier_ms)

    monkeypatch.setattr(Pending, "receive", add)
    assert caught(range(300))
