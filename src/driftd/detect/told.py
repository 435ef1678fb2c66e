"""What a column's page has told already: a drift is judged against the level it has come to, until it ends.

Without this a drift that lasts would page again: by another channel, by a slower detector, or by a level
that is crossed to and fro (statistics, section 5: an incident's own columns are judged against the level
that they have moved to).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from driftd.detect.baseline import Baseline
from driftd.detect.recent import MEANS, Recent, beyond_chance, mean_since
from driftd.detect.settings import GrossSettings
from driftd.values.keys import Channel
from driftd.values.state import State

#: A drift has ended when so many windows running show nothing of it.
CALM_WINDOWS = 12


@dataclass(frozen=True, slots=True)
class Told:
    """A drift that has been paged: the start of the window that did, and how far each channel's mean had moved."""

    window_ms: int
    levels: Mapping[Channel, float]

    def gross_again(
        self, off: Iterable[Channel], windows: Sequence[Recent], baseline: Baseline, gross: GrossSettings
    ) -> bool:
        """Tell whether a channel that is grossly off has moved grossly once more, from the level told."""
        newest = list(windows)[-gross.windows :]
        for channel in off:
            if channel is Channel.SHAPE:
                told = self.levels[channel]  # a PSI grows faster than the move, and so does its noise
                moved = min(window.shape for window in newest) - max(told, 1.5 * told - gross.psi)
            else:
                moved = abs(mean_since(newest, channel, newest[0].start_ms, baseline) - self.levels[channel])
            if moved >= gross.level(channel):
                return True
        return False

    def ended(self, windows: Sequence[Recent], baseline: Baseline) -> bool:
        """Tell whether every channel's mean over the newest windows is the reference's again."""
        newest = list(windows)[-CALM_WINDOWS:]
        return (
            len(newest) == CALM_WINDOWS
            and newest[0].start_ms >= self.window_ms
            and not any(beyond_chance(newest, channel, self.levels[channel], baseline) for channel in MEANS)
        )

    def to_state(self) -> State:
        """Return what is remembered."""
        return {"window_ms": self.window_ms, "levels": {c.value: level for c, level in sorted(self.levels.items())}}


def told_from(state: State | None) -> Told | None:
    """Take back what ``to_state`` gave."""
    if state is None:
        return None
    return Told(state["window_ms"], {Channel(name): level for name, level in state["levels"].items()})


def tell(windows: Sequence[Recent], onset_ms: int, baseline: Baseline) -> Told:
    """Remember a drift with this onset that the newest window pages."""
    levels = {channel: mean_since(windows, channel, onset_ms, baseline) for channel in MEANS}
    return Told(windows[-1].start_ms, {**levels, Channel.SHAPE: windows[-1].shape})
