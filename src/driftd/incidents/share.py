"""How much each suspect contributes to an incident.

Where evidence named all of them: by their parts of the monitor's evidence. Else by their effects, on one scale for all
channels.
"""

from collections.abc import Sequence
from math import fsum, pi, sqrt
from typing import NamedTuple

from driftd.values.keys import Channel
from driftd.values.verdict import Effect


class Weighed(NamedTuple):
    """Evidence about a column: log10 of its e-process, and the weight (above 0) that it has in the monitor's."""

    log10: float
    weight: float


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


def shares(effects: Sequence[Effect], evidence: Sequence[Weighed | None]) -> list[float]:
    """Return the share of each of at least one suspect, all together 1; ``evidence`` is that which named them."""
    weighed = [one for one in evidence if one is not None]
    return _of_evidence(weighed) if len(weighed) == len(effects) else _of_effects(effects)


def _of_evidence(evidence: Sequence[Weighed]) -> list[float]:
    """Return each one's part of the weighted sum."""
    most = max(one.log10 for one in evidence)
    return _parts([one.weight * 10 ** (one.log10 - most) for one in evidence])


def _of_effects(effects: Sequence[Effect]) -> list[float]:
    """Return each effect's part of the sum of all strengths; equal parts where all strengths are 0."""
    strengths = [strength(effect) for effect in effects]
    return _parts(strengths) if any(strengths) else [1 / len(strengths)] * len(strengths)


def _parts(values: Sequence[float]) -> list[float]:
    total = fsum(values)
    return [value / total for value in values]
