"""How far the reference's own windows were from the reference as a whole.

Training rows in time order show what is usual: a season, a slow wander. What the training itself did for
several windows running is no news when serving does it again.
"""

from collections.abc import Iterator, Mapping, Sequence

from driftd.detect.baseline import Baseline
from driftd.detect.distances import psi_terms
from driftd.detect.moves import moves
from driftd.detect.observed import Observed
from driftd.detect.settings import GrossSettings
from driftd.values.keys import Channel

#: With fewer windows the reference is too short to show what is usual.
INFORMATIVE_WINDOWS = 10


def own_levels(baseline: Baseline, settings: GrossSettings) -> Mapping[Channel, float] | None:
    """Return by how much each channel was off for ``settings.windows`` windows running, at most; None: not known.

    Windows are the profile's blocks, joined until they hold ``settings.min_observations`` rows, as windows
    with few events are. Both directions count, each by itself.
    """
    if not baseline.calibrated:
        return None
    windows = [
        moves(observed, float(psi_terms(observed.counts, baseline.counts).sum()), baseline)
        for observed in _joined(baseline, settings.min_observations)
    ]
    if len(windows) < INFORMATIVE_WINDOWS:
        return None
    channels = {channel for window in windows for channel in window}
    return {
        channel: _reached([window.get(channel, 0.0) for window in windows], settings.windows) for channel in channels
    }


def _joined(baseline: Baseline, least: int) -> Iterator[Observed]:
    joined: Observed | None = None
    for window, _, _ in baseline.windows():
        if joined is not None:
            header = tuple(one + other for one, other in zip(joined.header, window.header, strict=True))
            window = Observed(header, joined.counts + window.counts)  # noqa: PLW2901 -- it has grown
        joined = window if window.n < least else None
        if joined is None:
            yield window


def _reached(moved: Sequence[float], running: int) -> float:
    """Return the largest move that ``running`` windows in a row all reached in one direction."""
    runs = [moved[at : at + running] for at in range(len(moved) - running + 1)]
    return max([0.0, *(min(run) for run in runs), *(-max(run) for run in runs)])
