"""The loop around the pipeline: in which order things are read, written and made known.

The order is what survives a crash, so it is the same object for the daemon and for the simulation, which
kills it between any two effects. Effects go through three ports: the source, the sink, the store.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from driftd.errors import DataError, SnapshotError
from driftd.runtime.effects import Letters, Lost, NoLetters, Owner, Source, Store
from driftd.runtime.lines import window_lines
from driftd.runtime.outbox import Outbox, Sink
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.runtime.records import restore, to_records
from driftd.values.delivery import Destination
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State

LONGEST_TURN_MS = 1_000


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
        destinations: Iterable[Destination] = (),
        backlog: int = 10_000,
        letters: Letters | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.outbox = Outbox(sink, destinations, backlog)
        self.unreachable: frozenset[SourcePartition] = frozenset()
        self.paused: frozenset[SourcePartition] = frozenset()
        self._source = source
        self._store = store
        self._owner = owner
        self.letters = letters or NoLetters()
        self._checkpoint_ms = checkpoint_ms
        self._clock = AttentiveClock(monotonic_ms)
        self._saved_at_ms = monotonic_ms
        self._unsaved = False
        self._stuck = False  # the newest snapshot could not be saved
        self._refused = False  # the sink did not take what it was given last
        self._known: dict[SourcePartition, Ledger] = {}  # restored, and not taken on yet

    def restore(self, records: Mapping[str, State], topics: Collection[str]) -> list[Ledger]:
        """Take up a snapshot: memory, then what it may not have delivered. Returns the ledgers of ``topics``."""
        ledgers = restore(self.pipeline, records, topics, self._clock.now_ms)
        self._known = {ledger.source: ledger for ledger in ledgers}
        self.outbox.restore(records["outbox"])
        self.letters.restore(records.get("dead_letters", {}))
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
        outcome = self._read(now_ms)
        self._unsaved |= self.letters.poll()
        outcome.extend(self._discover(now_ms))
        outcome.extend(self.pipeline.flush(self.unreachable, now_ms))
        timed_out = self.pipeline.tick(now_ms, self.unreachable)
        outcome.extend(timed_out)
        self._take(outcome)
        self._pause(now_ms)
        due = monotonic_ms - self._saved_at_ms >= self._checkpoint_ms
        pressing = timed_out or outcome.events or (self.outbox.full and not self._refused)
        if due or (pressing and not self._stuck):
            self.checkpoint(monotonic_ms)
        elif self.outbox.offer():
            self._unsaved = True

    def finish(self, monotonic_ms: int) -> None:
        """Close every window: the input has ended."""
        self._take(self.pipeline.finish(self._clock.turn(monotonic_ms)))

    def checkpoint(self, monotonic_ms: int) -> bool:
        """Save what is new, deliver what waits, then commit the positions saved.

        The commit is repeated when nothing is new: it also tells other instances that this one is alive.
        Returns whether everything was saved; if not, nothing else was done.
        """
        self._saved_at_ms = monotonic_ms
        if self._unsaved and not self._save():
            return False
        self._deliver()
        self._source.commit({source: ledger.position for source, ledger in self.pipeline.ledgers.items()})
        return True

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
        return (self._stuck and self.outbox.unsaved) or self.outbox.full

    def _read(self, now_ms: int) -> Outcome:
        """Take what has come through the stages, and what has to be known of gaps before it."""
        outcome = Outcome()
        batches = self._source.poll()
        for lost in self._source.take_gaps():
            outcome.extend(self._miss(lost, now_ms))
        for batch in batches:
            unread = self.letters.resume(batch)
            if unread is not None:
                outcome.extend(self.pipeline.read(unread, now_ms))
                self.letters.take(unread, self.pipeline.rejected)
            self._unsaved = True
        return outcome

    def _take(self, outcome: Outcome) -> None:
        if not outcome:
            return
        self._owner.witness(outcome)
        wanted = outcome.verdicts if self.outbox.wants_windows else []
        self.outbox.add(
            [event.body for event in outcome.events], [line for verdict in wanted for line in window_lines(verdict)]
        )
        self._unsaved = True

    def _save(self) -> bool:
        records = to_records(self.pipeline)
        records["outbox"] = self.outbox.to_state()
        records["dead_letters"] = self.letters.to_state()
        records.update(self._owner.records())
        try:
            self._store.save(records)
        except SnapshotError as error:
            self._stuck = True
            self._owner.not_saved(error)
            return False
        self.outbox.saved()
        self._unsaved = self._stuck = False
        return True

    def _deliver(self) -> None:
        """Deliver what is saved; the next snapshot no longer holds what is delivered now."""
        try:
            if self.outbox.write():
                self._unsaved = True
            self._refused = False
        except DataError as error:
            self._refused = True
            self._owner.not_written(error)
        if self.outbox.offer():
            self._unsaved = True

    def _discover(self, now_ms: int) -> Outcome:
        """Take on new partitions; one that had no leader at the restart is judged by its ledger."""
        discovery = self._source.discover()
        self.unreachable = discovery.unreachable
        outcome = Outcome()
        for source, first in sorted(discovery.new.items()):
            ledger = self._known.get(source) or Ledger(source, first, first)
            self.start([ledger])
            if first > ledger.rewind:
                outcome.extend(self._miss(Lost(source, ledger.rewind, first), now_ms))
        return outcome

    def _miss(self, lost: Lost, now_ms: int) -> Outcome:
        """Have everybody know of a gap. What was read before, and cannot be read again, the pipeline accounts for."""
        position = self.pipeline.ledgers[lost.source].position
        self._owner.missed(lost, max(lost.actual - max(lost.expected, position), 0))
        self._unsaved = True
        return self.pipeline.gap(lost.source, lost.expected, lost.actual, now_ms)

    def _pause(self, now_ms: int) -> None:
        ahead = frozenset(self.pipeline.ledgers) if self._held_back else self.pipeline.ahead(self.paused, now_ms)
        if ahead != self.paused:
            self._source.pause(ahead)
            self.paused = ahead
