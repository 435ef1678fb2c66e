"""The merge stage: window parts and ledgers in, closed windows and expired monitors out, by event time."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from driftd.merge.carry import Carry
from driftd.merge.gaps import Gaps
from driftd.merge.pending import Pending
from driftd.merge.roster import Roster, Seat
from driftd.merge.watermarks import Watermarks
from driftd.references.profile import Profile
from driftd.values.closed import ClosedWindow, Closing, SourceSpan
from driftd.values.keys import MonitorKey, SourcePartition
from driftd.values.layout import sums_from_bytes, sums_to_bytes
from driftd.values.part import Ledger, Part, Unseen, merge_unseen
from driftd.values.settings import LimitSettings, WindowSettings
from driftd.values.state import State
from driftd.values.windows import Window, window_at

Groups = Mapping[tuple[MonitorKey, str], list[Part]]


@dataclass(slots=True)
class Accounts:
    """Where the events of each topic went after summarising, cumulative over restarts."""

    observed: Counter[str] = field(default_factory=Counter)
    late: Counter[str] = field(default_factory=Counter)  # came for a closed window
    over_limit: Counter[str] = field(default_factory=Counter)  # of monitors beyond the limits
    kept: Counter[str] = field(default_factory=Counter)  # counted before a ledger told them lost


class MergeStage:
    """Closes windows once every source partition has passed them, or cannot be waited for any longer.

    Guarantees: what is closed by ``close_passed`` follows from parts and ledgers alone, in whatever order
    and how often they arrive; windows close in the order of event time, monitors in that of their keys, and
    between them monitors expire (merge.roster). ``limits`` count what this stage watches: with several shards,
    each has its own.
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
        self._carry: dict[MonitorKey, Carry] = {}  # of each watched monitor
        self._roster = Roster(limits, windows.duration)
        self._gaps = Gaps()

    @property
    def monitors(self) -> frozenset[MonitorKey]:
        """The monitors that are watched."""
        return self._roster.monitors

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
            self._gaps.hear(ledger)
            if ledger.watermark_ms is not None:
                self._pending.passed(ledger.source, ledger.watermark_ms)

    def recount(self, source: SourcePartition, parts: Sequence[Part]) -> None:
        """Take note that these parts are all that a partition has in windows it has not passed, after re-reading.

        To be told before they are received. What it handed on before of open windows is dropped; what was
        counted of it in closed windows and is gone now counts as kept: the ledger counts it as lost.
        """
        known = self.ledgers[source]
        kept = self._pending.recount(source, known.watermark_ms, parts)
        if kept and known.open_events is not None:  # else the ledger does not know what is lost
            self.accounts.kept[source.topic] += kept

    def forget_open(self, source: SourcePartition) -> None:
        """Drop what a partition has handed on of windows it has not passed: it is about to hand it on again.

        For a partition whose events are read otherwise than before, after a restart.
        """
        self._pending.forget_open(source, self.ledgers[source].watermark_ms)

    def close_passed(self) -> list[Closing]:
        """Close the windows that every source partition has passed."""
        return self._close(self._watermarks.passed_ms)

    def close_timed_out(self, now_ms: int, unreachable: frozenset[SourcePartition]) -> list[Closing]:
        """Close the windows that nobody is waited for any longer.

        This depends on the clock: it must be in a snapshot before any effect of it is seen outside.
        """
        self._watermarks.note(now_ms, unreachable)
        if self._watermarks.quiet(now_ms):
            return self.finish()
        return self._close(self._watermarks.timed_out_ms(now_ms))

    def finish(self) -> list[Closing]:
        """Close every window: the input has ended, or all of it is read and quiet.

        Event time then has come to the end of the newest event's window, whatever model it is of.
        """
        ends = [window.end_ms for window in self._pending.windows()]
        newest = self._watermarks.newest_ms
        if newest is not None:
            ends.append(window_at(newest + self.windows.lateness, self.windows.duration).end_ms)
        return self._close(max(ends, default=None))

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
                "kept": dict(sorted(self.accounts.kept.items())),
            },
            "monitors": [
                {"key": list(key), "newest_ms": seat.newest_ms, "own": seat.own, "carry": self._carry[key].to_state()}
                for key, seat in self._roster.seats()
            ],
            **self._gaps.to_state(),
        }

    def restore(self, state: State, ledgers: Iterable[Ledger], now_ms: int) -> None:
        """Take the memory back."""
        self.frontier_ms = state["frontier_ms"]
        self._pending.restore(state["pending"])
        accounts = state["accounts"]
        self.accounts = Accounts(*(Counter(accounts[name]) for name in ("observed", "late", "over_limit", "kept")))
        for item in state["monitors"]:
            self._carry[MonitorKey(*item["key"])] = Carry.from_state(item["carry"])
        self._roster.restore(
            (MonitorKey(*item["key"]), Seat(item["newest_ms"], item["own"])) for item in state["monitors"]
        )
        self._gaps.restore(state)
        self.ledgers = {ledger.source: ledger for ledger in ledgers}
        self._watermarks.restore(self.ledgers, now_ms)

    def _close(self, until_ms: int | None) -> list[Closing]:
        if until_ms is None:
            return []
        until_ms = until_ms // self.windows.duration * self.windows.duration
        if self.frontier_ms is not None and until_ms <= self.frontier_ms:
            return []
        closed: list[Closing] = []
        for window in self._pending.windows():
            if window.end_ms > until_ms:
                break
            closed += self._expire(window.end_ms)
            closed += self._close_window(window)
        closed += self._expire(until_ms)
        self.frontier_ms = until_ms
        self._gaps.forget(until_ms)
        return closed

    def _expire(self, until_ms: int) -> list[Closing]:
        expired = self._roster.expire(until_ms)
        for one in expired:
            del self._carry[one.monitor]
        return [*expired]

    def _close_window(self, window: Window) -> list[Closing]:
        incomplete = self._watermarks.incomplete(window.end_ms) or self._gaps.cover(window)
        watermarks = {source: ledger.watermark_ms for source, ledger in self.ledgers.items()}
        groups = self._pending.close(window, watermarks)
        profiles = self._profiles(groups)
        closed: list[Closing] = []
        for made_room in self._roster.seat(_own(groups, profiles), window.end_ms):
            del self._carry[made_room.monitor]
            closed.append(made_room)
        for (monitor, _), parts in groups.items():
            if monitor in self._roster:
                profile = profiles[parts[0].reference_id]
                closed.append(self._sum(monitor, window, parts, profile, incomplete=incomplete))
            else:
                for part in parts:
                    self.accounts.over_limit[part.key.source.topic] += part.events
        return closed

    def _profiles(self, groups: Groups) -> dict[str, Profile]:
        profiles: dict[str, Profile] = {}
        for (monitor, _), parts in groups.items():
            reference_id = parts[0].reference_id
            if reference_id not in profiles:
                profile = self._profile_of(reference_id)
                if profile is None:  # the book keeps every reference that an open window can need
                    raise LookupError(f"reference {reference_id} of {monitor} is not known")
                profiles[reference_id] = profile
        return profiles

    def _sum(
        self, monitor: MonitorKey, window: Window, parts: Sequence[Part], profile: Profile, *, incomplete: bool
    ) -> ClosedWindow:
        first = parts[0]
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
            sums=first.sums if len(parts) == 1 else sums_to_bytes(sums),
            unseen=unseen,
        )


def _own(groups: Groups, profiles: Mapping[str, Profile]) -> dict[MonitorKey, bool]:
    """Tell for each monitor whether it is held against its own version's profile, or a borrowed one."""
    own = {}
    for (monitor, _), parts in groups.items():
        profile = profiles[parts[0].reference_id]
        own[monitor] = (profile.model, profile.version_or_none) == (monitor.model, monitor.version)
    return own
