"""When a window may close: what each source partition has passed, and for how long others are waited for.

Pure. Time-outs run on the ``now_ms`` handed in, an attentive clock: it advances only while the caller
keeps polling, so our own slowness is never taken for a partition's silence (architecture, section 4).
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.settings import WindowSettings


@dataclass(slots=True)
class _Partition:
    """What is known of one source partition. Only ``watermark_ms`` outlives the process."""

    watermark_ms: int | None = None
    accepted: int = 0  # events read and not rejected: a rise is a sign of life
    drained: bool = False
    paused: bool = False
    alive_at_ms: int = 0
    unreachable_since_ms: int | None = None


@dataclass(slots=True)
class Watermarks:
    """Follows the watermarks of all source partitions.

    Guarantees: ``passed`` depends on the ledgers alone; ``timed_out`` also on the clock, and is never
    less. Memory: one entry a partition, and one for each window boundary passed within idle_timeout.
    """

    windows: WindowSettings
    passed_ms: int | None = None  # the least watermark of all: every partition has passed it; None while one has none
    newest_ms: int | None = None  # the watermark of the partition furthest ahead
    _partitions: dict[SourcePartition, _Partition] = field(default_factory=dict)
    _newest: deque[tuple[int, int]] = field(default_factory=deque)  # (now_ms, boundary the newest had passed)

    def expect(self, sources: Iterable[SourcePartition], now_ms: int) -> None:
        """Wait for these partitions too, from now on."""
        for source in sources:
            self._partitions.setdefault(source, _Partition(alive_at_ms=now_ms))
        self.passed_ms = self._least_ms()

    def hear(self, ledger: Ledger, now_ms: int) -> None:
        """Take note of how far a partition has been read. An older ledger changes nothing."""
        if ledger.source not in self._partitions:
            self.expect([ledger.source], now_ms)
        partition = self._partitions[ledger.source]
        accepted = ledger.read - sum(ledger.rejected.values())
        if accepted > partition.accepted:
            partition.accepted, partition.alive_at_ms = accepted, now_ms
        partition.drained = ledger.drained
        known = partition.watermark_ms
        if ledger.watermark_ms is not None and (known is None or ledger.watermark_ms > known):
            partition.watermark_ms = ledger.watermark_ms
            if self.newest_ms is None or ledger.watermark_ms > self.newest_ms:
                self.newest_ms = ledger.watermark_ms
            if known == self.passed_ms:  # else somebody else holds it back
                self.passed_ms = self._least_ms()

    def note(self, now_ms: int, unreachable: frozenset[SourcePartition]) -> None:
        """Take note of the time, and of the partitions that have no leader at present.

        What cannot be reached is not silent: it may have news that nobody hears. Where none can be reached, it
        is we who are cut off: nothing is given up, since nothing comes from anywhere that a window could be
        closed for.
        """
        for source in unreachable & self._partitions.keys():
            self._partitions[source].alive_at_ms = now_ms
        if len(unreachable) >= len(self._partitions):
            unreachable = frozenset()
        for source, partition in self._partitions.items():
            if source not in unreachable:
                partition.unreachable_since_ms = None
            elif partition.unreachable_since_ms is None:
                partition.unreachable_since_ms = now_ms
        newest = self.newest_ms
        if newest is not None:
            boundary = newest // self.windows.duration * self.windows.duration
            if not self._newest or boundary > self._newest[-1][1]:
                self._newest.append((now_ms, boundary))
        while len(self._newest) > 1 and self._newest[1][0] <= now_ms - self.windows.idle_timeout:
            self._newest.popleft()

    def timed_out_ms(self, now_ms: int) -> int | None:
        """How far windows may close without the silent and the unreachable partitions."""
        if not self._newest or self._newest[0][0] > now_ms - self.windows.idle_timeout:
            return None
        limit = self._newest[0][1]
        for partition in self._partitions.values():
            if self._excused(partition, now_ms):
                continue
            if partition.watermark_ms is None:
                return None
            limit = min(limit, partition.watermark_ms)
        return limit

    def quiet(self, now_ms: int) -> bool:
        """Whether every partition is at its end and nothing has come for duration + lateness + idle_timeout."""
        patience = self.windows.duration + self.windows.lateness + self.windows.idle_timeout
        return bool(self._partitions) and all(
            self._silent(p, now_ms, patience) or self._given_up(p, now_ms) for p in self._partitions.values()
        )

    def incomplete(self, end_ms: int) -> bool:
        """Whether a window ending here, closed now, goes without a partition while another has passed it.

        A function of the watermarks alone, so that a replay of the same log says the same.
        """
        if any(p.unreachable_since_ms is not None for p in self._partitions.values()):
            return not self._all_passed(end_ms)
        newest = self.newest_ms
        return newest is not None and newest >= end_ms and not self._all_passed(end_ms)

    def ahead(
        self, frontier_ms: int | None, paused: frozenset[SourcePartition], now_ms: int
    ) -> frozenset[SourcePartition]:
        """Return the partitions to pause: more than max_ahead beyond the slowest that is waited for.

        A paused one resumes at half of that, since pausing throws away what was fetched ahead.
        """
        known = [p.watermark_ms for p in self._partitions.values() if p.watermark_ms is not None]
        if not known:
            return frozenset()
        floor = min(known) if frontier_ms is None else frontier_ms
        waited = [p for p in self._partitions.values() if not self._excused(p, now_ms)]
        base = min((floor if p.watermark_ms is None else p.watermark_ms for p in waited), default=max(known))
        chosen = frozenset(
            source
            for source, p in self._partitions.items()
            if p.watermark_ms is not None
            and p.watermark_ms - base > self.windows.max_ahead // (2 if source in paused else 1)
        )
        for source, p in self._partitions.items():
            if p.paused and source not in chosen:
                p.alive_at_ms = now_ms  # what came while we did not look is still to be read
            p.paused = source in chosen
        return chosen

    def restore(self, ledgers: Mapping[SourcePartition, Ledger], now_ms: int) -> None:
        """Take up the watermarks of a snapshot's ledgers; all waiting starts again."""
        for source, ledger in ledgers.items():
            accepted = ledger.read - sum(ledger.rejected.values())
            self._partitions[source] = _Partition(ledger.watermark_ms, accepted, alive_at_ms=now_ms)
        known = [p.watermark_ms for p in self._partitions.values() if p.watermark_ms is not None]
        self.newest_ms = max(known, default=None)
        self.passed_ms = self._least_ms()

    def _least_ms(self) -> int | None:
        least: int | None = None
        for partition in self._partitions.values():
            if partition.watermark_ms is None:
                return None
            least = partition.watermark_ms if least is None else min(least, partition.watermark_ms)
        return least

    def _all_passed(self, end_ms: int) -> bool:
        return all(p.watermark_ms is not None and p.watermark_ms >= end_ms for p in self._partitions.values())

    def _excused(self, partition: _Partition, now_ms: int) -> bool:
        return self._silent(partition, now_ms, self.windows.idle_timeout) or self._given_up(partition, now_ms)

    @staticmethod
    def _silent(partition: _Partition, now_ms: int, patience_ms: int) -> bool:
        return partition.drained and not partition.paused and now_ms - partition.alive_at_ms >= patience_ms

    def _given_up(self, partition: _Partition, now_ms: int) -> bool:
        since = partition.unreachable_since_ms
        return since is not None and now_ms - since >= self.windows.max_hold
