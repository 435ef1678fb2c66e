"""What could be foreseen of the ranks in a window, for detectors that take windows to be independent.

Where a column's windows depend on each other the next window's mean can be forecast in part: from its level, from the
effect of the windows before it, and from the season. What is left of the window is news.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.innovations import Innovations, Mask
from driftd.detect.evidence.learning import Learning, errors_over, training_of
from driftd.detect.evidence.scores import MEANS, RANKS, Means, Scores
from driftd.detect.evidence.seasons import Seasons
from driftd.references.profile import Floats
from driftd.values.keys import Channel


class Foreseen(NamedTuple):
    """The forecast of one channel in one window.

    ``shift``: of the channel's mean, less that of training, in its own unit. ``design_effect``: variance of what
    the forecast leaves of the mean, over the variance by sampling alone; at least 1.
    """

    shift: float
    design_effect: float


OfWindow = Mapping[Channel, Foreseen]
OfTraining = Mapping[Channel, Sequence[Foreseen]]


class Forecast(NamedTuple):
    """What could be foreseen of one column: of this window, and of its reference's blocks, oldest first.

    Channels whose windows are independent are not in it.
    """

    of_window: OfWindow
    of_training: Callable[[], OfTraining]


NO_FORECAST = Forecast({}, dict)


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What could be foreseen of all columns in one window."""

    of_window: Mapping[int, OfWindow]
    of_training: Callable[[int], OfTraining] = field(compare=False, repr=False)

    def of(self, column: int) -> Forecast:
        """Return what concerns one column."""
        return Forecast(self.of_window.get(column, {}), partial(self.of_training, column))


class Foresight:
    """Makes the forecasts of a monitor's columns.

    Those of the training rows' blocks follow from the profile alone: it does not matter when they are asked for. All
    columns are computed at once when the first is asked for, and a column's are let go once it has them.
    """

    def __init__(self, scores: Scores, baselines: Sequence[Baseline], seasons: Seasons) -> None:
        self._scores, self._baselines, self._seasons = scores, baselines, seasons
        self._waiting: dict[int, OfTraining] = {}
        self._taken = set(range(len(baselines)))

    def observe(self, own: Means, means: Means, dependent: Mask, errors: Floats, variance: Floats) -> Forecasts:
        """Return the forecasts of a window.

        ``own`` are its means, season and all, and ``means`` those less the season, of which Innovations said ``errors``
        and ``variance``.
        """
        shifts = (own.y - errors * np.sqrt(variance)) * self._scores.unit
        effects = variance / means.sampling
        found: dict[int, dict[Channel, Foreseen]] = {}
        for column, channel in np.argwhere((means.seen & dependent)[:, :RANKS]).tolist():
            one = Foreseen(float(shifts[column, channel]), float(effects[column, channel]))
            found.setdefault(column, {})[MEANS[channel]] = one
        return Forecasts(found, self._of_training)

    def _of_training(self, column: int) -> OfTraining:
        if column in self._taken:  # or nothing has been computed yet
            self._waiting, self._taken = _of_training(self._scores, self._baselines, self._seasons), set()
        self._taken.add(column)
        return self._waiting.pop(column, {})


def _of_training(scores: Scores, baselines: Sequence[Baseline], seasons: Seasons) -> dict[int, OfTraining]:
    """Run the filters over all blocks with the dependence that the blocks alone tell of."""
    training = training_of(scores, baselines, seasons)
    dependence = Learning(training, 1.0).of_blocks
    errors, variance = errors_over(training, Innovations(dependence, scores.level_variance * dependence.long_run))
    shifts, effects = training.y - errors * np.sqrt(variance), variance / training.sampling
    found: dict[int, dict[Channel, list[Foreseen]]] = {}
    for column, channel in np.argwhere(dependence.gain[:, :RANKS] > 0).tolist():
        known = len(baselines[column].history)
        last = slice(training.y.shape[2] - known, None)
        season = np.broadcast_to(seasons.of_blocks(column), (len(MEANS), known))[channel]
        own = (shifts[column, channel, last] + season) * scores.unit[column, channel]
        pairs = zip(own.tolist(), effects[column, channel, last].tolist(), strict=True)
        found.setdefault(column, {})[MEANS[channel]] = [Foreseen(*pair) for pair in pairs]
    return dict(found)
