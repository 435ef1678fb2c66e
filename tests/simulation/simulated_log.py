"""Seeded logs of events over partitions, and what must come of them: a plain group-by over all events."""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import orjson

from driftd.references.profile import ColumnProfile, Profile
from driftd.values.keys import ColumnKey, Kind, MonitorKey, Reason, Role, SourcePartition
from driftd.values.windows import window_at

TOPIC = "predictions"
BASE_MS = 1_700_000_040_000  # a multiple of no window length used here
EDGES = (0.0, 10.0, 20.0, 30.0)
CATEGORIES = ("red", "green")


def profile_of(model: str) -> Profile:
    """Return a small profile: one numeric and one categorical column."""
    numeric = ColumnProfile(
        key=ColumnKey(Role.FEATURE, "amount"),
        kind=Kind.NUMERIC,
        n=300,
        missing=0,
        invalid=0,
        counts=(0, 100, 100, 100, 0),
        edges=EDGES,
        test_of=(0, 0, 1, 2, 2),
        moments={"mean": 15.0, "sd": 8.7, "min": 0.0, "max": 29.9},
        quantiles={"0.05": 1.5, "0.25": 7.5, "0.5": 15.0, "0.75": 22.5, "0.95": 28.5},
    )
    categorical = ColumnProfile(
        key=ColumnKey(Role.FEATURE, "colour"),
        kind=Kind.CATEGORICAL,
        n=300,
        missing=0,
        invalid=0,
        counts=(200, 100, 0),
        categories=CATEGORIES,
    )
    return Profile(
        model=model,
        version="1",
        rows=300,
        columns=(numeric, categorical),
        binning_id=f"bins-{model}",
        reference_id=f"reference-{model}",
    )


@dataclass(frozen=True, slots=True)
class SimulatedRecord:
    """One record of the log; ``visible_at_ms`` is when its producer sends it."""

    value: bytes | None
    timestamp_ms: int
    visible_at_ms: int
    event_ms: int | None = None
    monitor: MonitorKey | None = None
    amount: object = None
    colour: object = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What kind of log a seed makes."""

    partitions: int
    added: int  # partitions that appear later
    models: tuple[str, ...]
    events: int
    duration_ms: int
    lateness_ms: int
    span_ms: int
    skews_ms: tuple[int, ...]  # by how much each partition's event time lags
    idle: frozenset[int]  # partitions that stop half-way
    disorder_ms: int


Log = dict[SourcePartition, list[SimulatedRecord]]


def shape_of(seed: int, *, grows: bool) -> Shape:
    """Draw the kind of log; ``grows``: partitions may be added, whose first windows may be closed by then."""
    rng = random.Random(f"shape {seed}")
    partitions = rng.randint(1, 4)
    added = rng.choice((0, 0, 1, 2)) if grows else 0
    duration_ms = rng.choice((1_000, 5_000, 60_000))
    return Shape(
        partitions=partitions,
        added=added,
        models=("fraud", "churn", "ads")[: rng.randint(1, 3)],
        events=rng.randint(20, 220),
        duration_ms=duration_ms,
        lateness_ms=rng.choice((0, duration_ms // 2, 3 * duration_ms)),
        span_ms=duration_ms * rng.randint(2, 12),
        skews_ms=tuple(rng.choice((0, 0, 0, duration_ms, 20 * duration_ms)) for _ in range(partitions + added)),
        idle=frozenset(p for p in range(partitions + added) if rng.random() < 0.15),
        disorder_ms=rng.choice((0, duration_ms // 3, 4 * duration_ms)),
    )


def log_of(seed: int, shape: Shape) -> Log:
    """Draw the records of every partition, in the order of their offsets."""
    rng = random.Random(f"log {seed}")
    log: Log = {SourcePartition(TOPIC, p): [] for p in range(shape.partitions + shape.added)}
    sparse = shape.models[-1] if rng.random() < 0.3 else None
    for number in range(shape.events):
        partition = rng.randrange(shape.partitions + shape.added)
        progress = number / shape.events
        if partition in shape.idle and progress > 0.5:
            continue
        model = rng.choice(shape.models)
        if model == sparse and rng.random() < 0.9:
            model = shape.models[0]
        visible_ms = int(progress * shape.span_ms)
        event_ms = BASE_MS + visible_ms - shape.skews_ms[partition] - rng.randint(0, max(shape.disorder_ms, 1))
        log[SourcePartition(TOPIC, partition)].append(_record(rng, model, event_ms, BASE_MS + visible_ms, visible_ms))
    return log


def _record(rng: random.Random, model: str, event_ms: int, timestamp_ms: int, visible_ms: int) -> SimulatedRecord:
    dice = rng.random()
    if dice < 0.02:
        return SimulatedRecord(None, timestamp_ms, visible_ms, reason=Reason.TOMBSTONE)
    if dice < 0.04:
        return SimulatedRecord(b'{"model": ', timestamp_ms, visible_ms, reason=Reason.MALFORMED)
    wild = dice < 0.06
    if wild:
        event_ms = timestamp_ms + 10**10
    unknown = 0.06 <= dice < 0.08
    amount = rng.choice((rng.uniform(-5, 40), rng.uniform(0, 30), None, "twelve", 7))
    colour = rng.choice(("red", "green", "red", "blue", None, 3))
    event = {
        "model": "stranger" if unknown else model,
        "version": rng.choice(("1", "2")),
        "timestamp": event_ms,
        "features": {"amount": amount, "colour": colour},
    }
    return SimulatedRecord(
        value=orjson.dumps(event),
        timestamp_ms=timestamp_ms,
        visible_at_ms=visible_ms,
        event_ms=event_ms,
        monitor=MonitorKey(str(event["model"]), str(event["version"])),
        amount=amount,
        colour=colour,
        reason=Reason.FUTURE if wild else Reason.NO_REFERENCE if unknown else None,
    )


@dataclass(slots=True)
class Sums:
    """What one monitor saw in one window: events, and per column [n, missing, invalid, unseen, *test bins]."""

    events: int = 0
    amount: list[int] = field(default_factory=lambda: [0] * 7)
    colour: list[int] = field(default_factory=lambda: [0] * 7)

    def add(self, record: SimulatedRecord) -> None:
        """Count one event, one value at a time."""
        self.events += 1
        self.amount[0] += 1
        self.colour[0] += 1
        if record.amount is None:
            self.amount[1] += 1
        elif isinstance(record.amount, str):
            self.amount[2] += 1
        elif isinstance(record.amount, int | float):
            self.amount[4 + (0 if record.amount < 10 else 1 if record.amount < 20 else 2)] += 1
        if record.colour is None:
            self.colour[1] += 1
        elif not isinstance(record.colour, str):
            self.colour[2] += 1
        elif record.colour in CATEGORIES:
            self.colour[4 + CATEGORIES.index(record.colour)] += 1
        else:
            self.colour[3] += 1
            self.colour[6] += 1


@dataclass(slots=True)
class PartitionTruth:
    """What must have been counted of a partition when it has been read up to an offset."""

    read: int = 0
    late: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)


@dataclass(slots=True)
class Truth:
    """The group-by over all events of a log."""

    windows: dict[tuple[MonitorKey, int], Sums]
    partitions: dict[SourcePartition, list[PartitionTruth]]  # index: offset read up to


def truth_of(log: Log, shape: Shape) -> Truth:
    """Group all events by monitor and window, each partition judging lateness by itself."""
    windows: defaultdict[tuple[MonitorKey, int], Sums] = defaultdict(Sums)
    partitions: dict[SourcePartition, list[PartitionTruth]] = {}
    for source, records in log.items():
        watermark_ms: int | None = None
        so_far = PartitionTruth()
        partitions[source] = [PartitionTruth()]
        for record in records:
            so_far = PartitionTruth(so_far.read + 1, so_far.late, Counter(so_far.rejected))
            moves = record.event_ms is not None and record.reason in {None, Reason.NO_REFERENCE}
            if record.reason is not None:
                so_far.rejected[record.reason] += 1
            elif record.event_ms is not None and record.monitor is not None:
                window = window_at(record.event_ms, shape.duration_ms)
                if watermark_ms is not None and window.end_ms <= watermark_ms:
                    so_far.late += 1
                else:
                    windows[record.monitor, window.start_ms].add(record)
            if moves and record.event_ms is not None:
                newest = record.event_ms - shape.lateness_ms
                watermark_ms = newest if watermark_ms is None else max(watermark_ms, newest)
            partitions[source].append(so_far)
    return Truth(dict(windows), partitions)
