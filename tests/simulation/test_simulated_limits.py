"""More monitors than the limits allow, coming and going: who is watched when follows from the log alone."""

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime

import orjson
import pytest
from lossy_world import LossyWorld, Ways
from simulated_log import BASE_MS, TOPIC, Log, SimulatedRecord, profile_of

from driftd.config.model import Config
from driftd.merge.pending import Pending
from driftd.merge.roster import Roster
from driftd.values.closed import Expired
from driftd.values.keys import MonitorKey, Reason, SourcePartition
from driftd.values.verdict import DriftEvent

CHUNKS = 4
SEEDS_PER_CHUNK = 20
DURATION_MS = 10_000
MODELS = ("ads", "churn", "fraud")
CONFIG = Config.model_validate(
    {
        "windows": {"duration": "10s", "lateness": "5s", "idle_timeout": "100d", "min_observations": 1},
        "limits": {"models": 2, "monitors": 4, "expire_after": "60s"},
        "detect": {"detectors": {"adwin": None, "page_hinkley": None}},
        "incidents": {"page_on": ["psi>0.5"], "join": "20s", "hold": "30s", "silence": "40s"},
    }
)
OWN = {(model, version) for model in MODELS for version in ("1", "3")}
PROFILES = tuple(
    replace(profile_of(model), version=version, reference_id=f"reference-{model}-{version}")
    for model, version in sorted(OWN)
)


def crowd(seed: int) -> Log:
    """Draw a log in which versions with profiles come and go, and others turn up in crowds."""
    rng = random.Random(f"crowd {seed}")
    log: Log = {SourcePartition(TOPIC, number): [] for number in range(rng.randint(1, 3))}
    for start_ms in range(0, rng.randint(20, 45) * DURATION_MS, DURATION_MS):
        active = rng.sample(sorted(OWN), rng.choice((0, 0, 1, 1, 2, 4)))
        if rng.random() < 0.3:
            active += [(rng.choice(MODELS), f"junk {rng.randrange(30)}") for _ in range(rng.randint(1, 8))]
        for model, version in active:
            for _ in range(rng.randint(1, 4)):
                source = rng.choice(sorted(log))
                event_ms = BASE_MS + start_ms + rng.randrange(DURATION_MS)
                log[source].append(_record(model, version, event_ms, rng))
    for records in log.values():
        records.sort(key=lambda record: record.timestamp_ms + rng.randint(0, 4_000))
    return log


def _record(model: str, version: str, event_ms: int, rng: random.Random) -> SimulatedRecord:
    features = {"amount": rng.choice((5.0, 15.0, 25.0)), "colour": rng.choice(("red", "green"))}
    event = {"model": model, "version": version, "timestamp": event_ms, "features": features}
    return SimulatedRecord(orjson.dumps(event), event_ms, 0, event_ms, MonitorKey(model, version))


def ended(log: Log, seed: object, *, kills: int) -> LossyWorld:
    """Run a log to its end."""
    world = LossyWorld(log, CONFIG, PROFILES, seed, Ways(kills=kills))
    world.run()
    return world


def left_behind(world: LossyWorld) -> tuple[object, ...]:
    """Return everything that a run leaves: what it told, in its order, its counts, and its memory to the byte."""
    return world.history.verdicts, world.history.events, world.accounts(), world.snapshot


def runs(seed: int) -> list[LossyWorld]:
    """Run a seed's log in three ways."""
    log = crowd(seed)
    return [ended(log, (seed, way), kills=4 * way) for way in range(3)]


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_who_is_watched_does_not_depend_on_the_way(chunk: int) -> None:
    """Admission, expiry and every count are the same however partitions interleave, batches are cut, processes end."""
    over_limit: Counter[str] = Counter()
    for seed in range(chunk * SEEDS_PER_CHUNK, (chunk + 1) * SEEDS_PER_CHUNK):
        first, *others = runs(seed)
        for other in others:
            assert left_behind(first) == left_behind(other)
        over_limit += first.pipeline.shards[0].merge.accounts.over_limit
        accounts = first.accounts()
        assert (accounts.pending, accounts.read) == (0, sum(map(len, first.log.values())))
    assert over_limit.total() > 0


Windows = dict[int, Counter[MonitorKey]]


def has_profile(monitor: MonitorKey) -> bool:
    """Say whether a version has a profile of its own."""
    return monitor[:2] in OWN


def summed(log: Log) -> tuple[Windows, int]:
    """Group a log's events by window and monitor; also return how many are over the limit of a partition's window."""
    windows: Windows = {}
    refused = 0
    for records in log.values():
        taken: dict[int, set[MonitorKey]] = {}
        watermark_ms = -1
        for record in records:
            assert record.event_ms is not None
            assert record.monitor is not None
            start_ms = record.event_ms // DURATION_MS * DURATION_MS
            late = start_ms + DURATION_MS <= watermark_ms
            watermark_ms = max(watermark_ms, record.event_ms - CONFIG.windows.lateness)
            here = taken.setdefault(start_ms, set())
            full = len(here) >= CONFIG.limits.monitors and record.monitor not in here
            if not late and full and not has_profile(record.monitor):
                refused += 1
            elif not late:
                here.add(record.monitor)
                windows.setdefault(start_ms, Counter())[record.monitor] += 1
    return windows, refused


def finds_room(monitor: MonitorKey, newest: dict[MonitorKey, int]) -> bool:
    """Say whether a newcomer is watched; one that has to leave for it is taken out."""
    models = {known.model for known in newest}
    if monitor.model not in models and len(models) >= CONFIG.limits.models:
        return False
    if len(newest) < CONFIG.limits.monitors:
        return True
    borrowed = sorted((at, known) for known, at in newest.items() if not has_profile(known))
    if has_profile(monitor) and borrowed:
        del newest[borrowed[0][1]]
        return True
    return False


def expected(log: Log) -> tuple[dict[tuple[MonitorKey, int], int], int]:
    """Watch a log's windows one by one: events of each closed window, and how many were over the limits.

    Plain and slow: nothing is remembered but the end of each monitor's newest window.
    """
    windows, refused = summed(log)
    newest: dict[MonitorKey, int] = {}
    closed: dict[tuple[MonitorKey, int], int] = {}
    for start_ms, here in sorted(windows.items()):
        end_ms = start_ms + DURATION_MS
        newest = {key: at for key, at in newest.items() if at + CONFIG.limits.expire_after >= end_ms}
        newest |= {key: end_ms for key in here if key in newest}
        for key in sorted(here, key=lambda key: (not has_profile(key), key)):
            if key not in newest and finds_room(key, newest):
                newest[key] = end_ms
        closed |= {(key, start_ms): events for key, events in here.items() if key in newest}
        refused += sum(events for key, events in here.items() if key not in newest)
    return closed, refused


def assert_expected(world: LossyWorld) -> None:
    """Hold what was closed and refused against the plain watch."""
    closed, refused = expected(world.log)
    accounts = world.accounts()
    assert closed == {(key, window.start_ms): verdict.events for (key, window), verdict in world.closed().items()}
    assert refused == accounts.rejected.get(Reason.LIMIT, 0)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_who_is_watched_is_what_the_limits_say(chunk: int) -> None:
    """The closed windows are those of a plain watch over all windows; the rest is counted as over a limit."""
    for seed in range(100 + chunk * SEEDS_PER_CHUNK, 100 + (chunk + 1) * SEEDS_PER_CHUNK):
        assert_expected(ended(crowd(seed), seed, kills=seed % 4))


def test_incidents_of_an_expired_monitor_end() -> None:
    """Somewhere in these logs a monitor expires while it fires: it is told, and nothing of it stays."""
    told = 0
    for seed in range(20):
        world = ended(crowd(seed), seed, kills=0)
        (shard,) = world.pipeline.shards
        told += sum(_silence_ms(event) == CONFIG.limits.expire_after + DURATION_MS for event in world.history.events)
        assert set(shard.incidents.monitors) == shard.merge.monitors == shard.detect.to_state().keys()
        assert len(shard.merge.monitors) <= CONFIG.limits.monitors
    assert told > 0


def _silence_ms(event: DriftEvent) -> float:
    """How long before what a drift event tells its monitor's newest window had ended."""
    newest = datetime.fromisoformat(event.body["data"]["window"]["end"])
    return event.time_ms - newest.timestamp() * 1_000


def caught(seeds: range) -> bool:
    """Whether the simulation notices that something is wrong."""
    for seed in seeds:
        try:
            first, *others = runs(seed)
            assert all(left_behind(first) == left_behind(other) for other in others)
            assert_expected(first)
        except AssertionError:
            return True
    return False


def test_expiry_as_far_as_event_time_has_come_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: what has expired is forgotten in front of all windows that close at the same time."""
    original = Roster.expire

    def all_at_once(self: Roster, until_ms: int) -> list[Expired]:
        return original(self, until_ms + 3 * DURATION_MS)

    monkeypatch.setattr(Roster, "expire", all_at_once)
    assert caught(range(10))


def test_a_roster_that_a_restart_refills_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: after a restart every monitor has just been heard of."""
    original = Roster.restore
    monkeypatch.setattr(
        Roster,
        "restore",
        lambda self, seats: original(self, [(key, seat._replace(newest_ms=BASE_MS)) for key, seat in seats]),
    )
    assert caught(range(10))


def test_admission_in_the_order_of_arrival_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted mistake: who is read first is watched, so the interleaving of the partitions decides."""
    original = Pending.receive

    def crowded(self: Pending, part: object, frontier_ms: int | None) -> object:
        parts = self._windows.get(part.key.window, {})  # type: ignore[attr-defined]
        others = {key.monitor for key in parts} - {part.key.monitor}  # type: ignore[attr-defined]
        return None if len(others) >= CONFIG.limits.monitors else original(self, part, frontier_ms)  # type: ignore[arg-type]

    monkeypatch.setattr(Pending, "receive", crowded)
    assert caught(range(20))
