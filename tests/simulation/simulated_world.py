"""A world for the engine: a log that becomes visible over time, a virtual clock, and a fuse that kills."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from simulated_log import BASE_MS, TOPIC, Log, Shape, profile_of, truth_of

from driftd.config.judgement import Judgement, JudgementBook
from driftd.detect.stage import DetectStage
from driftd.errors import DataError, SnapshotError
from driftd.incidents.stage import IncidentStage
from driftd.merge.stage import MergeStage
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.runtime.accounts import accounts_of
from driftd.runtime.effects import Discovery, Lost
from driftd.runtime.engine import Engine
from driftd.runtime.outbox import Delivery
from driftd.runtime.pipeline import Outcome, Pipeline, Shard
from driftd.runtime.records import references_of
from driftd.snapshot.codec import decode, encode
from driftd.summarise.choice import kernel_in_use
from driftd.summarise.settings import TopicSettings
from driftd.summarise.stage import SummariseStage
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.settings import LimitSettings, WindowSettings
from driftd.values.state import State

MAX_SKEW_MS = 300_000
NEVER_MS = 10**12


class Killed(Exception):
    """The process is gone."""


@dataclass(slots=True)
class Fuse:
    """Burns down by one at every boundary between two effects; at zero the process is killed."""

    left: int | None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


@dataclass(slots=True)
class Outside:
    """What outlives the process: the log, the snapshot, what was delivered."""

    log: Log
    shape: Shape
    snapshot: bytes | None = None
    judged: list[State] = field(default_factory=list)  # the settings over time, up to the snapshot
    judging: list[State] = field(default_factory=list)  # and up to now; gone with the process
    documents: dict[str, bytes] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    repeats: int = 0
    now_ms: int = 0

    def visible(self, source: SourcePartition) -> int:
        """How many records of a partition have been produced."""
        records = self.log[source]
        low, high = 0, len(records)
        while low < high:
            middle = (low + high) // 2
            if records[middle].visible_at_ms <= self.now_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def partitions(self) -> list[SourcePartition]:
        """Return the partitions that exist: the added ones only after a third of the span."""
        late = self.now_ms >= self.shape.span_ms // 3
        return [s for s in sorted(self.log) if late or s.partition < self.shape.partitions]


class SimulatedSource:
    """The log as a consumer sees it: any interleaving, any batch size, end-of-partition events."""

    def __init__(self, outside: Outside, rng: random.Random, fuse: Fuse) -> None:
        self._outside = outside
        self._rng = rng
        self._fuse = fuse
        self._positions: dict[SourcePartition, int] = {}
        self._ended: dict[SourcePartition, int] = {}  # position at which the end was last told
        self._paused: frozenset[SourcePartition] = frozenset()
        self.committed: dict[SourcePartition, int] = {}

    def seek(self, source: SourcePartition, position: int) -> None:
        self._positions[source] = position

    def poll(self) -> list[Batch]:
        batches = []
        sources = [s for s in self._positions if s not in self._paused]
        self._rng.shuffle(sources)
        for source in sources[: self._rng.randint(1, max(len(sources), 1))]:
            batch = self._batch(source)
            if batch is not None:
                batches.append(batch)
        return batches

    def take_gaps(self) -> list[Lost]:
        """Return no gaps."""
        return []

    def _batch(self, source: SourcePartition) -> Batch | None:
        start, end = self._positions[source], self._outside.visible(source)
        stop = min(end, start + self._rng.choice((1, 3, 10, 50)))
        drained = stop == end
        if start == stop and self._ended.get(source) == end:
            return None
        if drained:
            self._ended[source] = end
        self._positions[source] = stop
        records = self._outside.log[source][start:stop]
        return Batch(
            source=source,
            position=stop,
            offsets=range(start, stop),
            values=[r.value for r in records],
            timestamps_ms=[r.timestamp_ms for r in records],
            record_time=RecordTime.CREATE,
            clock_ms=BASE_MS + self._outside.now_ms,
            drained=drained,
        )

    def discover(self) -> Discovery:
        new = {s: 0 for s in self._outside.partitions() if s not in self._positions}
        for source in new:
            self.seek(source, 0)
        return Discovery(new, frozenset())

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        self._paused = sources

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        self._fuse.burn()
        self.committed.update(positions)


class SimulatedSink:
    """Keeps every document by id; a repeat must be the same to the byte."""

    wants_windows = True

    def __init__(self, outside: Outside, fuse: Fuse) -> None:
        self._outside = outside
        self._fuse = fuse

    def deliver(self, delivery: Delivery) -> None:
        for document in (*delivery.windows, *delivery.events):
            self._fuse.burn()
            data = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
            known = self._outside.documents.setdefault(document["id"], data)
            assert known == data, "a document was repeated with other content"
            if document["id"] in self._outside.order:
                self._outside.repeats += 1
            else:
                self._outside.order.append(document["id"])


class SimulatedStore:
    """Keeps the snapshot's bytes."""

    def __init__(self, outside: Outside, fuse: Fuse) -> None:
        self._outside = outside
        self._fuse = fuse

    def save(self, records: Mapping[str, State]) -> None:
        data = encode(records, "simulation")
        self._fuse.burn()
        self._outside.snapshot = data
        self._outside.judged = judged_since(self._outside.judging, records["judgement"]["sets"])
        self._fuse.burn()


def judged_since(known: list[State], sets: list[State]) -> list[State]:
    """Return the settings over time: those known, up to where the sets begin, and the sets."""
    first_ms = sets[0]["from_ms"]
    return [s for s in known if first_ms is not None and (s["from_ms"] is None or s["from_ms"] < first_ms)] + sets


class Bystander:
    """An owner with nothing to remember."""

    def witness(self, outcome: Outcome) -> None:
        """Look on."""

    def records(self) -> Mapping[str, State]:
        return {}

    def not_saved(self, error: SnapshotError) -> None:
        raise error

    def missed(self, lost: Lost, unread: int) -> None:
        """Look on."""

    def not_written(self, error: DataError) -> None:
        raise error


@dataclass(frozen=True, slots=True)
class Setting:
    """How the engine is set up in a run."""

    summarisers: int = 1
    shards: int = 1
    detectors: bool = False
    time_outs: bool = False
    min_observations: int = 1


class World:
    """Runs engine after engine over one log until all of it is read, closed and quiet."""

    def __init__(self, log: Log, shape: Shape, seed: object, setting: Setting) -> None:
        self.outside = Outside(log, shape)
        self.truth = truth_of(log, shape)
        self.setting = setting
        self.rng = random.Random(f"world {seed}")
        self.windows = WindowSettings.model_validate(
            {
                "duration": f"{shape.duration_ms}ms",
                "lateness": f"{shape.lateness_ms}ms",
                "idle_timeout": f"{5_000 if setting.time_outs else NEVER_MS}ms",
                # a drained partition that is never taken for silent would hold back all others for good
                "max_ahead": f"{shape.duration_ms * 5 if setting.time_outs else NEVER_MS}ms",
                "max_skew": f"{MAX_SKEW_MS}ms",
                "max_span": f"{shape.duration_ms * 10}ms",
                "min_observations": setting.min_observations,
            }
        )
        self.book = ReferenceBook([])
        on = {} if setting.detectors else {"adwin": None, "page_hinkley": None}
        self.judgement = Judgement.model_validate({"detect": {"detectors": on}})  # what the operator has configured
        self.engine: Engine
        self.kills = 0

    def run(self, kills: int = 0) -> None:
        """Run to the end, with up to this many kills on the way; asserts the accounts after every turn."""
        while True:
            fuse = Fuse(self.rng.randint(0, 40) if kills > self.kills else None)
            try:
                self._live(fuse)
            except Killed:
                self.kills += 1
                if self.rng.random() < 0.3:
                    self._pass_time(self.rng.randint(0, self.outside.shape.span_ms // 4))
            else:
                return

    def ledgers(self) -> dict[SourcePartition, Ledger]:
        """Return the newest ledgers."""
        return self.engine.pipeline.ledgers

    def operate(self) -> None:
        """Do between two turns what the operator does: nothing."""

    def judgements(self) -> JudgementBook:
        """Return the settings that a process begins with."""
        return JudgementBook(self.judgement)

    def references(self, records: Mapping[str, State] | None) -> list[ReferenceSet]:
        """Return the references that a process begins with: the snapshot's, or else a profile of each model."""
        profiles = {p.reference_id: p for p in map(profile_of, self.outside.shape.models)}
        if records is None:
            return [ReferenceSet(None, tuple(profiles.values()))]
        return references_of(records, profiles.__getitem__)

    def _live(self, fuse: Fuse) -> None:
        source = SimulatedSource(self.outside, self.rng, fuse)
        records = decode(self.outside.snapshot, "snapshot") if self.outside.snapshot is not None else None
        self.book = ReferenceBook(self.references(records))
        self.engine = Engine(
            self._pipeline(),
            source,
            SimulatedSink(self.outside, fuse),
            SimulatedStore(self.outside, fuse),
            Bystander(),
            checkpoint_ms=self.outside.shape.duration_ms,
            monotonic_ms=self.outside.now_ms,
        )
        ledgers = self.engine.restore(records, {TOPIC}) if records else []
        self.engine.pipeline.adopt_judgement(self.judgement)
        for ledger in ledgers:
            source.seek(ledger.source, ledger.rewind)
        self.engine.start(ledgers)
        quiet_turns = 0
        while quiet_turns < 3:
            self.operate()
            self._pass_time(self.rng.choice((0, 1, 10, 100, 700, 1_000, 40_000)))
            self.engine.turn(self.outside.now_ms)
            self._check_accounts()
            done = all(
                s in self.ledgers() and self.ledgers()[s].position == len(records)
                for s, records in self.outside.log.items()
            )
            quiet_turns = quiet_turns + 1 if done else 0
            fuse.burn()
        if self.setting.time_outs:
            patience_ms = self.windows.duration + self.windows.lateness + self.windows.idle_timeout
            for _ in range(10 + 4 * patience_ms // 1_000):  # pausing and resuming may start the patience anew
                self._pass_time(1_000)
                self.engine.turn(self.outside.now_ms)
                fuse.burn()
        else:
            self.engine.finish(self.outside.now_ms)
        self.engine.stop(self.outside.now_ms)
        self._check_accounts()

    def _pass_time(self, elapsed_ms: int) -> None:
        self.outside.now_ms += elapsed_ms

    def _check_accounts(self) -> None:
        """Hold every state's counts against the log, partition by partition, and their sum to the last event."""
        pipeline = self.engine.pipeline
        for source, ledger in pipeline.ledgers.items():
            truth = self.truth.partitions[source][ledger.position]
            assert (truth.read, truth.late) == (ledger.read, ledger.late)
            assert dict(truth.rejected) == {reason: n for reason, n in ledger.rejected.items() if n}
        accounts = accounts_of(pipeline.ledgers.values(), (s.merge.accounts for s in pipeline.shards))
        for topic, a in accounts.items():
            held = sum(shard.merge.pending_events()[topic] for shard in pipeline.shards)
            assert a.read == a.observed + sum(a.late.values()) + sum(a.rejected.values()) + a.pending
            assert a.pending >= held, "more events are held than are pending"

    def _pipeline(self) -> Pipeline:
        judgements = self.judgements()
        self.outside.judging = self.outside.judged
        kernel = kernel_in_use()
        return Pipeline(
            self.windows,
            self.book,
            judgements,
            lambda: SummariseStage(
                lambda source: kernel.make(source, TopicSettings(), self.windows, LimitSettings(), self.book.find),
                self.windows,
            ),
            lambda: self._shard(judgements),
            summarisers=self.setting.summarisers,
            shards=self.setting.shards,
        )

    def _shard(self, judgements: JudgementBook) -> Shard:
        return Shard(
            MergeStage(self.windows, LimitSettings(), self.book.by_id),
            DetectStage(judgements.detect_at, judgements.paging_at, self.book.by_id),
            IncidentStage(judgements.incidents_at, self.windows.duration),
        )
