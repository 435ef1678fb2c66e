"""The rule for gross drift (statistics, section 4): so large that it needs no calibration to be seen."""

from math import sqrt

from scipy.special import ndtri

from driftd.detect.baseline import Baseline
from driftd.detect.distances import debiased_psi
from driftd.detect.observed import RATES, Observed
from driftd.detect.settings import GrossSettings
from driftd.values.keys import Channel
from driftd.values.state import State
from driftd.values.verdict import Distances


class GrossRule:
    """Follows one column: which channels have been grossly off for several windows running."""

    def __init__(self, settings: GrossSettings) -> None:
        self.settings = settings
        self._critical = float(-ndtri(settings.significance / 2))
        self._runs: dict[Channel, int] = {}

    def observe(
        self, observed: Observed, distances: Distances, baseline: Baseline
    ) -> tuple[frozenset[Channel], frozenset[Channel]]:
        """Take in a window; return the channels that are grossly off now, and those of them that were not before."""
        off = self._off(observed, distances, baseline)
        before = self._at_level()
        self._runs = {channel: min(self._runs.get(channel, 0) + 1, self.settings.windows) for channel in sorted(off)}
        now = self._at_level()
        return now, now - before

    def to_state(self) -> State:
        """Return the length of each channel's run."""
        return {channel.value: run for channel, run in self._runs.items()}

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave."""
        self._runs = {Channel(channel): min(run, self.settings.windows) for channel, run in state.items()}

    def _at_level(self) -> frozenset[Channel]:
        return frozenset(channel for channel, run in self._runs.items() if run >= self.settings.windows)

    def _off(self, observed: Observed, distances: Distances, baseline: Baseline) -> set[Channel]:
        """Return the channels that are off in this window: by much, and by more than chance allows.

        Chance is that of counts (multinomial) on both sides, the window's and the reference's.
        """
        settings, off = self.settings, set()
        if observed.valid >= settings.min_observations:
            level = baseline.levels[Channel.LOCATION]
            shift = float((observed.counts * baseline.ranks[Channel.LOCATION]).sum()) / observed.valid - level.mean
            if abs(shift) >= settings.shift and self._significant(shift, level.variance, observed.valid, level.n):
                off.add(Channel.LOCATION)
            psi = debiased_psi(distances.psi, len(observed.counts), observed.valid, level.n)
            if psi >= settings.psi and distances.chi2_p < settings.significance:
                off.add(Channel.SHAPE)
        if observed.n >= settings.min_observations:
            for channel in RATES:
                level = baseline.levels[channel]
                rate = observed.rate_count(channel) / observed.n
                pooled = (observed.rate_count(channel) + level.mean * level.n) / (observed.n + level.n)
                moved = rate - level.mean
                if abs(moved) >= settings.rate and self._significant(moved, pooled * (1 - pooled), observed.n, level.n):
                    off.add(channel)
        return off

    def _significant(self, difference: float, variance: float, n: int, n_reference: int) -> bool:
        """Tell whether a difference of two means is beyond chance, two-sided."""
        return n_reference > 0 and abs(difference) > self._critical * sqrt(variance * (1 / n + 1 / n_reference))
