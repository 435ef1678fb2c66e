"""The false-page budget, and how much evidence pages so that it is kept.

Without drift the evidence M of a monitor grows by at most 1 a window on average, whenever one looks:
E[M_w] <= w (Shin, Ramdas and Rinaldo, "E-detectors", section 2). At a page M >= A, and a page after w windows
takes E[w] >= E[M_w] >= A of them. So a threshold A keeps false pages A windows apart on average, and a monitor
that starts anew after each page has at most 1/A of them a window in the long run.

B pages per horizon H are H / (Δ B) windows of length Δ for each page: A = H / (Δ B), or N / B where the horizon
is N windows. Rates add up whatever depends on what, so a budget is shared by dividing the rate: a monitor with the
share w has the threshold A / w, and the monitors of a model together sum(w / A) <= 1 / A a window. In time each has
w / (A Δ) = w B / H, whatever its own Δ: monitors with windows of different lengths share as well.
"""

import re
from collections.abc import Mapping
from math import prod
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from driftd.values.privacy import names
from driftd.values.settings import format_duration, parse_duration_ms

#: A budget that leaves fewer windows to a false page is refused: evidence so small says too little.
LEAST_THRESHOLD = 100

BUDGET_FORM = 'pages per horizon, such as "1 per 30d" or "1 per 8640 windows"'
_COUNT = "[1-9][0-9]{0,8}"
_BUDGET = re.compile(rf"({_COUNT}) per (?:({_COUNT}) windows|([0-9.]+(?:ms|s|m|h|d)))")


class Budget(NamedTuple):
    """False pages per horizon: a span of event time, or a number of windows."""

    pages: int
    horizon_ms: int | None = None
    horizon_windows: int | None = None

    def __str__(self) -> str:
        if self.horizon_ms is not None:
            return f"{self.pages} per {format_duration(self.horizon_ms)}"
        return f"{self.pages} per {self.horizon_windows} windows"

    def horizons(self, windows: float, window_ms: float) -> float:
        """Return how many horizons so many windows of ``window_ms`` each are."""
        if self.horizon_ms is not None:
            return windows * window_ms / self.horizon_ms
        return windows / (self.horizon_windows or 1)

    def threshold(self, window_ms: float) -> float:
        """Return A, the evidence that pages: windows to a false page on average, at least.

        ``window_ms`` > 0 is the mean span of the windows that really close; one that was carried over counts once.
        """
        if self.horizon_ms is not None:
            return self.horizon_ms / (window_ms * self.pages)
        return (self.horizon_windows or 1) / self.pages


class BudgetTerms(NamedTuple):
    """What binds the false pages of a model: its own budget, and that of all models together where there is one."""

    budget: Budget
    fleet: Budget | None = None


def monitor_threshold(budget: Budget, fleet: Budget | None, *, window_ms: float, models: int, share: float) -> float:
    """Return the evidence that pages in a monitor: windows to a false page on average, at least.

    ``share`` (0 < share <= 1) is the monitor's part of its model's budget; the parts of a model's monitors sum to
    at most 1. Of ``fleet`` each of ``models`` >= 1 models has the same part: where that is less than its own
    budget, it binds. So neither the model nor all models together exceed what they may.
    """
    least = budget.threshold(window_ms)
    if fleet is not None:
        least = max(least, fleet.threshold(window_ms) * models)
    return least / share


def parse_budget(value: object) -> Budget:
    """Read ``N per DURATION`` or ``N per N windows``; ValueError says what would be right."""
    if isinstance(value, Budget):
        return value
    match = _BUDGET.fullmatch(" ".join(value.split())) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be {BUDGET_FORM}")
    pages = int(match[1])
    if match[2] is not None:
        return Budget(pages, horizon_windows=int(match[2]))
    horizon_ms = parse_duration_ms(match[3])
    if horizon_ms == 0:
        raise ValueError(f"must be {BUDGET_FORM}; the horizon is 0")
    return Budget(pages, horizon_ms=horizon_ms)


def _parse_fleet_budget(value: object) -> Budget | None:
    return None if value is None else parse_budget(value)


def _written(budget: Budget | None) -> str | None:
    return None if budget is None else str(budget)


#: A budget in the configuration.
ModelBudget = Annotated[
    Budget,
    BeforeValidator(parse_budget),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "title": "N per DURATION, or N per N windows"}),
]
#: A budget that may be left out.
FleetBudget = Annotated[
    Budget | None,
    BeforeValidator(_parse_fleet_budget),
    PlainSerializer(_written, return_type=str | None, when_used="json"),
    WithJsonSchema({"type": "string", "title": "N per DURATION, N per N windows, or null"}),
]
#: How much of its group's part of the budget a column has, beside the others' 1.
Importance = Annotated[float, Field(gt=0, le=1_000)]


def importance_of(column: str, importances: Mapping[str, float]) -> float:
    """Return a column's importance by settings that name columns, vectors or ``prediction``; 1 where none names it.

    Where several do (``embedding`` and ``embedding[3]``) they are multiplied.
    """
    return prod((importance for name, importance in sorted(importances.items()) if names(name, column)), start=1.0)
