"""River's detectors on effective observations with the predictable part taken out, against those without.

The predictable part of a window is the Kalman forecast of its mean; what is left of each value is fed, and as many
of them as the window's prediction error is worth: n over the variance of the error, in that of independent rows.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from detection.product import baselines
from detection.report import table, tell
from detection.rivals import STRONG, TRAINED, Feed, Spoken, counted_rows, effective, reactions, river_on
from detection.streams import AR_9, ROWS, effects
from driftd.detect.baseline import Baseline
from driftd.detect.effective import effective_bins, effective_size
from driftd.detect.evidence.innovations import Innovations
from driftd.references.dependence import Dependence, learn, log_likelihoods
from driftd.references.profile import Floats
from driftd.values.keys import Channel


def whitening(*, quick: bool) -> str:
    """Measure both ways on dependent windows; return the table."""
    clean, runs = (1_000, 4) if quick else (6_000, 20)
    head = ["windows", "detector", "effective observations", "values a window", "false alarms: windows apart"]
    return table([*head, "delay .25 / .5 / 1 sd"], _lines(clean, runs))


def _lines(clean: int, runs: int) -> Iterator[list[str]]:
    for kind in (AR_9, STRONG):
        rng = np.random.default_rng(72)
        (reference,) = baselines(effects([kind], TRAINED, rng), rng, design=True)
        forecaster = Forecaster(reference)
        ways: tuple[tuple[str, int, Feed], ...] = (
            (
                "as they are",
                effective_size(ROWS, reference.deff(Channel.LOCATION, ROWS)),
                partial(effective, reference),
            ),
            ("less the forecast", forecaster.size, forecaster.spoken),
        )
        for fed, size, run in ways:
            for name, (_, apart, delays) in reactions(kind, clean, runs, run).items():
                yield [kind.name, name, fed, str(size), apart, delays]
            tell(f"whitened: {kind.name}, {fed}")


class Forecaster:
    """Forecasts the mean of each window from a reference's dependence, and feeds what that leaves of its values."""

    def __init__(self, reference: Baseline) -> None:
        self._ranks = reference.ranks[Channel.LOCATION]
        level = reference.levels[Channel.LOCATION]
        self._mean, self._unit = level.mean, np.sqrt(level.variance / ROWS)
        self._history = reference.history
        z = self._y(self._history)
        found = learn(log_likelihoods(z[None]), np.array([len(z)]))
        self._dependence = Dependence(found.gain[:, None], found.decay[:, None])
        filters = self._filters()
        for y in z:
            _, variance = filters.step(np.full((1, 1), y), np.ones((1, 1)), np.ones((1, 1), dtype=bool))
        self.size = effective_size(ROWS, float(variance[0, 0]))

    def spoken(self, rows: Floats) -> dict[str, Spoken]:
        """Return the windows in which ADWIN and Page-Hinkley alarm, the reference's own windows fed first."""
        trained = len(self._history)
        spoken = river_on(self._left(np.concatenate((self._history, counted_rows(rows)))))
        return {name: [at - trained for at in places if at >= trained] for name, places in spoken.items()}

    def _left(self, runs: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Iterator[Floats]:
        """Yield what the forecast leaves of each window's effective observations."""
        filters, one, seen = self._filters(), np.ones((1, 1)), np.ones((1, 1), dtype=bool)
        for counts, y in zip(runs[:, 4:], self._y(runs), strict=True):
            forecast = filters.level[0, 0] + self._dependence.decay[0, 0] * filters.effect[0, 0]
            yield self._ranks[effective_bins(counts, self.size)] - forecast * self._unit
            filters.step(np.full((1, 1), y), one, seen)

    def _filters(self) -> Innovations:
        return Innovations(self._dependence, self._dependence.long_run / TRAINED)

    def _y(self, runs: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Floats:
        means = (runs[:, 4:] * self._ranks).sum(axis=1) / runs[:, 4:].sum(axis=1)
        return np.asarray((means - self._mean) / self._unit, dtype=np.float64)
