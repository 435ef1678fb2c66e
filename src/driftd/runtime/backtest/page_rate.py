"""How often a model pages, held against its budget: exact for a Poisson number of pages.

Garwood (1936): the bounds of a Poisson mean of which k events were seen are quantiles of gamma distributions,
gamma(k) below and gamma(k + 1) above. They keep their level however few events there are.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from scipy.special import gammainc, gammaincinv

DOUBT = 0.05  # how often a history of a model that keeps its budget may be called over it


class BudgetVerdict(StrEnum):
    """What a history says of a budget."""

    OVER = "over"  # so many pages, or more, are too rare where the budget is kept
    WITHIN = "within"  # so few pages, or fewer, are too rare where it is not
    UNDECIDED = "undecided"  # the history is too short for either


@dataclass(frozen=True, slots=True)
class PageRate:
    """``pages`` seen in ``horizons`` (a span of event time, counted in horizons of the budget)."""

    pages: int
    horizons: float
    allowed: float  # pages that the budget allows over these horizons

    @property
    def per_horizon(self) -> float | None:
        """The rate; None without any history."""
        return self.pages / self.horizons if self.horizons else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds of the pages per horizon: 95 %, two-sided, exact; None without any history."""
        if not self.horizons:
            return None
        return self._least(DOUBT / 2) / self.horizons, self._most(DOUBT / 2) / self.horizons

    def verdict(self, of_models: int = 1) -> BudgetVerdict:
        """Say whether the one-sided bound of the rate lies beyond the budget, at 95 %.

        Where this is one ``of_models``, they share the doubt: a history in which all of them keep their budgets is
        called over budget in at most 5 of 100 cases, however many they are (Bonferroni).
        """
        if self.pages and gammainc(self.pages, self.allowed) < DOUBT / of_models:  # P(so many or more | allowed)
            return BudgetVerdict.OVER
        if self.horizons and self._most(DOUBT) <= self.allowed:
            return BudgetVerdict.WITHIN
        return BudgetVerdict.UNDECIDED

    def _least(self, doubt: float) -> float:
        return float(gammaincinv(self.pages, doubt)) if self.pages else 0.0

    def _most(self, doubt: float) -> float:
        return float(gammaincinv(self.pages + 1, 1 - doubt))


def together(rates: Collection[PageRate]) -> PageRate:
    """Return the rate of several models: pages per horizon of one model."""
    return PageRate(sum(r.pages for r in rates), sum(r.horizons for r in rates), sum(r.allowed for r in rates))


def overall(rates: Collection[PageRate]) -> BudgetVerdict:
    """Return ``over`` if any model is, ``within`` if each is, else ``undecided``."""
    verdicts = {rate.verdict(len(rates)) for rate in rates}
    if BudgetVerdict.OVER in verdicts:
        return BudgetVerdict.OVER
    return BudgetVerdict.WITHIN if verdicts == {BudgetVerdict.WITHIN} else BudgetVerdict.UNDECIDED
