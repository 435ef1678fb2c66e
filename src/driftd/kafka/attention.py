"""How long each partition has given nothing while somebody was listening."""

from collections.abc import Collection

from driftd.values.keys import SourcePartition

_LONGEST_TURN_SECONDS = 1.0


class Attention:
    """A clock that advances with each turn of the loop, at most by a second: our own pauses are nobody's silence."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._turned_seconds: float | None = None
        self._heard: dict[SourcePartition, float] = {}

    def turn(self, monotonic_seconds: float) -> None:
        """Advance to a new reading of the monotonic clock."""
        if self._turned_seconds is not None:
            self.seconds += min(max(monotonic_seconds - self._turned_seconds, 0.0), _LONGEST_TURN_SECONDS)
        self._turned_seconds = monotonic_seconds

    def heard(self, source: SourcePartition) -> None:
        """Begin anew to wait for a partition."""
        self._heard[source] = self.seconds

    def silent(self, sources: Collection[SourcePartition], seconds: float) -> list[SourcePartition]:
        """Return which of these have given nothing for so long."""
        return [source for source in sorted(sources) if self.seconds - self._heard.get(source, 0.0) >= seconds]
