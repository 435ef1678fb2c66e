"""How far each channel of a window is from the reference, in the channel's own unit."""

from driftd.detect.baseline import Baseline
from driftd.detect.observed import RATES, Observed
from driftd.values.keys import Channel


def moves(observed: Observed, psi: float, baseline: Baseline) -> dict[Channel, float]:
    """Return the move of the mean of u, the PSI less its part due to chance, and the moves of the rates.

    ``psi`` is the window's. Channels without observations are left out.
    """
    moved: dict[Channel, float] = {}
    if observed.valid:
        location = float((observed.counts * baseline.ranks[Channel.LOCATION]).sum()) / observed.valid
        moved[Channel.LOCATION] = location - baseline.levels[Channel.LOCATION].mean
        moved[Channel.SHAPE] = psi - baseline.chance_psi(observed.valid)
    if observed.n:
        for channel in RATES:
            moved[channel] = observed.rate_count(channel) / observed.n - baseline.levels[channel].mean
    return moved
