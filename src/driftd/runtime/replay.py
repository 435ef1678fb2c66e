"""A replay: the very same stages over data that end, as fast as they go."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from driftd.config.model import Config
from driftd.references.book import ReferenceBook
from driftd.runtime.accounts import accounts_of
from driftd.runtime.backtest.findings import Told, injections_told, last_row
from driftd.runtime.backtest.injected import InjectedEvents
from driftd.runtime.backtest.page_rate import BudgetVerdict, PageRate, overall, together
from driftd.runtime.build import build_pipeline
from driftd.runtime.lines import window_lines
from driftd.runtime.observatory import PAGING
from driftd.runtime.outbox import Delivery, Sink
from driftd.runtime.pictures import FIRING
from driftd.runtime.pipeline import Outcome
from driftd.runtime.records import to_records
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch
from driftd.values.keys import Reason, SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State

TURN_MS = 1_000  # what a turn counts for where waiting is concerned: an ended partition is not waited for long


@dataclass(slots=True)
class Tally:
    """What a replay has seen so far. Data are clean before row ``clean_before``; None: all of them."""

    clean_before: int | None = None
    windows: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))  # by model: their ends
    touched: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))  # those not clean
    detections: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    pages: list[State] = field(default_factory=list)
    clean_pages: Counter[str] = field(default_factory=Counter)  # by model
    told: list[Told] = field(default_factory=list)  # kept where something was injected

    def add(self, outcome: Outcome) -> None:
        """Count what came to light."""
        for verdict in outcome.verdicts:
            self.windows[verdict.monitor.model].add(verdict.window.end_ms)
            if not self._clean(span.last_offset for span in verdict.sources):
                self.touched[verdict.monitor.model].add(verdict.window.end_ms)
            for column in verdict.columns:
                self.detections[str(column.key)].update(d.detector for d in column.detections)
        for event in outcome.events:
            if self.clean_before is not None:
                self.told.append(Told.of(event))
            if event.type == FIRING:
                self.pages.append(_page(event.body["data"]))
                self.clean_pages[event.monitor.model] += self._clean([last_row(event)])

    def _clean(self, rows: Iterable[int]) -> bool:
        return self.clean_before is None or all(row < self.clean_before for row in rows)


class Replay:
    """Takes batches through all stages, delivers what comes to light, and sums it up.

    Batches come from one or more source partitions that end; there is no clock and no snapshot, so the same
    batches give the same documents. ``injected`` are the events that the batches hold, where something was put
    into them.
    """

    def __init__(
        self,
        config: Config,
        topics: dict[str, TopicSettings],
        book: ReferenceBook,
        sink: Sink,
        injected: InjectedEvents | None = None,
    ) -> None:
        self.pipeline = build_pipeline(config, topics, book)
        self._config = config
        self._sink = sink
        self._injected = injected
        self._tally = Tally(injected.first_row if injected is not None else None)
        self._now_ms = 0

    def start(self, starts: dict[SourcePartition, int]) -> None:
        """Take on the partitions, each at its first offset."""
        self.pipeline.start([Ledger(source, at, at) for source, at in sorted(starts.items())], self._now_ms)

    def feed(self, batches: Iterable[Batch]) -> None:
        """Take in some batches; of partitions that have ended nothing is waited for."""
        self._now_ms += TURN_MS
        for batch in batches:
            self._take(self.pipeline.read(batch, self._now_ms))
        self._take(self.pipeline.tick(self._now_ms))

    def ahead(self, paused: frozenset[SourcePartition]) -> frozenset[SourcePartition]:
        """Return the partitions that should wait for the others."""
        return self.pipeline.ahead(paused, self._now_ms)

    def finish(self) -> None:
        """Close every window: all has been read."""
        self._take(self.pipeline.finish(self._now_ms))

    def records(self) -> dict[str, State]:
        """Return the snapshot of a daemon that has read these events as they came: each incident found at once."""
        delivered: dict[str, State] = {"outbox": {"events": [], "windows": [], "waiting": {}}, "dead_letters": {}}
        return to_records(self.pipeline) | delivered | {PAGING: {"incidents": sorted(self._shown())}}

    def summary(self) -> State:
        """Return the sum of it all: the document that ``--json`` prints."""
        merges = (shard.merge.accounts for shard in self.pipeline.shards)
        accounts = list(accounts_of(self.pipeline.ledgers.values(), merges).values())
        return {
            "rows": sum(a.read for a in accounts),
            "events": sum(a.observed for a in accounts),
            "late": sum(sum(a.late.values()) for a in accounts),
            "rejected": {str(r): n for r in Reason if (n := sum(a.rejected.get(r, 0) for a in accounts))},
            "windows": sum(map(len, self._tally.windows.values())),
            "detections": {
                column: dict(sorted(counts.items()))
                for column, counts in sorted(self._tally.detections.items())
                if counts
            },
            "pages": len(self._tally.pages),
            "budget": str(self._config.incidents.budget),
            **self._against_budget(),
            "incidents": self._tally.pages,
            **self._injections(),
        }

    def _against_budget(self) -> State:
        """Hold the pages of the clean data against the budgets, together and for each model."""
        tally = self._tally
        windows = {model: len(ends - tally.touched[model]) for model, ends in sorted(tally.windows.items())}
        rates: dict[str, PageRate] = {}
        for model, count in windows.items():
            budget = self._config.incidents_of(model).budget
            horizons = budget.horizons(count, self._config.windows.duration)
            rates[model] = PageRate(tally.clean_pages[model], horizons, budget.pages * horizons)
        verdict = overall(rates.values())
        return {
            **_rate_told(together(rates.values())),
            "budget_verdict": str(verdict),
            "over_budget": verdict is BudgetVerdict.OVER,
            "clean": {"windows": sum(windows.values()), "pages": sum(rate.pages for rate in rates.values())},
            "models": {
                model: {
                    "windows": windows[model],
                    "pages": rate.pages,
                    "budget": str(self._config.incidents_of(model).budget),
                    **_rate_told(rate),
                    "over_budget": rate.verdict(len(rates)) is BudgetVerdict.OVER,
                }
                for model, rate in rates.items()
            },
        }

    def _injections(self) -> State:
        return {} if self._injected is None else {"injections": injections_told(self._tally.told, self._injected)}

    def _shown(self) -> set[str]:
        """Return the incidents that are open or ended a short time ago."""
        return {
            incident.id
            for shard in self.pipeline.shards
            if shard.merge.frontier_ms is not None
            for key in shard.incidents.monitors
            for incident in shard.incidents.incidents(key, shard.merge.frontier_ms)
        }

    def _take(self, outcome: Outcome) -> None:
        if not outcome:
            return
        self._tally.add(outcome)
        told = outcome.verdicts if self._sink.wants_windows else []
        lines = [line for verdict in told for line in window_lines(verdict)]
        self._sink.deliver(Delivery([event.body for event in outcome.events], lines))


def replay_all(replay: Replay, batches: Iterable[Batch], progress: Callable[[int], None]) -> None:
    """Feed one batch after the other, telling how many records are done, and finish."""
    for batch in batches:
        replay.feed([batch])
        progress(len(batch.offsets))
    replay.finish()


def _rate_told(rate: PageRate) -> State:
    per_horizon, interval = rate.per_horizon, rate.interval
    return {
        "pages_per_horizon": None if per_horizon is None else round(per_horizon, 6),
        "pages_per_horizon_interval": None if interval is None else [round(bound, 6) for bound in interval],
        "horizons": round(rate.horizons, 6),
        "allowed": round(rate.allowed, 6),
    }


def _page(data: State) -> State:
    return {
        "incident": data["incident"],
        "monitor": data["monitor"],
        "time": data["window"]["end"],
        "onset": data["onset"]["time"],
        "last_offset": data["window"].get("last_offset"),
        "suspects": [suspect["column"] for suspect in data["suspects"]],
    }
