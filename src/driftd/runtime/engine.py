"""The loop around the pipeline: in which order things are read, written and made known.

The order is what survives a crash, so it is the same object for the daemon and for the simulation, which
kills it between any two effects. Effects go through three ports: the source, the sink, the store.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from driftd.errors import SnapshotError
from driftd.runtime.lines import window_lines
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.runtime.records import restore, to_records
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State

LONGEST_TURN_MS = 1_000
MOST_LINES_WAITING = 10_000


class Discovery(NamedTuple):
    """What a look at the source's metadata showed: new partitions with their starts, and leaderless ones."""

    new: Mapping[SourcePartition, int]
    unreachable: frozenset[SourcePartition]


class Source(Protocol):
    """Where records come from."""

    def poll(self) -> list[Batch]:
        """Return what has come, in batches of one source partition each; wait for a short while at most."""
        ...

    def discover(self) -> Discovery:
        """Return newly found partitions (once each) and the unreachable ones; never waits long."""
        ...

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        """Pause exactly these partitions, and no others."""
        ...

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Tell the source how far has been read, for others to see."""
        ...


@dataclass(slots=True)
class Delivery:
    """Documents on their way out: drift events and window lines."""

    events: list[State] = field(default_factory=list)
    windows: list[State] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.windows)


class Sink(Protocol):
    """Where documents go."""

    wants_windows: bool

    def deliver(self, delivery: Delivery) -> None:
        """Write documents out; they have left the process when this returns."""
        ...


class Store(Protocol):
    """Where snapshots go."""

    def save(self, records: Mapping[str, State]) -> None:
        """Replace the snapshot, all or nothing. Raises SnapshotError."""
        ...


class Owner(Protocol):
    """Whoever turns the engine."""

    def witness(self, outcome: Outcome) -> None:
        """Take note of what came to light, before it is in any snapshot and before anybody is told."""
        ...

    def records(self) -> Mapping[str, State]:
        """Return what the owner wants to have in the snapshot, by names of its own."""
        ...

    def not_saved(self, error: SnapshotError) -> None:
        """Hear that a snapshot could not be saved; it is tried again at the next checkpoint."""
        ...


@dataclass(slots=True)
class AttentiveClock:
    """A clock that advances by at most one second a turn: our own pauses are nobody's silence."""

    monotonic_ms: int
    now_ms: int = 0

    def turn(self, monotonic_ms: int) -> int:
        """Advance to a new reading of the monotonic clock, and return the attentive time."""
        self.now_ms += min(max(monotonic_ms - self.monotonic_ms, 0), LONGEST_TURN_MS)
        self.monotonic_ms = monotonic_ms
        return self.now_ms

    def stand_still(self, monotonic_ms: int) -> int:
        """Let the time until this reading not count at all."""
        self.monotonic_ms = monotonic_ms
        return self.now_ms


class Engine:
    """Turns the pipeline.

    The order of effects, and why: what comes to light goes into the outbox; a snapshot with the outbox is
    saved; then the outbox is delivered; then positions are committed. So nothing is told that a restart
    could take back: a document that is repeated after a crash is the same to the byte. Drift events, and
    whatever was closed by a time-out, do not wait for the next regular checkpoint. While no snapshot can be
    saved nothing is delivered, and nothing more is read once something waits: the memory stays bounded.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: Source,
        sink: Sink,
        store: Store,
        owner: Owner,
        *,
        checkpoint_ms: int,
        monotonic_ms: int,
    ) -> None:
        self.pipeline = pipeline
        self.unreachable: frozenset[SourcePartition] = frozenset()
        self.paused: frozenset[SourcePartition] = frozenset()
        self._source = source
        self._sink = sink
        self._store = store
        self._owner = owner
        self._checkpoint_ms = checkpoint_ms
        self._clock = AttentiveClock(monotonic_ms)
        self._outbox = Delivery()
        self._saved_at_ms = monotonic_ms
        self._unsaved = False
        self._stuck = False  # the newest snapshot could not be saved
        self._known: dict[SourcePartition, Ledger] = {}  # restored, and not taken on yet

    def restore(self, records: Mapping[str, State], topics: Collection[str]) -> list[Ledger]:
        """Take up a snapshot: memory, then what it may not have delivered. Returns the ledgers of ``topics``."""
        ledgers = restore(self.pipeline, records, topics, self._clock.now_ms)
        self._known = {ledger.source: ledger for ledger in ledgers}
        self._outbox = Delivery(records["outbox"]["events"], records["outbox"]["windows"])
        self._deliver()
        return ledgers

    def start(self, ledgers: list[Ledger]) -> None:
        """Take on source partitions, each at its ledger."""
        for ledger in ledgers:
            self._known.pop(ledger.source, None)
        self.pipeline.start(ledgers, self._clock.now_ms)
        self._unsaved = True

    def turn(self, monotonic_ms: int) -> None:
        """Read what has come, decide, and checkpoint when it is time or when something must be told."""
        now_ms = self._clock.stand_still(monotonic_ms) if self._held_back else self._clock.turn(monotonic_ms)
        outcome = Outcome()
        for batch in self._source.poll():
            outcome.extend(self.pipeline.read(batch, now_ms))
            self._unsaved = True
        self._discover()
        outcome.extend(self.pipeline.flush(self.unreachable, now_ms))
        timed_out = self.pipeline.tick(now_ms, self.unreachable)
        outcome.extend(timed_out)
        self._take(outcome)
        self._pause(now_ms)
        due = monotonic_ms - self._saved_at_ms >= self._checkpoint_ms
        pressing = timed_out or outcome.events or len(self._outbox.windows) > MOST_LINES_WAITING
        if due or (pressing and not self._stuck):
            self.checkpoint(monotonic_ms)

    def finish(self, monotonic_ms: int) -> None:
        """Close every window: the input has ended."""
        self._take(self.pipeline.finish(self._clock.turn(monotonic_ms)))

    def checkpoint(self, monotonic_ms: int) -> None:
        """Save what is new, deliver what waits, then commit the positions saved.

        The commit is repeated when nothing is new: it also tells other instances that this one is alive.
        """
        self._saved_at_ms = monotonic_ms
        if self._unsaved and not self._save():
            return
        self._deliver()
        self._source.commit({source: ledger.position for source, ledger in self.pipeline.ledgers.items()})

    def changed(self) -> None:
        """Say that something in the owner's records or the references is new."""
        self._unsaved = True

    def stop(self, monotonic_ms: int) -> None:
        """Leave a snapshot behind that holds everything and has nothing left to deliver."""
        self.checkpoint(monotonic_ms)
        if self._unsaved and not self._stuck:
            self.checkpoint(monotonic_ms)

    @property
    def _held_back(self) -> bool:
        """Whether something waits that cannot be told: then nothing more is read."""
        return self._stuck and bool(self._outbox)

    def _take(self, outcome: Outcome) -> None:
        if not outcome:
            return
        self._owner.witness(outcome)
        self._outbox.events += [event.body for event in outcome.events]
        if self._sink.wants_windows:
            self._outbox.windows += [line for verdict in outcome.verdicts for line in window_lines(verdict)]
        self._unsaved = True

    def _save(self) -> bool:
        records = to_records(self.pipeline)
        records["outbox"] = {"events": self._outbox.events, "windows": self._outbox.windows}
        records.update(self._owner.records())
        try:
            self._store.save(records)
        except SnapshotError as error:
            self._stuck = True
            self._owner.not_saved(error)
            return False
        self._unsaved = self._stuck = False
        return True

    def _deliver(self) -> None:
        if self._outbox:
            self._sink.deliver(self._outbox)
            self._outbox = Delivery()
            self._unsaved = True  # the next snapshot no longer holds what is delivered now

    def _discover(self) -> None:
        discovery = self._source.discover()
        self.unreachable = discovery.unreachable
        if discovery.new:
            # one that had no leader at the restart is read from its first offset, and judged by its ledger
            found = sorted(discovery.new.items())
            self.start([self._known.get(source) or Ledger(source, start, start) for source, start in found])

    def _pause(self, now_ms: int) -> None:
        everything = frozenset(self.pipeline.ledgers)
        ahead = everything if self._held_back else self.pipeline.ahead(self.paused, now_ms)
        if ahead != self.paused:
            self._source.pause(ahead)
            self.paused = ahead
