"""What the soak measures, and whether it stays as it is: between the quarters of a life, and from life to life."""

import bisect
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proc_figures import MB, memory_bytes

SETTLED_SECONDS = 20.0  # after a fault, before a window's latency is that of calm again


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the daemon. ``age`` is since the start of its process, ``at`` since that of the soak, in seconds."""

    at: float
    life: int
    age: float
    resident: int
    descriptors: int
    threads: int
    snapshot: int
    read: int
    lag: int
    pending: int


def look(pid: int) -> tuple[int, int, int]:
    """Return a process's resident memory in bytes, its open files and its threads."""
    proc = Path("/proc") / str(pid)
    descriptors, threads = (len(list((proc / folder).iterdir())) for folder in ("fd", "task"))
    return memory_bytes(pid)["VmRSS"], descriptors, threads


@dataclass(slots=True)
class Latencies:
    """From the moment at which a window may close until /metrics shows it closed, in seconds.

    A window may close when events later than its end by the lateness are acknowledged by the broker.
    """

    lateness_ms: int
    _written_at: list[float] = field(default_factory=list)
    _written_ms: list[int] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)
    closed: list[tuple[float, float]] = field(default_factory=list)  # when, latency

    def written(self, at: float, event_ms: int) -> None:
        """Take note of how far event time has come."""
        self._written_at.append(at)
        self._written_ms.append(event_ms)

    def shown(self, at: float, end_ms: int) -> None:
        """Take note that a window, by its end, is the newest one closed; the first time counts."""
        if end_ms in self._seen:
            return
        self._seen.add(end_ms)
        place = bisect.bisect_left(self._written_ms, end_ms + self.lateness_ms)
        if place < len(self._written_ms):
            self.closed.append((at, at - self._written_at[place]))

    def calm(self, faults: Sequence[float]) -> list[tuple[float, float]]:
        """Return those closed when no fault lay less than SETTLED_SECONDS back."""
        return [
            (at, seconds)
            for at, seconds in self.closed
            if not any(fault <= at < fault + SETTLED_SECONDS for fault in faults)
        ]


def quarter(values: Sequence[float], number: int) -> float:
    """Return the mean of a quarter (1 to 4) of the values."""
    size = len(values)
    return statistics.fmean(values[(number - 1) * size // 4 : number * size // 4])


def slope(points: Iterable[tuple[float, float]]) -> float:
    """Return how much y grows with x, by least squares; 0 for fewer than two points."""
    xs, ys = zip(*points, strict=True)
    return statistics.linear_regression(xs, ys).slope if len(set(xs)) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Life:
    """One process of the daemon."""

    number: int
    samples: tuple[Sample, ...]

    @property
    def seconds(self) -> float:
        """How old it was at its last sample."""
        return self.samples[-1].age

    @property
    def second_quarter_mb(self) -> float:
        """Resident memory."""
        return quarter([sample.resident for sample in self.samples], 2) / MB

    @property
    def last_quarter_mb(self) -> float:
        """Resident memory."""
        return quarter([sample.resident for sample in self.samples], 4) / MB

    @property
    def slope_mb(self) -> float:
        """Growth of resident memory per minute in the second half of its life."""
        half = self.samples[len(self.samples) // 2 :]
        return slope((sample.age / 60, sample.resident / MB) for sample in half)

    def at_age(self, seconds: float, figure: Callable[[Sample], int]) -> int:
        """Return a figure at an age."""
        return figure(min(self.samples, key=lambda sample: abs(sample.age - seconds)))


def lives(samples: Sequence[Sample], least: int = 8) -> list[Life]:
    """Return the lives that have enough samples to be judged."""
    numbers = sorted({sample.life for sample in samples})
    found = [Life(number, tuple(sample for sample in samples if sample.life == number)) for number in numbers]
    return [life for life in found if len(life.samples) >= least]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which so large a share lies; 0 if there is none."""
    ranked = sorted(values)
    return ranked[min(int(share * len(ranked)), len(ranked) - 1)] if ranked else 0.0
