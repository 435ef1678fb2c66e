"""The merge stage: window parts and ledgers in, closed windows out, in the order of event time."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from driftd.merge.carry import Carry, Unseen, merge_unseen
from driftd.merge.pending import Pending
from driftd.merge.watermarks import Watermarks
from driftd.references.profile import Profile
from driftd.values.closed import ClosedWindow, SourceSpan
from driftd.values.keys import MonitorKey, SourcePartition
from driftd.values.layout import sums_from_bytes
from driftd.values.part import Ledger, Part
from driftd.values.settings import LimitSettings, WindowSettings
from driftd.values.state import State
from driftd.values.windows import Window


@dataclass(slots=True)
class Accounts:
    """Where the events of each topic went after summarising, cumulative over restarts."""

    observed: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)  # came for a closed window
    over_limit: Counter[str] = field(default_factory=Counter)  # of monitors beyond the limits


class MergeStage:
    """Closes windows once every source partition has passed them, or cannot be waited for any longer.

    Guarantees: what is closed by ``close_passed`` follows from parts and ledgers alone, in whatever order
    and how often they arrive; windows close in the order of event time, monitors in that of their keys.
    """

    def __init__(
        self, windows: WindowSettings, limits: LimitSettings, profile_of: Callable[[str], Profile | None]
    ) -> None:
        self.windows = windows
        self.limits = limits
        self.accounts = Accounts()
        self.frontier_ms: int | None = None  # every window ending at or before it is closed
        self.ledgers: dict[SourcePartition, Ledger] = {}
        self._profile_of = profile_of
        self._watermarks = Watermarks(windows)
        self._pending = Pending()
        self._carry: dict[MonitorKey, Carry] = {}
        self._monitors: set[MonitorKey] = set()

    @property
    def monitors(self) -> frozenset[MonitorKey]:
        """The monitors seen so far."""
        return frozenset(self._monitors)

    def expect(self, sources: Iterable[SourcePartition], now_ms: int) -> None:
        """Wait for these source partitions before any window closes."""
        self._watermarks.expect(sources, now_ms)

    def receive(self, parts: Sequence[Part], ledger: Ledger, now_ms: int) -> None:
        """Take in what one batch of one source partition yielded. Repeats and older ledgers are harmless."""
        for part in parts:
            late = self._pending.receive(part, self.frontier_ms)
            if late is not None:
                self.accounts.late[late.topic] += late.events
        self._watermarks.hear(ledger, now_ms)
        known = self.ledgers.get(ledger.source)
        if known is None or ledger.position >= known.position:
            self.ledgers[ledger.source] = ledger
            if ledger.watermark_ms is not None:
                self._pending.passed(ledger.source, ledger.watermark_ms)

    def forget_open(self, source: SourcePartition) -> None:
        """Drop what a partition has handed on of windows it has not passed: it is about to hand it on again.

        For a partition whose events are read otherwise than before, after a restart.
        """
        self._pending.forget_open(source, self.ledgers[source].watermark_ms)

    def close_passed(self) -> list[ClosedWindow]:
        """Close the windows that every source partition has passed."""
        return self._close(self._watermarks.passed_ms)

    def close_timed_out(self, now_ms: int, unreachable: frozenset[SourcePartition]) -> list[ClosedWindow]:
        """Close the windows that nobody is waited for any longer.

        This depends on the clock: it must be in a snapshot before any effect of it is seen outside.
        """
        self._watermarks.note(now_ms, unreachable)
        if self._watermarks.quiet(now_ms):
            return self.finish()
        return self._close(self._watermarks.timed_out_ms(now_ms))

    def finish(self) -> list[ClosedWindow]:
        """Close every window: the input has ended, or all of it is read and quiet."""
        ends = [window.end_ms for window in self._pending.windows()]
        newest = self._watermarks.newest_ms
        return self._close(max(ends if newest is None else [*ends, newest], default=None))

    def ahead(self, paused: frozenset[SourcePartition], now_ms: int) -> frozenset[SourcePartition]:
        """Return the source partitions that should be paused now."""
        return self._watermarks.ahead(self.frontier_ms, paused, now_ms)

    def pending_events(self) -> Counter[str]:
        """Return the number of events in parts of open windows, by topic."""
        return self._pending.events()

    def to_state(self) -> State:
        """Return all memory but the waiting times: those start anew after a restart."""
        return {
            "frontier_ms": self.frontier_ms,
            "pending": self._pending.to_state(),
            "accounts": {
                "observed": dict(sorted(self.accounts.observed.items())),
                "late": dict(sorted(self.accounts.late.items())),
                "over_limit": dict(sorted(self.accounts.over_limit.items())),
            },
            "monitors": [[list(key), self._carry[key].to_state()] for key in sorted(self._carry)],
        }

    def restore(self, state: State, ledgers: Iterable[Ledger], now_ms: int) -> None:
        """Take the memory back."""
        self.frontier_ms = state["frontier_ms"]
        self._pending.restore(state["pending"])
        accounts = state["accounts"]
        self.accounts = Accounts(
            Counter(accounts["observed"]), Counter(accounts["late"]), Counter(accounts["over_limit"])
        )
        for key, carry in state["monitors"]:
            self._carry[MonitorKey(*key)] = Carry.from_state(carry)
        self._monitors = set(self._carry)
        self.ledgers = {ledger.source: ledger for ledger in ledgers}
        self._watermarks.restore(self.ledgers, now_ms)

    def _close(self, until_ms: int | None) -> list[ClosedWindow]:
        if until_ms is None:
            return []
        until_ms = until_ms // self.windows.duration * self.windows.duration
        if self.frontier_ms is not None and until_ms <= self.frontier_ms:
            return []
        closed: list[ClosedWindow] = []
        for window in self._pending.windows():
            if window.end_ms > until_ms:
                break
            closed += self._close_window(window)
        self.frontier_ms = until_ms
        return closed

    def _close_window(self, window: Window) -> list[ClosedWindow]:
        incomplete = self._watermarks.incomplete(window.end_ms)
        watermarks = {source: ledger.watermark_ms for source, ledger in self.ledgers.items()}
        closed: list[ClosedWindow] = []
        for (monitor, _), parts in self._pending.close(window, watermarks).items():
            if not self._admit(monitor):
                for part in parts:
                    self.accounts.over_limit[part.key.source.topic] += part.events
                continue
            closed.append(self._sum(monitor, window, parts, incomplete=incomplete))
        return closed

    def _sum(self, monitor: MonitorKey, window: Window, parts: Sequence[Part], *, incomplete: bool) -> ClosedWindow:
        first = parts[0]
        profile = self._profile_of(first.reference_id)
        if profile is None:  # the book keeps every reference that an open window can need
            raise LookupError(f"reference {first.reference_id} of {monitor} is not known")
        sums = sums_from_bytes(first.sums)
        unseen: Unseen = first.unseen
        for part in parts[1:]:
            sums = sums + sums_from_bytes(part.sums)
            unseen = merge_unseen(unseen, part.unseen)
        for part in parts:
            self.accounts.observed[part.key.source.topic] += part.events
        carry = self._carry.get(monitor)
        if carry is None or carry.reference_id != first.reference_id:
            carry = self._carry[monitor] = Carry(first.reference_id)
        release = carry.release(
            window,
            profile.layout,
            sums,
            unseen,
            min_observations=self.windows.min_observations,
            max_span_ms=self.windows.max_span,
        )
        return ClosedWindow(
            monitor=monitor,
            window=window,
            reference_id=first.reference_id,
            summary_id=first.key.summary_id,
            events=sum(part.events for part in parts),
            newest_ms=max(part.newest_ms for part in parts),
            incomplete=incomplete,
            sources=tuple(SourceSpan(*part.key.source, part.first_offset, part.last_offset) for part in parts),
            columns=release.columns,
            starved=release.starved,
        )

    def _admit(self, monitor: MonitorKey) -> bool:
        if monitor in self._monitors:
            return True
        models = {known.model for known in self._monitors}
        if len(self._monitors) >= self.limits.monitors:
            return False
        if monitor.model not in models and len(models) >= self.limits.models:
            return False
        self._monitors.add(monitor)
        return True
