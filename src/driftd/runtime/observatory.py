"""What the outside sees of the daemon: the newest picture, published whole after each turn of the loop."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from structlog.typing import FilteringBoundLogger

from driftd.errors import SnapshotError
from driftd.incidents.settings import IncidentSettings
from driftd.references.book import ReferenceBook
from driftd.references.profile import Profile
from driftd.runtime.accounts import accounts_of, of_this_process
from driftd.runtime.clock import Clock
from driftd.runtime.misfit import misfit
from driftd.runtime.pictures import FIRING, Pictures
from driftd.runtime.pipeline import Outcome, Pipeline
from driftd.values.keys import MonitorKey, SourcePartition
from driftd.values.state import State
from driftd.values.view import CheckpointView, DaemonView, PartitionView, TopicAccounts

HEALTHY_MS = 30_000
PAGING = "paging"  # name of the snapshot record


@dataclass(slots=True)
class Board:
    """Holds the newest picture: the loop replaces it, the HTTP threads only read it."""

    clock: Clock
    book: ReferenceBook = field(default_factory=lambda: ReferenceBook([]))
    view: DaemonView = field(default_factory=DaemonView)
    turned_ms: int | None = None  # monotonic

    def healthy(self) -> bool:
        """Tell whether the loop turns; before its first turn the daemon is starting, which is healthy."""
        return self.turned_ms is None or self.clock.monotonic_ms() - self.turned_ms < HEALTHY_MS

    def profile_of(self, reference_id: str) -> Profile | None:
        """Return a profile in force by its id."""
        return self.book.by_id(reference_id)

    def not_ready(self, *reasons: str) -> None:
        """Say why the daemon is not ready."""
        self.view = replace(self.view, not_ready=reasons)


class Observatory:
    """The engine's owner: takes note of what comes to light, and publishes pictures of it.

    ``restored`` are the records of the snapshot, None without one. Totals count from there on.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        board: Board,
        incidents_of: Callable[[str], IncidentSettings],
        restored: Mapping[str, State] | None,
        log: FilteringBoundLogger,
    ) -> None:
        self.checkpoint = CheckpointView()
        self._pipeline = pipeline
        self._board = board
        self._incidents_of = incidents_of
        self._pictures = Pictures(pipeline)
        self._at_start: Mapping[str, TopicAccounts] = {}
        self._log = log
        self._misfits: set[tuple[MonitorKey, str]] = set()  # told already
        if restored is not None:
            self._pictures.paging = set(restored[PAGING]["incidents"])

    def started(self) -> None:
        """Take what the snapshot had counted as the zero of this process."""
        self._at_start = self._accounts()

    def witness(self, outcome: Outcome) -> None:
        """Take note of what came to light; decide which new incidents are young enough to page."""
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
                self._misfits.add(told)
                self._log.error(
                    "reference does not fit the traffic",
                    monitor=str(verdict.monitor),
                    reference=verdict.reference_id,
                    reason=found.explanation,
                )

    def records(self) -> Mapping[str, State]:
        """Return what must survive a restart: which incidents page."""
        return {PAGING: {"incidents": sorted(self._pictures.paging)}}

    def not_saved(self, error: SnapshotError) -> None:
        """Count and log a snapshot that could not be saved."""
        self.checkpoint = replace(self.checkpoint, failures=self.checkpoint.failures + 1)
        self._log.error("snapshot not saved", reason=str(error))

    def publish(
        self,
        *,
        lag: Mapping[SourcePartition, int | None],
        paused: frozenset[SourcePartition],
        unreachable: frozenset[SourcePartition],
        references: tuple[int, int],
    ) -> None:
        """Publish a new picture. Raises AssertionError if an event was counted twice."""
        clock = self._board.clock
        topics = of_this_process(self._accounts(), self._at_start)
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
                )
                for source, ledger in sorted(self._pipeline.ledgers.items())
            ),
            checkpoint=self.checkpoint,
            not_ready=self._not_ready(unreachable, references[0]),
            loop_turned_ms=clock.wall_ms(),
            references_loaded=references[0],
            references_failed=references[1],
        )
        self._board.turned_ms = clock.monotonic_ms()

    def _not_ready(self, unreachable: frozenset[SourcePartition], references: int) -> tuple[str, ...]:
        reasons = []
        if not self._pipeline.ledgers:
            reasons.append("no partition is assigned")
        elif unreachable >= self._pipeline.ledgers.keys():
            reasons.append("no broker can be reached")
        if not references:
            reasons.append("no reference profile is loaded: see references.directory")
        return tuple(reasons)

    def _accounts(self) -> dict[str, TopicAccounts]:
        merges = (shard.merge.accounts for shard in self._pipeline.shards)
        return accounts_of(self._pipeline.ledgers.values(), merges)
