"""The rule for gross drift (statistics, section 4): so large that it needs no calibration to be seen."""

from collections.abc import Mapping
from math import copysign, sqrt

from scipy.special import ndtri

from driftd.detect.baseline import Baseline
from driftd.detect.moves import moves
from driftd.detect.observed import RATES, Observed
from driftd.detect.own_levels import own_levels
from driftd.detect.settings import GrossSettings
from driftd.values.keys import Channel
from driftd.values.state import State
from driftd.values.verdict import Distances


class GrossRule:
    """Follows one column: which channels have been grossly off, in one direction, for several windows running.

    Off is by more than the settings ask for, by more than the reference's own windows were running (a season
    in the training rows is no drift), and by more than chance allows. Chance is that of counts
    (multinomial) on both sides; where the training rows are too few to show what is usual, and known to
    depend on each other, their design effect is allowed for.
    """

    def __init__(self, settings: GrossSettings) -> None:
        self._runs: dict[Channel, int] = {}  # windows running; negative: downwards
        self._grossly: frozenset[Channel] = frozenset()  # the channels that were grossly off in the newest window
        self.adopt(settings)

    def adopt(self, settings: GrossSettings) -> None:
        """Judge by these settings from the next window on; what was grossly off until now stays known as such."""
        self.settings = settings
        self._critical = float(-ndtri(settings.significance / 2))
        self._usual: tuple[Baseline, Mapping[Channel, float] | None] | None = None

    def observe(
        self, observed: Observed, distances: Distances, baseline: Baseline
    ) -> tuple[frozenset[Channel], frozenset[Channel]]:
        """Take in a window; return the channels that are grossly off now, and those of them that were not before."""
        before = self._grossly
        runs = {}
        for channel, move in sorted(self._off(observed, distances, baseline).items()):
            run = self._runs.get(channel, 0)
            length = abs(run) + 1 if run * move > 0 else 1
            runs[channel] = int(copysign(min(length, self.settings.windows), move))
        self._runs = runs
        self._grossly = self._at_level()
        return self._grossly, self._grossly - before

    def to_state(self) -> State:
        """Return the length of each channel's run, and which channels are grossly off."""
        return {
            "runs": {channel.value: run for channel, run in self._runs.items()},
            "grossly": sorted(channel.value for channel in self._grossly),
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave, also of a rule with other settings.

        The first release wrote the runs alone: what is grossly off then follows from the settings.
        """
        self._runs = {Channel(channel): run for channel, run in state.get("runs", state).items()}
        known = state.get("grossly")
        self._grossly = self._at_level() if known is None else frozenset(map(Channel, known))

    def _at_level(self) -> frozenset[Channel]:
        return frozenset(channel for channel, run in self._runs.items() if abs(run) >= self.settings.windows)

    def _off(self, observed: Observed, distances: Distances, baseline: Baseline) -> dict[Channel, float]:
        """Return the moves of the channels that are off in this window."""
        if observed.n < self.settings.min_observations:
            return {}
        usual = self._own_levels(baseline)
        moved = moves(observed, distances.psi, baseline)
        return {
            channel: move
            for channel, move in moved.items()
            if abs(move) >= max(self.settings.level(channel), usual.get(channel, 0.0) if usual else 0.0)
            and self._significant(channel, move, observed, distances, baseline, allow_for_deff=usual is None)
        }

    def _own_levels(self, baseline: Baseline) -> Mapping[Channel, float] | None:
        if self._usual is None or self._usual[0] is not baseline:
            self._usual = (baseline, own_levels(baseline, self.settings))
        return self._usual[1]

    def _significant(
        self,
        channel: Channel,
        move: float,
        observed: Observed,
        distances: Distances,
        baseline: Baseline,
        *,
        allow_for_deff: bool,
    ) -> bool:
        """Tell whether a move is beyond chance, two-sided."""
        level = baseline.levels[Channel.LOCATION if channel is Channel.SHAPE else channel]
        n = observed.size(channel)
        if n == 0 or level.n == 0:
            return False
        deff = baseline.deff(channel, n) if allow_for_deff else 1.0
        if channel is Channel.SHAPE:
            # a design effect shrinks the statistic; what is left of the PSI must still be large
            return distances.chi2_p < self.settings.significance and move > (deff - 1) * baseline.chance_psi(n)
        variance = level.variance
        if channel in RATES:  # of the pooled rate: the reference's alone may be 0
            pooled = (observed.rate_count(channel) + level.mean * level.n) / (n + level.n)
            variance = pooled * (1 - pooled)
        return abs(move) > self._critical * sqrt(variance * deff * (1 / n + 1 / level.n))
