"""How far the reference's own windows were from the reference as a whole.

Training rows in time order show what is usual: a season, a slow wander. What the training itself did for
several windows running is no news when serving does it again.
"""

from collections.abc import Mapping

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.distances import psi_terms
from driftd.detect.observed import RATES
from driftd.detect.settings import GrossSettings
from driftd.references.profile import Floats, Ints
from driftd.values.keys import Channel
from driftd.values.layout import HEADER, INVALID, MISSING, N

#: With fewer windows the reference is too short to show what is usual.
INFORMATIVE_WINDOWS = 10


def own_levels(baseline: Baseline, settings: GrossSettings) -> Mapping[Channel, float] | None:
    """Return by how much each channel was off for ``settings.windows`` windows running, at most; None: not known.

    Windows are the profile's blocks, joined until they hold ``settings.min_observations`` rows, as windows
    with few events are. Each direction counts by itself. One vectorised pass over the blocks.
    """
    windows = _joined(baseline.history, settings.min_observations)
    if len(windows) < INFORMATIVE_WINDOWS:
        return None
    return {channel: _reached(moved, settings.windows) for channel, moved in _moves(windows, baseline).items()}


def _joined(blocks: Ints, least: int) -> Ints:
    """Add up consecutive blocks; a rest that is too small is left out."""
    starts, rows = [0], 0
    for at, n in enumerate(blocks[:, N].tolist(), 1):
        rows += n
        if rows >= least:
            starts.append(at)
            rows = 0
    return np.add.reduceat(blocks[: starts[-1]], starts[:-1], axis=0) if len(starts) > 1 else blocks[:0]


def _moves(windows: Ints, baseline: Baseline) -> dict[Channel, Floats]:
    """Return what ``moves.moves`` tells of each window; 0 where a window has no usable value."""
    counts, n = windows[:, HEADER:], windows[:, N]
    valid = n - windows[:, MISSING] - windows[:, INVALID]
    some = np.maximum(valid, 1)
    location = (counts * baseline.ranks[Channel.LOCATION]).sum(axis=1) / some - baseline.levels[Channel.LOCATION].mean
    shape = psi_terms(counts, baseline.counts[None]).sum(axis=1) - [baseline.chance_psi(int(size)) for size in valid]
    moved = {Channel.LOCATION: np.where(valid > 0, location, 0.0), Channel.SHAPE: np.where(valid > 0, shape, 0.0)}
    for channel, column in RATES.items():
        moved[channel] = windows[:, column] / np.maximum(n, 1) - baseline.levels[channel].mean
    return moved


def _reached(moved: Floats, running: int) -> float:
    """Return the largest move that ``running`` windows in a row all reached in one direction."""
    if len(moved) < running:
        return 0.0
    runs = np.lib.stride_tricks.sliding_window_view(moved, running)
    return max(0.0, float(runs.min(axis=1).max()), float(-runs.max(axis=1).min()))
