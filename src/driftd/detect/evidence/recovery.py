"""Whether what was paged is over: evidence that a column is back, from the page on (statistics, section 5).

R is the sum over all windows s = 0, 1, ... since the page of w_s x the product from s on of
exp(bet (d - z) - bet^2 / 2), with w_0 = 3/4 and w_s = 1/4 x 1/(s (s + 1)). There z is how far a window lies from the
reference in the direction of the page, and d half of what that was when it paged. While the effect is d or more the
mean of each factor is at most 1, so R reaches 20 with a probability of at most 5 % (Ville's inequality; the weights sum
to 1). Beginning anew with each window, R does not have to make up for the time that the drift lasted.
"""

import numpy as np

from driftd.detect.evidence.arrays import pack, unpack
from driftd.detect.evidence.innovations import Mask
from driftd.detect.evidence.scores import MEANS
from driftd.references.profile import Floats, Ints
from driftd.values.state import State

NOBODY = -1
SHAPE = len(MEANS)  # as the number of a channel
_ENOUGH = float(np.log(20.0))
_AT_ONCE = 0.75
_LEAST_TARGET = 0.25
_MOST_GAIN = 2.0  # of one window of the shape, in logs, less than enough: one odd window is no recovery


class Recovery:
    """Follows the columns of open incidents, each on the channel that paged."""

    def __init__(self, columns: int) -> None:
        self.channel = np.full(columns, NOBODY, dtype=np.int64)
        self._side = np.zeros(columns)
        self._target = np.zeros(columns)
        self._log_r = np.full(columns, -np.inf)  # of the products begun so far
        self._windows = np.zeros(columns, dtype=np.int64)  # since the page

    @property
    def followed(self) -> Mask:
        """The columns that have been paged and are not back."""
        return np.asarray(self.channel != NOBODY)

    def follow(self, column: int, channel: int, size: float) -> None:
        """Begin with a column that pages by ``size``, in the unit of Innovations and with its sign."""
        self.channel[column] = channel
        self._side[column] = 1.0 if size >= 0 else -1.0
        self._target[column] = abs(size) / 2
        self._log_r[column], self._windows[column] = -np.inf, 0

    def settle(self, level: Floats) -> None:
        """Measure from now on against where the columns have come to: ``level`` (columns, channels)."""
        at = np.flatnonzero(self.followed & (self.channel != SHAPE))
        size = level[at, self.channel[at]] * self._side[at]
        self._target[at] = np.where(size > 0, size / 2, self._target[at])

    def observe(self, y: Floats, error: Floats, log_e: Floats, seen: Mask) -> Ints:
        """Take in a window; return the columns that are back by it, and follow them no longer.

        ``y`` (columns, channels): distance to the reference, ``error``: its standard error; ``log_e`` (columns): ln of
        the e-value of the shape against the reference.
        """
        at = np.flatnonzero(self.followed)
        channel = self.channel[at]
        of_mean = channel != SHAPE
        place = np.where(of_mean, channel, 0)
        target = np.maximum(self._target[at] / error[at, place], _LEAST_TARGET)
        bet = np.minimum(1.0, target)
        gain = bet * (target - self._side[at] * y[at, place] / error[at, place]) - bet**2 / 2
        gain = np.where(of_mean, gain, np.minimum(-log_e[at], _MOST_GAIN))
        seen_now = seen[at, place]
        later = self._windows[at]
        begun = np.where(
            later == 0, np.log(_AT_ONCE), np.log(1 - _AT_ONCE) - np.log(np.maximum(later, 1) * (later + 1))
        )
        grown = np.logaddexp(self._log_r[at], begun) + gain
        self._log_r[at] = np.where(seen_now, grown, self._log_r[at])
        self._windows[at] += seen_now
        back = at[self._log_r[at] >= _ENOUGH]
        self.drop(back)
        return np.asarray(back, dtype=np.int64)

    def drop(self, columns: Ints) -> None:
        """Follow these columns no longer."""
        self.channel[columns] = NOBODY

    def to_state(self) -> State:
        """Return all that is remembered."""
        return {
            "channel": pack(self.channel),
            "side": pack(self._side),
            "target": pack(self._target),
            "log_r": pack(self._log_r),
            "windows": pack(self._windows),
        }

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave."""
        self.channel = unpack(state["channel"], self.channel)
        self._side = unpack(state["side"], self._side)
        self._target = unpack(state["target"], self._target)
        self._log_r = unpack(state["log_r"], self._log_r)
        self._windows = unpack(state["windows"], self._windows)
