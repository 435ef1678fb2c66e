"""A point in time by which something must be done."""

import time


class Deadline:
    """A time limit on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self, at_most: float = float("inf")) -> float:
        """Return the seconds left, never negative and at most ``at_most``."""
        return min(max(self._end - time.monotonic(), 0.0), at_most)

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end
