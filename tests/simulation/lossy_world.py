"""A world for the pipeline alone: sources that lose records, and what must come of what is left."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from simulated_log import Log, SimulatedRecord

from driftd.config.judgement import JudgementBook, judgement_of
from driftd.config.model import Config
from driftd.detect.stage import DetectStage
from driftd.incidents.stage import IncidentStage
from driftd.merge.stage import MergeStage
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.profile import Profile
from driftd.runtime.accounts import accounts_of
from driftd.runtime.pipeline import Outcome, Pipeline, Shard
from driftd.runtime.records import restore, to_records
from driftd.snapshot.codec import decode, encode
from driftd.summarise.choice import kernel_in_use
from driftd.summarise.seam import Summariser
from driftd.summarise.settings import TopicSettings
from driftd.summarise.stage import SummariseStage
from driftd.values.batch import Batch, RecordTime
from driftd.values.keys import MonitorKey, Reason, SourcePartition
from driftd.values.part import Ledger
from driftd.values.verdict import DriftEvent, WindowVerdict
from driftd.values.view import TopicAccounts
from driftd.values.windows import Window, window_at

Summed = tuple[MonitorKey, Window]


@dataclass(slots=True)
class Reading:
    """What was read of one partition, judged event by event."""

    position: int = 0
    watermark_ms: int | None = None
    read: int = 0
    late: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)
    summed: dict[int, Summed] = field(default_factory=dict)  # by offset; those that were lost again are not in it
    lost: int = 0
    missed: list[Window] = field(default_factory=list)  # of events never read that would have been summed
    gaps: list[list[int | None]] = field(default_factory=list)  # [from, until], in event time

    def read_on(self, record: SimulatedRecord, windows: "Cut") -> None:
        """Judge the next record."""
        offset, self.position = self.position, self.position + 1
        self.read += 1
        if record.reason is not None:
            self.rejected[record.reason] += 1
        if record.event_ms is None or record.monitor is None or record.reason not in {None, Reason.NO_REFERENCE}:
            return
        window = window_at(record.event_ms, windows.duration_ms)
        late = self.watermark_ms is not None and window.end_ms <= self.watermark_ms
        if self.gaps and self.gaps[-1][1] is None and not late:
            self.gaps[-1][1] = record.event_ms + windows.lateness_ms
        if record.reason is None and late:
            self.late += 1
        elif record.reason is None:
            self.summed[offset] = (record.monitor, window)
        newest_ms = record.event_ms - windows.lateness_ms
        self.watermark_ms = newest_ms if self.watermark_ms is None else max(self.watermark_ms, newest_ms)

    def lose(self, standing: int, actual: int, records: Sequence[SimulatedRecord], windows: "Cut") -> None:
        """Lose the records from ``standing`` on; what lay in windows that have passed was handed on before."""
        for offset in range(standing, min(actual, self.position)):
            if offset in self.summed and self._is_open(self.summed[offset][1]):
                del self.summed[offset]
                self.lost += 1
        until_ms = None
        if actual <= self.position:
            assert self.watermark_ms is not None, "only what moved the watermark is read again"
            until_ms = self.watermark_ms + windows.lateness_ms
        self.gaps.append([self.watermark_ms, until_ms])
        if len(self.gaps) > 1 and self.gaps[-2][1] is None:
            self.gaps[-2:] = [[self.gaps[-2][0], None]]
        for record in records[self.position : actual]:
            if record.reason is None and record.event_ms is not None:
                window = window_at(record.event_ms, windows.duration_ms)
                self.missed += [window] if self._is_open(window) else []
        self.position = max(self.position, actual)

    def _is_open(self, window: Window) -> bool:
        return self.watermark_ms is None or window.end_ms > self.watermark_ms

    def may_lack(self, window: Window) -> bool:
        """Say whether a window may lack records of this partition."""
        return any(
            (from_ms is None or window.end_ms > from_ms) and (until_ms is None or window.start_ms <= until_ms)
            for from_ms, until_ms in self.gaps
        )


@dataclass(frozen=True, slots=True)
class Cut:
    """How event time is cut."""

    duration_ms: int
    lateness_ms: int


@dataclass(slots=True)
class History:
    """What has happened, as far as a snapshot knows it: a kill takes back what came after."""

    readings: dict[SourcePartition, Reading]
    verdicts: list[WindowVerdict] = field(default_factory=list)
    events: list[DriftEvent] = field(default_factory=list)

    def take(self, outcome: Outcome) -> None:
        """Take note of what came to light."""
        self.verdicts += outcome.verdicts
        self.events += outcome.events


@dataclass(frozen=True, slots=True)
class Ways:
    """What may happen on the way, and how often; the rest is drawn from the seed."""

    kills: int = 0
    losses: float = 0.0  # chance of a turn that a partition's oldest records go
    time_outs: bool = False
    shards: int = 1


class LossyWorld:
    """Drives pipeline after pipeline over one log to its end; asserts the accounts after every turn."""

    def __init__(self, log: Log, config: Config, profiles: Iterable[Profile], seed: object, ways: Ways) -> None:
        self.log = log
        self.config = config
        self.profiles = tuple(profiles)
        self.ways = ways
        self.rng = random.Random(f"lossy {seed}")
        self.cut = Cut(config.windows.duration, config.windows.lateness)
        self.first = dict.fromkeys(log, 0)  # the oldest offset that the source still has
        self.now_ms = 0
        self.kills = 0
        self.snapshot: bytes | None = None
        self.saved = History({source: Reading() for source in log})
        self.history = self.saved
        self.pipeline: Pipeline
        self._standing: dict[SourcePartition, int] = {}

    def run(self) -> None:
        """Run to the end of the log."""
        while True:
            self._begin()
            if self._live():
                return

    def accounts(self) -> TopicAccounts:
        """Return the accounts of the only topic."""
        merges = (shard.merge.accounts for shard in self.pipeline.shards)
        return next(iter(accounts_of(self.pipeline.ledgers.values(), merges).values()))

    def closed(self) -> dict[Summed, WindowVerdict]:
        """Return the windows that were closed; each was closed once."""
        found = {(verdict.monitor, verdict.window): verdict for verdict in self.history.verdicts}
        assert len(found) == len(self.history.verdicts), "a window was closed twice"
        return found

    def falls_behind(self, window: Window) -> bool:
        """Say whether a partition ended before a window that another one has passed: it closed with the input."""
        watermarks = [reading.watermark_ms for reading in self.history.readings.values()]
        passed = [watermark is not None and watermark >= window.end_ms for watermark in watermarks]
        return any(passed) and not all(passed)

    def _begin(self) -> None:
        self.history = deepcopy(self.saved)
        self.pipeline = self._pipeline()
        ledgers = [Ledger(source, 0, 0) for source in sorted(self.log)]
        if self.snapshot is not None:
            records = decode(self.snapshot, "simulation")
            ledgers = restore(self.pipeline, records, {ledgers[0].source.topic}, self.now_ms)
        self.pipeline.start(ledgers, self.now_ms)
        self._standing = {ledger.source: ledger.rewind for ledger in ledgers}

    def _live(self) -> bool:
        """Turn until the log is read and all is closed; return False if the process was killed before."""
        while True:
            if self._at_end():
                break
            self._turn()
            self._check()
            if self.rng.random() < 0.25:
                self._save()
            elif self.kills < self.ways.kills and self.rng.random() < 0.1:
                self.kills += 1
                return False
        self.history.take(self.pipeline.finish(self.now_ms))
        self._check()
        self._save()
        return True

    def _at_end(self) -> bool:
        return all(self._standing[source] == len(records) for source, records in self.log.items())

    def _turn(self) -> None:
        left = [source for source, records in sorted(self.log.items()) if self._standing[source] < len(records)]
        source = self.rng.choice(left)
        if self.rng.random() < self.ways.losses:
            reach = min(len(self.log[source]), self._reach(source))
            self.first[source] = self.rng.randint(self.first[source], max(self.first[source], reach))
        self._meet_gap(source)
        self._read(source)
        if self.ways.time_outs:
            for _ in range(self.rng.choice((1, 1, 8))):
                self.now_ms += self.rng.choice((0, 100, 2_000))
                self.history.take(self.pipeline.tick(self.now_ms))

    def _reach(self, source: SourcePartition) -> int:
        """How far a source may lose records: beyond what was read before, now and then."""
        return self.history.readings[source].position + self.rng.choice((0, 0, 5))

    def _meet_gap(self, source: SourcePartition) -> None:
        standing, first = self._standing[source], self.first[source]
        if first <= standing:
            return
        self.history.readings[source].lose(standing, first, self.log[source], self.cut)
        self.history.take(self.pipeline.gap(source, standing, first, self.now_ms))
        self._standing[source] = first

    def _read(self, source: SourcePartition) -> None:
        records, reading = self.log[source], self.history.readings[source]
        start = self._standing[source]
        stop = min(len(records), start + self.rng.choice((1, 3, 10, 50)))
        self._standing[source] = stop
        read = records[start:stop]
        drained = stop == len(records) or self.rng.random() < 0.3
        batch = Batch(
            source=source,
            position=stop,
            offsets=range(start, stop),
            values=[record.value for record in read],
            timestamps_ms=[record.timestamp_ms for record in read],
            record_time=RecordTime.CREATE,
            drained=drained,
        )
        for record in records[max(start, reading.position) : stop]:
            reading.read_on(record, self.cut)
        self.history.take(self.pipeline.read(batch, self.now_ms))

    def _save(self) -> None:
        self.snapshot = encode(to_records(self.pipeline), "simulation")
        self.saved = deepcopy(self.history)

    def _check(self) -> None:
        """Hold every partition's counts against what was read of it, and their sum to the last event."""
        for source, ledger in self.pipeline.ledgers.items():
            reading = self.history.readings[source]
            assert (reading.position, reading.read) == (ledger.position, ledger.read)
            if not self._limited():
                assert reading.late == ledger.late
                assert +reading.rejected == Counter(ledger.rejected)
        a = self.accounts()
        held = sum(shard.merge.pending_events().total() for shard in self.pipeline.shards)
        assert a.read == a.observed + sum(a.late.values()) + sum(a.rejected.values()) + a.pending
        assert a.pending >= held, "more events are held than are pending"
        assert min((*a.late.values(), *a.rejected.values()), default=0) >= 0
        assert sum(verdict.events for verdict in self.history.verdicts) == a.observed

    def _limited(self) -> bool:
        return self.config.limits.monitors < 1_000

    def _pipeline(self) -> Pipeline:
        config, windows = self.config, self.config.windows
        book = ReferenceBook([ReferenceSet(None, self.profiles)])
        judgements = JudgementBook(judgement_of(config))

        kernel = kernel_in_use()

        def summariser(source: SourcePartition) -> Summariser:
            return kernel.make(source, TopicSettings(), windows, config.limits, book.find)

        def shard() -> Shard:
            return Shard(
                MergeStage(windows, config.limits, book.by_id),
                DetectStage(judgements.detect_at, judgements.paging_at, book.by_id),
                IncidentStage(judgements.incidents_at, windows.duration),
            )

        return Pipeline(
            windows,
            book,
            judgements,
            lambda: SummariseStage(summariser, windows),
            shard,
            settings_ids={source.topic: "simulated" for source in self.log},
            shards=self.ways.shards,
        )
