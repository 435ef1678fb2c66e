"""The false pages a month that a configuration allows: what its budgets come to."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import NamedTuple

from driftd.config.model import Config
from driftd.values.budget import Budget, monitor_threshold
from driftd.values.settings import EVIDENCE, format_duration
from driftd.values.state import State

MONTH_DAYS = 30
_MONTH_MS = MONTH_DAYS * 86_400_000


class Allowance(NamedTuple):
    """What a model may cause, all its monitors together.

    ``threshold`` is the evidence that pages in a monitor that has all of the model's budget: so many windows are
    to a false page on average, at least. ``false_pages`` are those by evidence in a month, at most: none where
    evidence does not page. ``unbound`` names what else pages: no budget binds it.
    """

    model: str | None  # None: each model that neither the configuration nor a profile names
    versions: tuple[str, ...]  # that have a profile
    budget: Budget
    threshold: float
    false_pages: float
    unbound: tuple[str, ...]

    @property
    def log10_threshold(self) -> float:
        """The threshold as the metrics show it."""
        return log10(self.threshold)

    def document(self) -> State:
        """Return it as plain data."""
        return {
            "model": self.model,
            "versions": list(self.versions),
            "budget": str(self.budget),
            "false_pages": self.false_pages,
            "threshold_windows": self.threshold,
            "threshold_log10": self.log10_threshold,
            "unbound": list(self.unbound),
        }


class Forecast(NamedTuple):
    """What all models may cause, at windows of the configured length."""

    window_ms: int
    models: tuple[Allowance, ...]
    fleet: Budget | None

    @property
    def false_pages(self) -> float | None:
        """False pages a month of all models together, at most; None where nobody knows how many models there are."""
        if all(model.model is not None for model in self.models):
            return sum(model.false_pages for model in self.models)
        return self.fleet_pages

    @property
    def fleet_pages(self) -> float | None:
        """False pages a month that ``incidents.fleet_budget`` allows; None without one."""
        return None if self.fleet is None else _a_month(self.fleet.threshold(self.window_ms), self.window_ms)

    @property
    def windows_a_month(self) -> float:
        """Windows of one monitor in a month."""
        return _MONTH_MS / self.window_ms

    def document(self) -> State:
        """Return it as plain data."""
        return {
            "days": MONTH_DAYS,
            "window": format_duration(self.window_ms),
            "models": [model.document() for model in self.models],
            "fleet_budget": None if self.fleet is None else str(self.fleet),
            "false_pages": self.false_pages,
        }


def forecast(config: Config, versions: Mapping[str, Sequence[str]], *, is_complete: bool) -> Forecast:
    """Return what a configuration allows.

    ``versions`` are those that are known to have a profile, by model; ``is_complete`` says that there are no
    others. A column with few observations has longer windows than configured: it needs less evidence, for as many
    false pages a month.
    """
    named: list[str | None] = [*sorted(config.models.keys() | versions.keys())]
    models = named if named and is_complete else [*named, None]
    return Forecast(
        config.windows.duration,
        tuple(_allowance(config, model, len(models), versions) for model in models),
        config.incidents.fleet_budget,
    )


def _allowance(config: Config, model: str | None, models: int, versions: Mapping[str, Sequence[str]]) -> Allowance:
    window_ms, fleet = config.windows.duration, config.incidents.fleet_budget
    settings = config.incidents.of_model(None) if model is None else config.incidents_of(model)
    threshold = monitor_threshold(settings.budget, fleet, window_ms=window_ms, models=models, share=1)
    return Allowance(
        model,
        () if model is None else tuple(versions.get(model, ())),
        settings.budget,
        threshold,
        _a_month(threshold, window_ms) if EVIDENCE in settings.page_on else 0.0,
        tuple(rule for rule in settings.page_on if rule != EVIDENCE),
    )


def _a_month(threshold: float, window_ms: int) -> float:
    return _MONTH_MS / (window_ms * threshold)
