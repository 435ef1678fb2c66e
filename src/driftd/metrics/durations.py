"""The histogram of checkpoint durations: the one metric with a memory between scrapes."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from math import fsum
from threading import Lock

from driftd.values.view import CheckpointView

#: Name, labels and value.
HistogramSample = tuple[str, dict[str, str], float]


class CheckpointDurations:
    """Adds up the durations of checkpoints from picture to picture; safe in several threads.

    A picture holds the newest durations only: those that none of the scraped pictures held are not in
    the histogram. ``bounds`` are the buckets' inclusive upper bounds in seconds, rising.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._seconds = 0.0
        self._checkpoints = 0  # that were looked at
        self._lock = Lock()

    def add(self, checkpoint: CheckpointView) -> None:
        """Add the checkpoints of a picture that are newer than those of the last one."""
        with self._lock:
            newer = checkpoint.count - self._checkpoints
            if newer <= 0:  # another thread was faster with a later picture
                return
            self._checkpoints = checkpoint.count
            durations = checkpoint.durations_seconds[-newer:]
            for seconds in durations:
                self._counts[bisect_left(self._bounds, seconds)] += 1
            self._seconds = fsum((self._seconds, *durations))

    def samples(self, name: str) -> Iterator[HistogramSample]:
        """Yield name, labels and value of each sample of the histogram."""
        with self._lock:
            counts, seconds = list(accumulate(self._counts)), self._seconds
        for bound, count in zip((*map(str, self._bounds), "+Inf"), counts, strict=True):
            yield f"{name}_bucket", {"le": bound}, count
        yield f"{name}_count", {}, counts[-1]
        yield f"{name}_sum", {}, seconds
