"""The order of the stages: summarise, parts channel, merge, detect, incidents.

Pure: no clock, broker or file. The daemon, a replay and the simulation all drive this very object.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from driftd.config.judgement import Judgement, JudgementBook
from driftd.detect.stage import DetectStage
from driftd.incidents.live import LiveStage
from driftd.incidents.stage import IncidentStage
from driftd.merge.stage import MergeStage
from driftd.references.book import ReferenceBook
from driftd.references.profile import Profile
from driftd.summarise.seam import Rejected
from driftd.summarise.stage import SummariseStage
from driftd.values.batch import Batch
from driftd.values.closed import Closing, Expired
from driftd.values.hashing import text_hash
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger, Part
from driftd.values.settings import WindowSettings
from driftd.values.verdict import DriftEvent, WindowVerdict


@dataclass(slots=True)
class Outcome:
    """What the closing of windows brought to light, in the order of event time."""

    verdicts: list[WindowVerdict] = field(default_factory=list)
    events: list[DriftEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.verdicts or self.events)

    def extend(self, other: "Outcome") -> None:
        """Append another outcome."""
        self.verdicts += other.verdicts
        self.events += other.events


@dataclass(slots=True)
class Shard:
    """Everything with a memory, for the models whose hash falls to this shard."""

    merge: MergeStage
    detect: DetectStage
    incidents: IncidentStage
    live: LiveStage = field(default_factory=LiveStage)

    def decide(self, closed: Sequence[Closing], pulse: Callable[[], None]) -> Outcome:
        """Take closed windows through detection and incidents; forget the monitors that expired.

        ``pulse`` is called after each window: a first one of a thousand columns may take seconds.
        """
        outcome = Outcome()
        for window in closed:
            if isinstance(window, Expired):
                self.detect.forget(window.monitor)
                self.live.forget(window.monitor)
                outcome.events += self.incidents.forget(window.monitor, window.at_ms)
                continue
            verdict = self.detect.observe(window)
            outcome.verdicts.append(verdict)
            outcome.events += self.incidents.observe(verdict)
            self.live.observe(window, self.incidents.settled_ms(window.monitor))
            pulse()
        return outcome


class Pipeline:
    """The stages in their order, and the parts channel between them.

    ``summarisers`` share the source partitions, ``shards`` the models; embedded mode has one of each. All
    that crosses from the one side to the other are the frozen types of values.part.
    """

    def __init__(
        self,
        windows: WindowSettings,
        book: ReferenceBook,
        judgements: JudgementBook,
        make_summariser: Callable[[], SummariseStage],
        make_shard: Callable[[], Shard],
        *,
        settings_ids: Mapping[str, str] | None = None,
        summarisers: int = 1,
        shards: int = 1,
    ) -> None:
        self.windows = windows
        self.book = book
        self.judgements = judgements
        self.settings_ids = dict(settings_ids or {})  # by topic: the hash of how its events are read
        self.topic_ids: dict[str, str] = {}  # by topic: which incarnation of it, where the source knows
        self.summarisers = [make_summariser() for _ in range(summarisers)]
        self.shards = [make_shard() for _ in range(shards)]
        self.ledgers: dict[SourcePartition, Ledger] = {}  # the newest of each source partition
        self.unread: tuple[Ledger, ...] = ()  # of topics that are not read now: kept for when they are again
        self.lateness_ms = windows.lateness  # the longest that any ledger's watermark may have been taken with
        self.rejected: list[Rejected] = []  # what had to be rejected of the batch read last, by offset
        self.pulse: Callable[[], None] = lambda: None  # whoever turns it can tell that it is at work
        self._reading: dict[SourcePartition, SummariseStage] = {}

    def start(self, ledgers: Iterable[Ledger], now_ms: int) -> None:
        """Take on source partitions: fresh ones at their start, known ones at their ledger's rewind."""
        for ledger in ledgers:
            self.ledgers[ledger.source] = ledger
            stage = self.summarisers[text_hash(str(ledger.source)) % len(self.summarisers)]
            stage.start(ledger)
            self._reading[ledger.source] = stage
            for shard in self.shards:
                shard.merge.expect([ledger.source], now_ms)

    def read(self, batch: Batch, now_ms: int) -> Outcome:
        """Take one batch through all stages; close what every partition has passed."""
        stage = self._reading[batch.source]
        outcome = Outcome()
        self.rejected = []
        for piece in stage.cut(batch):
            outcome.extend(self._send(*stage.read(piece), now_ms, recounted=stage.recounted))
            self.rejected += stage.rejected
        return outcome

    def gap(self, source: SourcePartition, expected: int, actual: int, now_ms: int) -> Outcome:
        """Take note that a partition's records from ``expected`` to ``actual`` - 1 are gone, before reading on.

        Windows that may lack them will be closed as incomplete. Events that were read already, and were to be
        summed again after a restart, count as late, reason ``gap``.
        """
        stage = self._reading[source]
        return self._send(*stage.gap(source, expected, actual), now_ms, recounted=stage.recounted)

    def tick(self, now_ms: int, unreachable: frozenset[SourcePartition] = frozenset()) -> Outcome:
        """Close what nobody is waited for any longer. A non-empty outcome must be in a snapshot first."""
        outcome = Outcome()
        for shard in self.shards:
            closed = shard.merge.close_timed_out(now_ms, unreachable)
            if closed:
                outcome.extend(shard.decide(closed, self.pulse))
        return outcome

    def finish(self, now_ms: int) -> Outcome:
        """Close every window: the input has ended."""
        outcome = self.flush(self._reading, now_ms)
        for shard in self.shards:
            outcome.extend(shard.decide(shard.merge.finish(), self.pulse))
        return outcome

    def flush(self, sources: Iterable[SourcePartition], now_ms: int) -> Outcome:
        """Send the parts of windows that are still open: of partitions that will not be waited for."""
        outcome = Outcome()
        for source in sorted(self._reading.keys() & sources):
            outcome.extend(self._send(*self._reading[source].flush(source), now_ms))
        return outcome

    def adopt(self, profiles: Iterable[Profile], accepted: Mapping[str, str] | None = None) -> int:
        """Put new references in force, and return from which window start: later than all read so far.

        ``accepted`` names those among them that were made of live data (references.book.ReferenceSet).
        """
        from_ms = self._next_window_ms()
        self.book.add(profiles, from_ms, accepted)
        return from_ms

    def adopt_judgement(self, judgement: Judgement) -> int | None:
        """Judge by other settings, and return from which window start: later than all read so far.

        None, and no effect, where they are the newest already.
        """
        if judgement == self.judgements.newest:
            return None
        from_ms = self._next_window_ms()
        self.judgements.add(judgement, from_ms)
        return from_ms

    def forget_references(self) -> None:
        """Drop the references that no window can need any more, neither one that is open nor one read again."""
        passed = [shard.merge.frontier_ms for shard in self.shards]
        passed += [ledger.watermark_ms for ledger in self.ledgers.values() if ledger.rewind < ledger.position]
        known = [at for at in passed if at is not None]
        if len(known) == len(passed):
            self.book.forget(min(known) // self.windows.duration * self.windows.duration)

    def forget_judgements(self) -> None:
        """Drop the judgements that no window can need any more: those before the last one to be closed by them."""
        passed = [shard.merge.frontier_ms for shard in self.shards]
        known = [at for at in passed if at is not None]
        if len(known) == len(passed):
            self.judgements.forget(min(known))

    def ahead(self, paused: frozenset[SourcePartition], now_ms: int) -> frozenset[SourcePartition]:
        """Return the source partitions to pause: further ahead than any shard can wait for."""
        return frozenset().union(*(shard.merge.ahead(paused, now_ms) for shard in self.shards))

    def rewinds(self) -> dict[SourcePartition, int]:
        """Return where reading must resume after a restart."""
        return {source: ledger.rewind for source, ledger in self.ledgers.items()}

    def _next_window_ms(self) -> int:
        """Return the first window start later than every event time read so far."""
        duration = self.windows.duration
        newest = [
            ledger.watermark_ms + self.lateness_ms
            for ledger in self.ledgers.values()
            if ledger.watermark_ms is not None
        ]
        return max(newest) // duration * duration + duration if newest else -(2**63)

    def _send(self, parts: Sequence[Part], ledger: Ledger, now_ms: int, *, recounted: bool = False) -> Outcome:
        """Send over the parts channel: parts to their model's shard, the ledger that ends the batch to all."""
        self.ledgers[ledger.source] = ledger
        outcome = Outcome()
        for number, shard in enumerate(self.shards):
            mine = parts if len(self.shards) == 1 else [p for p in parts if self._shard_of(p) == number]
            if recounted:
                shard.merge.recount(ledger.source, mine)
            shard.merge.receive(mine, ledger, now_ms)
            closed = shard.merge.close_passed()
            if closed:
                outcome.extend(shard.decide(closed, self.pulse))
        return outcome

    def _shard_of(self, part: Part) -> int:
        return text_hash(part.key.monitor.model) % len(self.shards)
