"""How much the windows of a channel depend on each other, learnt from blocks, few or many (docs/statistics.md).

A channel's block means y, standardised as if rows were independent, are taken as

    y_t = mu + b_t + e_t,    e_t ~ N(0, 1),    b_t a first-order autoregression of variance ``gain``,

with ``gain`` and ``decay`` on a grid, the first point of which is "independent". Each point has its likelihood
(Whittle, 1953: from the periodogram, the mean removed); the channels of a monitor together have the prior
(empirical Bayes), so that a column with a short history leans on the others as far as its own data let it.
What is then used is not the likeliest dependence but a quantile of what is possible: too little of it
pages at night, too much of it only delays.
"""

from dataclasses import dataclass

import numpy as np

from driftd.references.profile import Floats

GAINS = (0.1, 0.3, 0.6, 1.0, 2.0, 4.0, 10.0, 30.0, 100.0, 300.0)
DECAYS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.995)
_GRID = np.array([(0.0, 0.0), *((gain, decay) for gain in GAINS for decay in DECAYS)])
MODELS = len(_GRID)

_TIME = (1 + _GRID[:, 1]) / (1 - _GRID[:, 1])  # integrated autocorrelation time of b
_LONG_RUN = 1 + _GRID[:, 0] * _TIME  # variance of a long mean, in that of independent rows
_NEGLIGIBLE = _LONG_RUN <= 1.7  # no more than the mixture over bet sizes forgives

_INDEPENDENT = 0.97  # prior probability of the first point, the others share the rest
_STRENGTH = 20.0  # columns that the prior weighs as much as
_ROUNDS, _FEWEST_ROUNDS = 300, 50  # of expectation-maximisation: it has converged to what matters by then
_MOST_COLUMNS = 600_000  # columns times rounds: with many columns a prior is found in fewer
_LEAST_BLOCKS = 8  # with fewer the periodogram tells nothing
_MOST_RISK, _LEAST_RISK, _SHARED_RISK = 0.015, 0.0005, 2.0
_LENIENCE = 3.0  # to take a dependent channel for less dependent than it is costs less than for independent


@dataclass(frozen=True, slots=True)
class Dependence:
    """What is assumed of each channel: ``gain`` and ``decay`` of its window effect. Independent: gain 0."""

    gain: Floats
    decay: Floats

    @property
    def long_run(self) -> Floats:
        """Variance of a long mean over what independent rows would give: the design effect, at least 1."""
        return 1 + self.gain * (1 + self.decay) / (1 - self.decay)

    @property
    def time(self) -> Floats:
        """Integrated autocorrelation time of all of y, in windows, at least 1."""
        return self.long_run / (1 + self.gain)


def over(dependence: Dependence, blocks: float) -> Dependence:
    """Return what holds for means over so many successive blocks, in the same unit.

    The variance and the long-run variance of the mean of the window effect are exact; a mean of an
    autoregression is not quite one.
    """
    if blocks <= 1:
        return dependence
    decay = dependence.decay
    kept = (blocks * (1 - decay**2) - 2 * decay * (1 - decay**blocks)) / (blocks * (1 - decay)) ** 2
    time = np.maximum((1 + decay) / (1 - decay) / (blocks * kept), 1.0)
    return Dependence(dependence.gain * kept, (time - 1) / (time + 1))


def log_likelihoods(z: Floats, blocks_each: float = 1.0, sampling: float = 1.0) -> Floats:
    """Return the log likelihood of every model: (channels, MODELS) for standardised blocks z (channels, blocks).

    Where z are windows of ``blocks_each`` blocks, whose sampling error has the variance ``sampling`` in that of a
    block, pass them in the unit of blocks. 0 throughout where there are fewer than eight. Of segments it may be
    added up.
    """
    channels, blocks = z.shape
    ordinates = (blocks - 1) // 2
    if blocks < _LEAST_BLOCKS:
        return np.zeros((channels, MODELS))
    spectrum = np.abs(np.fft.rfft(z - z.mean(axis=1, keepdims=True), axis=1)[:, 1 : ordinates + 1]) ** 2 / blocks
    expected = _spectra(blocks, ordinates, blocks_each, sampling)
    fit = np.einsum("cf,mf->cm", spectrum, 1 / expected)  # no BLAS: the same bits on every machine of a kind
    return np.asarray(-fit - np.log(expected).sum(axis=1), dtype=np.float64)


def learn(likelihoods: Floats, blocks: Floats) -> Dependence:
    """Return what is to be assumed, from the log likelihoods (channels, MODELS) over so many ``blocks`` each.

    Channels are exchangeable: pass those of one statistic together. A channel is independent where that, or
    next to that, is all but sure; else its gain and its long-run variance are upper quantiles of what is
    possible. The more channels there are the higher, so that hardly any of them is misjudged.
    """
    channels = len(likelihoods)
    if (np.asarray(blocks) < _LEAST_BLOCKS).all():
        return Dependence(np.zeros(channels), np.zeros(channels))
    possible = _posterior(likelihoods, _prior(float(np.median(blocks))))
    risk = min(max(_SHARED_RISK / channels, _LEAST_RISK), _MOST_RISK)
    level = 1 - min(_LENIENCE * risk, 0.1)
    long_run = _quantile(possible, _LONG_RUN, level)
    gain = np.maximum(_quantile(possible, _GRID[:, 0], level), (possible * _GRID[:, 0]).sum(axis=1))
    gain = np.clip(gain, 0, np.maximum(long_run - 1, 0))
    independent = (
        (possible[:, _NEGLIGIBLE].sum(axis=1) >= 1 - risk) | (gain <= 0) | (np.asarray(blocks) < _LEAST_BLOCKS)
    )
    time = np.where(gain > 0, (long_run - 1) / np.where(gain > 0, gain, 1.0), 1.0)
    decay = np.clip((time - 1) / (time + 1), 0.0, DECAYS[-1])
    return Dependence(np.where(independent, 0.0, gain), np.where(independent, 0.0, decay))


def _spectra(blocks: int, ordinates: int, blocks_each: float, sampling: float) -> Floats:
    angle = 2 * np.pi * np.arange(1, ordinates + 1) / blocks
    held = over(Dependence(_GRID[:, :1], _GRID[:, 1:]), blocks_each)
    gain, decay = held.gain, held.decay
    return np.asarray(sampling + gain * (1 - decay**2) / (1 - 2 * decay * np.cos(angle) + decay**2), dtype=np.float64)


def _prior(blocks: float) -> Floats:
    """Return the prior of one channel. What moves more slowly than half the blocks cannot be told from a level."""
    prior = np.where(max(blocks / 2, 4.0) < _TIME, 1e-9, 1.0)
    prior[0] = 0.0
    prior *= (1 - _INDEPENDENT) / prior.sum()
    prior[0] = _INDEPENDENT
    return prior


def _posterior(likelihoods: Floats, prior: Floats) -> Floats:
    """Return the probability of each model for each channel, the prior learnt from all of them."""
    relative = np.exp(likelihoods - likelihoods.max(axis=1, keepdims=True))
    shared = prior
    for _ in range(min(_ROUNDS, max(_FEWEST_ROUNDS, _MOST_COLUMNS // len(likelihoods)))):
        weighted = relative * shared
        weighted /= weighted.sum(axis=1, keepdims=True)
        shared = (_STRENGTH * prior + weighted.sum(axis=0)) / (_STRENGTH + len(likelihoods))
    return np.asarray(weighted, dtype=np.float64)


def _quantile(possible: Floats, values: Floats, level: float) -> Floats:
    order = np.argsort(values, kind="stable")
    below = (np.cumsum(possible[:, order], axis=1) < level).sum(axis=1)
    return np.asarray(values[order][np.minimum(below, len(values) - 1)], dtype=np.float64)
