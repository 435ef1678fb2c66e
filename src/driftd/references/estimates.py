"""Moments and quantiles of a numeric column where only its counts per fine bin are known."""

import numpy as np

from driftd.references.profile import Floats, Ints
from driftd.references.tally import QUANTILES


def estimate(edges: tuple[float, ...], counts: Ints) -> tuple[dict[str, float], dict[str, float]]:
    """Return the moments and quantiles that a profile holds (references.profile), estimated from its bins.

    Values are taken to be spread evenly in their bin, those beyond the outermost edge to lie on it. So each
    estimate is off by one bin's width at most within the outermost edges; the extremes of a value that is a bin
    of its own are exact. There must be an edge and a value. Finite for all finite edges.
    """
    scale = max(abs(edges[0]), abs(edges[-1])) or 1.0  # neither widths nor squares overflow
    inner = np.asarray(edges, dtype=np.float64)
    low, high = np.concatenate((inner[:1], inner)), np.concatenate((inner, inner[-1:]))
    held = np.flatnonzero(counts)
    least = float(low[held[0]])
    most = max(float(low[held[-1]]), float(np.nextafter(high[held[-1]], -np.inf)))
    low, high, counts = low[held], high[held], counts[held]
    shares, width, middle = counts / counts.sum(), high / scale - low / scale, low / scale / 2 + high / scale / 2
    mean = float((shares * middle).sum())
    variance = float((shares * ((middle - mean) ** 2 + width**2 / 12)).sum())
    moments = {
        "mean": min(max(mean * scale, least), most),
        "sd": variance**0.5 * scale,
        "min": least,
        "max": most,
    }
    found = np.minimum(_quantiles(low, high, counts), most).tolist()
    return moments, {f"{level:g}": value for level, value in zip(QUANTILES, found, strict=True)}


def _quantiles(low: Floats, high: Floats, counts: Ints) -> Floats:
    """Return the quantiles at the profile's levels, rising, of bins none of which is empty."""
    cumulated = np.cumsum(counts)
    wanted = np.asarray(QUANTILES) * int(cumulated[-1])
    at = np.searchsorted(cumulated, wanted)
    within = (wanted - (cumulated[at] - counts[at])) / counts[at]
    found = np.clip(low[at] * (1 - within) + high[at] * within, low[at], high[at])  # rounding leads no further
    return np.asarray(np.maximum.accumulate(found), dtype=np.float64)
