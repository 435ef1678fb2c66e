"""How much each suspect contributes to an incident, on one scale for all channels."""

from collections.abc import Sequence
from math import fsum, pi, sqrt

from driftd.values.keys import Channel
from driftd.values.verdict import Effect


def strength(effect: Effect) -> float:
    """Return an effect's size between 0 and 1, comparable over channels.

    The rates are shares of events as they are. Location and scale differ by at most 1/2 in u, so twice
    their size. Shape: a normal column that moves by d standard deviations, d small, has PSI = d² and
    twice its change of mean u is d/sqrt(pi); so sqrt(PSI/pi) counts it as much as its location would.
    """
    size = abs(effect.size)
    if effect.channel in {Channel.LOCATION, Channel.SCALE}:
        size = 2 * size
    elif effect.channel is Channel.SHAPE:
        size = sqrt(max(effect.size, 0.0) / pi)  # a debiased PSI may be below 0
    return min(size, 1.0)


def shares(effects: Sequence[Effect]) -> list[float]:
    """Return each effect's part of the sum of all strengths; equal parts where all strengths are 0."""
    strengths = [strength(effect) for effect in effects]
    total = fsum(strengths)
    if total == 0:
        return [1 / len(strengths)] * len(strengths)
    return [value / total for value in strengths]
