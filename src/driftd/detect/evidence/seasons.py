"""The seasons of a monitor's columns: what each mean is expected to do at this time of the day and of the week."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.evidence.scores import MEANS, RANKS, Means, Scores
from driftd.references.profile import Floats
from driftd.references.season import TERMS, terms
from driftd.values.windows import Window


class Seasons:
    """What the profile learnt from the training rows, as arrays; it does not change while the monitor lives.

    A column without a season costs nothing.
    """

    def __init__(self, baselines: Sequence[Baseline], unit: Floats) -> None:
        """Take the seasons over to the ``unit`` (columns, channels) of Innovations."""
        found = [baseline.season for baseline in baselines]
        self._columns = np.flatnonzero([bool(season) for season in found])
        self._coefficients = np.zeros((len(self._columns), len(MEANS), TERMS))
        for place, column in enumerate(self._columns.tolist()):
            for channel, season in found[column].items():
                self._coefficients[place, MEANS.index(channel)] = season
            self._coefficients[place] /= unit[column][:, None]
        calibration = baselines[0].calibration if baselines else None
        spans = np.array(calibration.spans if calibration else (), dtype=np.int64).reshape(-1, 2)
        self._of_blocks = terms(spans[:, 0], spans[:, 1])

    def without(self, means: Means, observed: Sequence[int], spans: Sequence[Window]) -> Means:
        """Return a window's means less what the season makes of them; ``spans``: those of the ``observed`` columns."""
        if not len(self._columns):
            return means
        start_ms, end_ms = np.zeros((2, len(means.y)), dtype=np.int64)
        start_ms[observed], end_ms[observed] = np.array(spans, dtype=np.int64).reshape(-1, 2).T
        now = terms(start_ms[self._columns], end_ms[self._columns])
        y = means.y.copy()
        y[self._columns] -= np.einsum("ct,cht->ch", now, self._coefficients)
        return replace(means, y=y)

    def dispersion(self, scores: Scores) -> Floats:
        """Return chi-squared per degree of freedom of a window's counts at the peak of the season: (columns).

        The shape is held against all of training, whatever the time of day; 1 where there is no season.
        """
        of_ranks = self._coefficients[:, :RANKS]
        peak = np.abs(of_ranks[..., 0]) + np.hypot(of_ranks[..., 1::2], of_ranks[..., 2::2]).sum(axis=2)
        freedom = np.maximum(scores.live[self._columns].sum(axis=1) - 1, 1)
        out = np.ones(len(scores))
        out[self._columns] += (peak**2).sum(axis=1) / freedom
        return out

    def of_blocks(self, column: int) -> Floats:
        """Return what a column's season makes of the blocks in its history: (channels, blocks), or 0 without one."""
        place = np.flatnonzero(self._columns == column)
        return np.einsum("bt,xht->hb", self._of_blocks, self._coefficients[place]) if len(place) else np.zeros(())
