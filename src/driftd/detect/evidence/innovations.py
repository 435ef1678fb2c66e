"""What a window says beyond what could be foreseen: one-step prediction errors, many channels at once."""

from typing import Self

import numpy as np

from driftd.references.dependence import Dependence
from driftd.references.profile import Floats

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


class Innovations:
    """Kalman filters of y_t = mu + b_t + e_t (references.dependence), one for each channel.

    mu is the level, known from a reference of finite size: its variance starts at what that leaves open and
    falls with every window. So the errors are independent and standard normal while nothing changes, whatever
    the size of the reference, and no tolerance has to be bought (recursive residuals: Brown, Durbin, Evans,
    1975). A lasting shift is answered by errors that start at its full size and fall towards what the
    dependence leaves of it.

    All arrays have one shape, (columns, channels). Units: the standard deviation of a mean of independent rows
    of nominal size.
    """

    FIELDS = ("level", "effect", "level_variance", "covariance", "effect_variance")

    def __init__(self, dependence: Dependence, level_variance: Floats) -> None:
        self.dependence = dependence
        self.level = np.zeros_like(level_variance)
        self.effect = np.zeros_like(level_variance)
        self.level_variance = level_variance.copy()
        self.covariance = np.zeros_like(level_variance)
        self.effect_variance = np.asarray(dependence.gain, dtype=np.float64).copy()

    def step(self, y: Floats, sampling: Floats, seen: Mask) -> tuple[Floats, Floats]:
        """Take in a window: return the standardised errors, 0 where not ``seen``, and the variances they were held to.

        ``sampling``: variance of the mean by sampling alone, 1 for a window of nominal size.
        """
        gain, decay = self.dependence.gain, self.dependence.decay
        self.effect *= decay
        self.covariance *= decay
        self.effect_variance = decay**2 * self.effect_variance + (1 - decay**2) * gain
        error = np.where(seen, y - self.level - self.effect, 0.0)
        variance = self.level_variance + 2 * self.covariance + self.effect_variance + np.where(seen, sampling, 1.0)
        to_level = (self.level_variance + self.covariance) * seen / variance
        to_effect = (self.covariance + self.effect_variance) * seen / variance
        self.level = self.level + to_level * error
        self.effect = self.effect + to_effect * error
        of_level, of_effect = self.level_variance + self.covariance, self.covariance + self.effect_variance
        self.level_variance = self.level_variance - to_level * of_level
        self.covariance = self.covariance - to_level * of_effect
        self.effect_variance = self.effect_variance - to_effect * of_effect
        return error / np.sqrt(variance), variance

    def relevel(self, columns: Mask, level: Floats, level_variance: Floats) -> None:
        """Judge these columns against another level from the next window on."""
        at = columns[:, None]
        self.level = np.where(at, level, self.level)
        self.effect = np.where(at, 0.0, self.effect)
        self.level_variance = np.where(at, level_variance, self.level_variance)
        self.covariance = np.where(at, 0.0, self.covariance)
        self.effect_variance = np.where(at, self.dependence.gain, self.effect_variance)

    def copy(self) -> Self:
        """Return filters in the same state that share nothing with these."""
        other = type(self)(self.dependence, self.level_variance)
        for field in self.FIELDS:
            setattr(other, field, getattr(self, field).copy())
        return other
