"""The order of the stages: summarise, parts channel, merge, detect, incidents.

Pure: no clock, broker or file. The daemon, a replay and the simulation all drive this very object.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from driftd.detect.stage import DetectStage
from driftd.incidents.stage import IncidentStage
from driftd.merge.stage import MergeStage
from driftd.references.book import ReferenceBook
from driftd.references.profile import Profile
from driftd.summarise.stage import SummariseStage
from driftd.values.batch import Batch
from driftd.values.closed import ClosedWindow
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

    def decide(self, closed: Sequence[ClosedWindow]) -> Outcome:
        """Take closed windows through detection and incidents."""
        outcome = Outcome()
        for window in closed:
            verdict = self.detect.observe(window)
            outcome.verdicts.append(verdict)
            outcome.events += self.incidents.observe(verdict)
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
        make_summariser: Callable[[], SummariseStage],
        make_shard: Callable[[], Shard],
        *,
        topic_ids: Mapping[str, str] | None = None,
        summarisers: int = 1,
        shards: int = 1,
    ) -> None:
        self.windows = windows
        self.book = book
        self.topic_ids = dict(topic_ids or {})  # by topic: the hash of how its events are read
        self.summarisers = [make_summariser() for _ in range(summarisers)]
        self.shards = [make_shard() for _ in range(shards)]
        self.ledgers: dict[SourcePartition, Ledger] = {}  # the newest of each source partition
        self.unread: tuple[Ledger, ...] = ()  # of topics that are not read now: kept for when they are again
        self._reading: set[SourcePartition] = set()

    def start(self, ledgers: Iterable[Ledger], now_ms: int) -> None:
        """Take on source partitions: fresh ones at their start, known ones at their ledger's rewind."""
        for ledger in ledgers:
            self.ledgers[ledger.source] = ledger
            self._reading.add(ledger.source)
            self._summariser(ledger.source).start(ledger)
            for shard in self.shards:
                shard.merge.expect([ledger.source], now_ms)

    def read(self, batch: Batch, now_ms: int) -> Outcome:
        """Take one batch through all stages; close what every partition has passed."""
        return self._send(*self._summariser(batch.source).read(batch), now_ms)

    def tick(self, now_ms: int, unreachable: frozenset[SourcePartition] = frozenset()) -> Outcome:
        """Close what nobody is waited for any longer. A non-empty outcome must be in a snapshot first."""
        outcome = Outcome()
        for shard in self.shards:
            closed = shard.merge.close_timed_out(now_ms, unreachable)
            if closed:
                outcome.extend(shard.decide(closed))
        return outcome

    def finish(self, now_ms: int) -> Outcome:
        """Close every window: the input has ended."""
        outcome = self.flush(self._reading, now_ms)
        for shard in self.shards:
            outcome.extend(shard.decide(shard.merge.finish()))
        return outcome

    def flush(self, sources: Iterable[SourcePartition], now_ms: int) -> Outcome:
        """Send the parts of windows that are still open: of partitions that will not be waited for."""
        outcome = Outcome()
        for source in sorted(self._reading.intersection(sources)):
            outcome.extend(self._send(*self._summariser(source).flush(source), now_ms))
        return outcome

    def adopt(self, profiles: Iterable[Profile]) -> int:
        """Put new references in force, and return from which window start: later than all read so far."""
        duration = self.windows.duration
        newest = [
            ledger.watermark_ms + self.windows.lateness
            for ledger in self.ledgers.values()
            if ledger.watermark_ms is not None
        ]
        from_ms = max(newest) // duration * duration + duration if newest else -(2**63)
        self.book.add(profiles, from_ms)
        return from_ms

    def forget_references(self) -> None:
        """Drop the references that no window can need any more, neither one that is open nor one read again."""
        passed = [shard.merge.frontier_ms for shard in self.shards]
        passed += [ledger.watermark_ms for ledger in self.ledgers.values() if ledger.rewind < ledger.position]
        known = [at for at in passed if at is not None]
        if len(known) == len(passed):
            self.book.forget(min(known) // self.windows.duration * self.windows.duration)

    def ahead(self, paused: frozenset[SourcePartition], now_ms: int) -> frozenset[SourcePartition]:
        """Return the source partitions to pause: further ahead than any shard can wait for."""
        return frozenset().union(*(shard.merge.ahead(paused, now_ms) for shard in self.shards))

    def rewinds(self) -> dict[SourcePartition, int]:
        """Return where reading must resume after a restart."""
        return {source: ledger.rewind for source, ledger in self.ledgers.items()}

    def _summariser(self, source: SourcePartition) -> SummariseStage:
        return self.summarisers[text_hash(str(source)) % len(self.summarisers)]

    def _send(self, parts: Sequence[Part], ledger: Ledger, now_ms: int) -> Outcome:
        """Send over the parts channel: parts to their model's shard, the ledger that ends the batch to all."""
        self.ledgers[ledger.source] = ledger
        outcome = Outcome()
        for number, shard in enumerate(self.shards):
            mine = parts if len(self.shards) == 1 else [p for p in parts if self._shard_of(p) == number]
            shard.merge.receive(mine, ledger, now_ms)
            closed = shard.merge.close_passed()
            if closed:
                outcome.extend(shard.decide(closed))
        return outcome

    def _shard_of(self, part: Part) -> int:
        return text_hash(part.key.monitor.model) % len(self.shards)
