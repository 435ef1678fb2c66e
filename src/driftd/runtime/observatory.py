"""What the outside sees of the daemon: the newest picture, published whole by the loop between its turns."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from structlog.typing import FilteringBoundLogger

from driftd.errors import DataError, RecordUnreadable, SnapshotError
from driftd.incidents.settings import IncidentSettings
from driftd.metrics.settings import Export
from driftd.references.book import ReferenceBook
from driftd.references.profile import Profile
from driftd.runtime.accounts import accounts_of, of_this_process
from driftd.runtime.clock import Clock
from driftd.runtime.effects import Lost
from driftd.runtime.misfit import misfit
from driftd.runtime.pictures import FIRING, Pictures, Tally
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.values.keys import MonitorKey, SourcePartition
from driftd.values.state import State
from driftd.values.view import (
    CheckpointView,
    DaemonView,
    DeadLettersView,
    DeliveryView,
    PartitionView,
    ReloadView,
    TopicAccounts,
)

HEALTHY_MS = 30_000
MISFITS_KEPT = 10_000
PICTURE_MS = 100  # a picture is never older while the loop turns
PAGING = "paging"  # name of the snapshot record


@dataclass(slots=True)
class Board:
    """Holds the newest picture: the loop replaces it, the HTTP threads only read it."""

    clock: Clock
    book: ReferenceBook = field(default_factory=lambda: ReferenceBook([]))
    view: DaemonView = field(default_factory=DaemonView)
    export: Export = Export()  # noqa: RUF009 -- a frozen tuple: which series there are
    turned_ms: int | None = None  # monotonic
    trouble: tuple[str, ...] = ()  # what the last session failed of, until another one has begun

    def healthy(self) -> bool:
        """Tell whether the loop turns; before its first turn the daemon is starting, which is healthy."""
        return self.turned_ms is None or self.clock.monotonic_ms() - self.turned_ms < HEALTHY_MS

    def profile_of(self, reference_id: str) -> Profile | None:
        """Return a profile in force by its id."""
        return self.book.by_id(reference_id)

    def not_ready(self, *reasons: str) -> None:
        """Say why the daemon is not ready; what the last session failed of is said with it."""
        self.view = replace(self.view, not_ready=(*reasons, *self.trouble))

    def hide_monitors(self) -> None:
        """Show no monitors until the next picture."""
        self.view = replace(self.view, monitors=())

    def alive(self) -> None:
        """Note that the loop turns, although there is nothing new to show."""
        self.turned_ms = self.clock.monotonic_ms()

    def reloaded(self, failure: str | None) -> None:
        """Show what became of an attempt to load the configuration."""
        former = self.view.reload
        fresh = ReloadView(self.clock.wall_ms()) if failure is None else replace(former, failure=failure)
        self.view = replace(self.view, reload=fresh)


@dataclass(slots=True)
class Totals:
    """What is counted from the start of the process, over sessions that ended in order."""

    at_start: Mapping[str, TopicAccounts] | None = None  # what the snapshot had counted before; None: not known yet
    tallies: dict[MonitorKey, Tally] = field(default_factory=dict)
    checkpoint: CheckpointView = field(default_factory=CheckpointView)
    gap_records: Counter[SourcePartition] = field(default_factory=Counter)

    def anew(self) -> "Totals":
        """Return those for a session that begins from the snapshot again, after one that failed."""
        return Totals(checkpoint=self.checkpoint, gap_records=self.gap_records)


class Observatory:
    """The engine's owner: takes note of what comes to light, and publishes pictures of it.

    ``restored`` are the records of the snapshot, None without one. ``totals`` are fresh, or those of a session
    that ended with that very snapshot: they go on.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        board: Board,
        incidents_of: Callable[[str], IncidentSettings],
        restored: Mapping[str, State] | None,
        log: FilteringBoundLogger,
        *,
        totals: Totals | None = None,
    ) -> None:
        self.totals = totals or Totals()
        self._pipeline = pipeline
        self._board = board
        pipeline.pulse = board.alive  # many windows that close together are no sign of a loop that hangs
        self._incidents_of = incidents_of
        self._pictures = Pictures(pipeline, self.totals.tallies)
        self._log = log
        self._misfits: set[tuple[MonitorKey, str]] = set()  # told already
        self._news = True  # whether anything came to light since the last picture
        self._readiness: object = None  # what the last picture's followed from
        if restored is not None:
            self._pictures.paging = set(restored[PAGING]["incidents"])

    def started(self) -> None:
        """Take what the snapshot had counted as zero, unless counting goes on."""
        if self.totals.at_start is None:
            self.totals.at_start = self._accounts()

    def witness(self, outcome: Outcome) -> None:
        """Take note of what came to light; decide which new incidents are young enough to page."""
        self._news = True
        self._tell(outcome)
        found_ms = self._board.clock.wall_ms()
        pages = {
            event.body["data"]["incident"]
            for event in outcome.events
            if event.type == FIRING and self._incidents_of(event.monitor.model).pages(event.time_ms, found_ms)
        }
        self._pictures.update(outcome, pages)

    def _tell(self, outcome: Outcome) -> None:
        """Log incidents, and references that do not fit."""
        for event in outcome.events:
            data = event.body["data"]
            self._log.info(
                "incident",
                change=event.type.split(".")[-2],
                incident=data["incident"],
                monitor=str(event.monitor),
                suspects=[suspect["column"] for suspect in data["suspects"]],
            )
        for verdict in outcome.verdicts:
            told = (verdict.monitor, verdict.reference_id)
            found = misfit(verdict) if told not in self._misfits else None
            if found is not None:
                if len(self._misfits) > MISFITS_KEPT:  # versions come from input: what was told is told again then
                    self._misfits.clear()
                self._misfits.add(told)
                self._log.error(
                    "reference does not fit the traffic",
                    monitor=str(verdict.monitor),
                    reference=verdict.reference_id,
                    reason=found.explanation,
                )

    def renew(self) -> None:
        """Take every picture anew: the references have changed, and no window has told of it."""
        self._news = True
        self._pictures.renew()

    def missed(self, lost: Lost, unread: int) -> None:
        """Count and log records that were gone before they were read."""
        self.totals.gap_records[lost.source] += unread
        self._log.error(
            "records lost",
            partition=str(lost.source),
            first=lost.expected,
            records=lost.actual - lost.expected,
            never_read=unread,
        )

    def records(self) -> Mapping[str, State]:
        """Return what must survive a restart: which incidents page."""
        return {PAGING: {"incidents": sorted(self._pictures.paging)}}

    def not_saved(self, error: SnapshotError) -> None:
        """Count and log a snapshot that could not be saved."""
        former = self.totals.checkpoint
        self.totals.checkpoint = replace(former, failures=former.failures + 1)
        self._log.error("snapshot not saved", reason=str(error))

    def not_written(self, error: DataError) -> None:
        """Log documents that could not be written to a file."""
        self._log.error("documents not written", reason=str(error))

    def outdated(self, unreachable: frozenset[SourcePartition], references: tuple[int, int]) -> bool:
        """Tell whether a picture is due: something came to light, readiness may be another, or the last one is old."""
        turned_ms = self._board.turned_ms
        return (
            self._news
            or (unreachable, references) != self._readiness
            or turned_ms is None
            or self._board.clock.monotonic_ms() - turned_ms >= PICTURE_MS
        )

    def publish(
        self,
        *,
        lag: Mapping[SourcePartition, int | None],
        paused: frozenset[SourcePartition],
        unreachable: frozenset[SourcePartition],
        unreadable: Sequence[RecordUnreadable] = (),
        references: tuple[int, int],
        delivery: tuple[DeliveryView, ...] = (),
        dead_letters: DeadLettersView | None = None,
    ) -> None:
        """Publish a new picture. Raises AssertionError if an event was counted twice."""
        clock = self._board.clock
        topics = of_this_process(self._accounts(), self.totals.at_start or {})
        waiting = sum((shard.merge.pending_events() for shard in self._pipeline.shards), Counter[str]())
        for topic, accounts in topics.items():  # what was read is at least what was counted and what waits
            twice = waiting[topic] - accounts.pending
            assert twice <= 0, f"{topic}: {twice} events were counted twice"
        self._board.view = DaemonView(
            monitors=self._pictures.monitors(),
            topics=topics,
            partitions=tuple(
                PartitionView(
                    source=source,
                    position=ledger.position,
                    lag=lag.get(source),
                    watermark_ms=ledger.watermark_ms,
                    paused=source in paused,
                    unreachable=source in unreachable,
                    gap_records=self.totals.gap_records[source],
                )
                for source, ledger in sorted(self._pipeline.ledgers.items())
            ),
            checkpoint=self.totals.checkpoint,
            not_ready=self._not_ready(unreachable, unreadable, references[0]),
            loop_turned_ms=clock.wall_ms(),
            references_loaded=references[0],
            references_failed=references[1],
            reload=self._board.view.reload,
            delivery=delivery,
            dead_letters=dead_letters,
        )
        self._board.turned_ms = clock.monotonic_ms()
        self._news, self._readiness = False, (unreachable, references)

    def _not_ready(
        self, unreachable: frozenset[SourcePartition], unreadable: Sequence[RecordUnreadable], references: int
    ) -> tuple[str, ...]:
        reasons = []
        if not self._pipeline.ledgers:
            reasons.append("no partition is assigned")
        elif unreachable >= self._pipeline.ledgers.keys():
            reasons += map(str, unreadable) if unreadable else ["no broker can be reached"]
        if not references:
            reasons.append("no reference profile is loaded: see references.directory")
        return tuple(reasons)

    def _accounts(self) -> dict[str, TopicAccounts]:
        merges = (shard.merge.accounts for shard in self._pipeline.shards)
        return accounts_of(self._pipeline.ledgers.values(), merges)
