"""What has changed in a column, in the feature's own units: what a page tells the one it wakes.

Of columns whose values are masked only what their profile shows of them is told (references.masking).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.distances import debiased_psi, psi_terms
from driftd.detect.observed import RATES, Observed
from driftd.detect.recent import Change
from driftd.references.profile import ColumnProfile, Floats, Ints
from driftd.values.keys import Channel, Kind
from driftd.values.layout import HEADER
from driftd.values.privacy import Shown
from driftd.values.verdict import JSON, Distances, Effect

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_TOP_CATEGORIES = 5
_TOP_BINS = 5
_SURE = 3.0  # standard errors from which a channel tells more than "the shape changed"
_MUCH = 0.05  # a move of the mean of u that tells more than "the shape changed"
_OF_VALUES = {Channel.LOCATION, Channel.SCALE, Channel.SHAPE}


def describe(
    changes: Sequence[Change],
    *,
    spoken_of: AbstractSet[Channel],
    onset_ms: int,
    observed: Observed,
    sums: Ints,
    distances: Distances,
    baseline: Baseline,
) -> Effect:
    """Return the effect on the channel that says most to a reader, of those ``spoken_of``.

    Location comes before the others, since a move of the values changes their spread and shape as well,
    unless it is small beside them; else it is the surest channel (in standard errors). The ranks of
    categories mean nothing to a reader: what is spoken of there is told as shape. The shape is the debiased
    PSI of this window; it has changed since ``onset_ms`` unless another channel knows better. ``sums`` is the
    window's run of fine counts: what ``after`` is estimated from.
    """
    categorical = baseline.column.kind is Kind.CATEGORICAL
    most = _telling(changes, spoken_of, categorical=categorical)
    bins = _moved_bins(observed.counts, baseline)
    if most is None:
        size = debiased_psi(distances.psi, len(observed.counts), observed.valid, int(baseline.counts.sum()))
        before, after = _values_before_and_after(sums, baseline)
        onsets = [change.onset_ms for change in changes if change.channel in spoken_of and change.channel in _OF_VALUES]
        return Effect(Channel.SHAPE, "changed", size, min(onsets, default=onset_ms), before, after, bins)
    direction = "up" if most.effect > 0 else "down"
    if most.channel in RATES:
        before = {"rate": baseline.levels[most.channel].mean}
        after = {"rate": observed.rate_count(most.channel) / max(observed.n, 1)}
    else:
        before, after = _values_before_and_after(sums, baseline)
    return Effect(most.channel, direction, most.effect, most.onset_ms, before, after, bins)


def _telling(changes: Sequence[Change], spoken_of: AbstractSet[Channel], *, categorical: bool) -> Change | None:
    """Return the change to tell, None for the shape."""
    known = {change.channel: change for change in changes}
    told = {channel: change for channel, change in known.items() if channel in spoken_of}
    if categorical:
        told = {channel: change for channel, change in told.items() if channel in RATES}
    elif spoken_of & _OF_VALUES and _moved_much(known.get(Channel.LOCATION)):
        told[Channel.LOCATION] = known[Channel.LOCATION]
    location = told.get(Channel.LOCATION)
    if location is not None and all(2 * abs(location.effect) >= abs(change.effect) for change in told.values()):
        return location
    sure = [change for change in told.values() if abs(change.z) >= _SURE]
    if not sure and (Channel.SHAPE in spoken_of or not told):
        return None
    return max(sure or told.values(), key=lambda change: abs(change.z))


def _moved_much(location: Change | None) -> bool:
    return location is not None and abs(location.z) >= _SURE and abs(location.effect) >= _MUCH


def _values_before_and_after(sums: Ints, baseline: Baseline) -> tuple[JSON, JSON]:
    column = baseline.column
    fine_before, fine_after = np.asarray(column.counts, dtype=np.int64), sums[HEADER:]
    if column.kind is Kind.NUMERIC:
        if column.shown is not Shown.SHOW:
            return {}, {}
        return _numeric_summary(column, fine_before), _numeric_summary(column, fine_after)
    shares_before, shares_after = (fine / max(int(fine.sum()), 1) for fine in (fine_before, fine_after))
    # Those with the largest share on either side, so that what was rare and now leads is among them.
    order = np.argsort(-np.maximum(shares_before, shares_after)[:-1], kind="stable")[:_TOP_CATEGORIES].tolist()
    return _category_shares(column, shares_before, order), _category_shares(column, shares_after, order)


def _category_shares(column: ColumnProfile, shares: Floats, order: list[int]) -> JSON:
    """Return the shares of some categories, and of all that is not in the profile's list (``other``)."""
    return {"shares": {column.category_names[i]: float(shares[i]) for i in order}, "other": float(shares[-1])}


def _numeric_summary(column: ColumnProfile, fine: Ints) -> JSON:
    """Estimate quantiles and mean from counts per fine bin; None where there are no values.

    Values are taken to be spread evenly in their bin, those beyond the outermost edge to lie on it.
    """
    n = int(fine.sum())
    if n == 0 or not column.edges:
        return {"quantiles": {f"{q:g}": None for q in QUANTILES}, "mean": None}
    low, high = _bin_bounds(column)
    cumulated = np.cumsum(fine)
    quantiles: JSON = {}
    for q in QUANTILES:
        at = int(np.searchsorted(cumulated, q * n))
        within = (q * n - (int(cumulated[at]) - int(fine[at]))) / int(fine[at])
        quantiles[f"{q:g}"] = float(low[at] * (1 - within) + high[at] * within)
    return {"quantiles": quantiles, "mean": float((fine / n * (low / 2 + high / 2)).sum())}


def _bin_bounds(column: ColumnProfile) -> tuple[Floats, Floats]:
    edges = np.asarray(column.edges, dtype=np.float64)
    return np.concatenate((edges[:1], edges)), np.concatenate((edges, edges[-1:]))


def _moved_bins(counts: Ints, baseline: Baseline) -> tuple[JSON, ...]:
    """Return the test bins that contribute most to the PSI, largest first, with their shares."""
    column, reference = baseline.column, baseline.counts
    terms = psi_terms(counts, reference)
    order = np.argsort(-terms, kind="stable")[:_TOP_BINS].tolist()
    names = _bin_names(column)
    n, n_reference = max(int(counts.sum()), 1), max(int(reference.sum()), 1)
    return tuple(
        {**names[i], "before": int(reference[i]) / n_reference, "after": int(counts[i]) / n}
        for i in order
        if counts[i] or reference[i]
    )


def _bin_names(column: ColumnProfile) -> list[JSON]:
    """Name each test bin: its category (None: all others), or its bounds [from, to) (None: unbounded).

    Where the bounds are hidden: its number, the lowest one is 1.
    """
    if column.kind is Kind.CATEGORICAL:
        return [{"category": category} for category in (*column.category_names, None)]
    if column.shown is not Shown.SHOW:
        return [{"bin": number} for number in range(1, column.test_bins + 1)]
    starts = [0, *(i + 1 for i, (one, other) in enumerate(pairwise(column.test_of)) if one != other)]
    bounds = [None, *(column.edges[i - 1] for i in starts[1:]), None]
    return [{"from": start, "to": end} for start, end in pairwise(bounds)]
