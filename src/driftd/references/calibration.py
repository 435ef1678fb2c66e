"""What the time order of the training rows tells: each channel's design effect, its season and the newest blocks.

deff = variance of the channel's block means / what independent rows would give x their integrated
autocorrelation time, at least 1. A window of n rows then tells as much as n / deff independent ones.
"""

import numpy as np

from driftd.references.blocks import Blocks
from driftd.references.profile import BlockCounts, Calibration, ColumnProfile, Floats, Ints
from driftd.references.season import Season, Timeline, seasons_of
from driftd.values.keys import Channel, ColumnKey
from driftd.values.layout import HEADER, INVALID, MISSING, UNSEEN, N

HISTORY_BLOCKS = 256
LEAST_BLOCKS = 8  # with fewer nothing can be told, and deff is 1
NOTABLE = 2.33  # standard deviations: one independent channel in a hundred passes each test
SHORT_LAGS = 5
_RATES = {Channel.MISSING: MISSING, Channel.UNSEEN: UNSEEN, Channel.INVALID: INVALID}


def calibrate(columns: tuple[ColumnProfile, ...], blocks: Blocks) -> Calibration | None:
    """Return the calibration of columns whose blocks stand in ``blocks.runs`` in the same order.

    None if there is no block. ``history`` holds the newest 256 blocks.
    """
    if not len(blocks):
        return None
    deff: dict[ColumnKey, dict[Channel, float]] = {}
    history: dict[ColumnKey, BlockCounts] = {}
    season: dict[ColumnKey, dict[Channel, Season]] = {}
    timeline = Timeline(blocks.start_ms, blocks.end_ms)
    for column, runs in zip(columns, blocks.runs, strict=True):
        deff[column.key] = channel_design_effects(column, runs)
        history[column.key] = BlockCounts(tuple(map(tuple, runs[-HISTORY_BLOCKS:].tolist())))
        if found := seasons_of(column, runs, timeline):
            season[column.key] = found
    spans = np.stack((blocks.start_ms, blocks.end_ms), axis=1)[-HISTORY_BLOCKS:].tolist() if season else []
    return Calibration(
        block_ms=blocks.span_ms,
        block_rows=float(blocks.rows.mean()),
        blocks=len(blocks),
        deff=deff,
        history=history,
        season=season,
        spans=tuple((start, end) for start, end in spans),
    )


def channel_design_effects(column: ColumnProfile, runs: Ints) -> dict[Channel, float]:
    """Return deff of every channel of one column, from its blocks (blocks x run of values.layout)."""
    counts = runs[:, HEADER:]
    location = _of_scores(column.midranks, column.test_counts, counts)
    scale = _of_scores(np.abs(2 * column.midranks - 1), column.test_counts, counts)
    rates = {channel: _of_rate(runs[:, place], runs[:, N]) for channel, place in _RATES.items()}
    return {Channel.LOCATION: location, Channel.SCALE: scale, Channel.SHAPE: max(location, scale), **rates}


def _of_scores(scores: Floats, reference: Ints, counts: Ints) -> float:
    """Return deff of a mean of scores per bin, against their variance in the whole reference."""
    shares = reference / max(int(reference.sum()), 1)
    mean = float((shares * scores).sum())
    variance = float((shares * np.square(scores - mean)).sum())
    n = counts.sum(axis=1)
    used = n > 0
    if variance <= 0 or not used.any():
        return 1.0
    deviations = (counts[used] * scores).sum(axis=1) / n[used] - mean
    return design_effect(deviations * np.sqrt(n[used] / variance))


def _of_rate(events: Ints, n: Ints) -> float:
    """Return deff of a rate."""
    used = n > 0
    events, n = events[used], n[used]
    rate = float(events.sum()) / max(float(n.sum()), 1.0)
    if not 0 < rate < 1:
        return 1.0
    spread = rate * (1 - rate)
    excess = float(np.mean((1 - 6 * spread) / (n * spread)))  # rare events come in lumps: binomial kurtosis
    return design_effect((events - n * rate) / np.sqrt(n * spread), max(excess, 0.0))


def design_effect(z: Floats, excess: float = 0.0) -> float:
    """Return deff, at least 1, of block means z, standardised as if rows were independent.

    1 where neither their variance (of kurtosis 3 + ``excess``), nor their first autocorrelation, nor the sum
    of the first few stands out: on few blocks the estimate is mostly noise, and each window of independent
    rows would lose observations to it. Corrected for the mean having been taken from the same blocks.
    """
    blocks = len(z)
    if blocks < LEAST_BLOCKS:
        return 1.0
    correlations, power = _autocorrelations(z)
    notable = (
        power > blocks - 1 + NOTABLE * np.sqrt((2 + excess) * blocks)
        or correlations[1] > NOTABLE / np.sqrt(blocks)
        or correlations[1 : SHORT_LAGS + 1].sum() > NOTABLE * np.sqrt(SHORT_LAGS / blocks)
    )
    if not notable:
        return 1.0
    time = autocorrelation_time(correlations)
    # Removing the mean hides slow movement: a part time / blocks of the variance.
    corrected = min(time / max(1 - time / blocks, 0.2), blocks / 2)
    variance = power / blocks / max(1 - corrected / blocks, 0.3)
    return max(1.0, float(variance * corrected))


def autocorrelation_time(correlations: Floats) -> float:
    """Return 1 + 2 x the sum of autocorrelations, up to the first lag of at least 5 such times (Sokal, 1997)."""
    total = 1.0
    for lag in range(1, len(correlations)):
        total += 2 * float(correlations[lag])
        if lag >= 5 * total:
            break
    return max(1.0, total)


def _autocorrelations(z: Floats) -> tuple[Floats, float]:
    """Return the autocorrelations for lags below a quarter of the length (at least 5), and the power at lag 0."""
    z = z - z.mean()
    power = float(np.square(z).sum())
    lags = max(SHORT_LAGS, len(z) // 4 - 1)
    if power == 0:
        return np.zeros(lags + 1), 0.0
    padded = np.fft.rfft(z, 2 * len(z))
    products = np.fft.irfft(np.square(np.abs(padded)), 2 * len(z))[: lags + 1]
    return np.asarray(products / power, dtype=np.float64), power
