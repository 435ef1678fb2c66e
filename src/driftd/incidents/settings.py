"""Settings of incidents."""

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from driftd.values.settings import DurationMs, Section, format_duration, parse_duration_ms

#: Every span of an incident's life is at least so many windows long, however long the windows are.
MIN_WINDOWS = 12

BUDGET_FORM = 'pages per horizon, such as "1 per 30d" or "1 per 8640 windows"'
_BUDGET = re.compile(r"([1-9][0-9]*) per (?:([1-9][0-9]*) windows|([0-9.]+(?:ms|s|m|h|d)))")


class Budget(NamedTuple):
    """False pages a model may cause per horizon: a span of event time, or a number of windows."""

    pages: int
    horizon_ms: int | None = None
    horizon_windows: int | None = None

    def __str__(self) -> str:
        if self.horizon_ms is not None:
            return f"{self.pages} per {format_duration(self.horizon_ms)}"
        return f"{self.pages} per {self.horizon_windows} windows"

    def horizons(self, windows: int, window_ms: int) -> float:
        """Return how many horizons so many windows of ``window_ms`` each are."""
        if self.horizon_ms is not None:
            return windows * window_ms / self.horizon_ms
        return windows / (self.horizon_windows or 1)


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


def _as_list(value: Any) -> Any:
    """Refuse a bare text, whose letters would otherwise be taken for the members."""
    if isinstance(value, str):
        raise ValueError("must be a list such as [adwin, gross]")  # noqa: TRY004 -- pydantic reports ValueErrors
    return value


class IncidentSettings(Section):
    """What pages, and how an incident lives. Each span counts at least 12 windows as well."""

    budget: Annotated[
        Budget,
        BeforeValidator(parse_budget),
        PlainSerializer(str, return_type=str, when_used="json"),
        WithJsonSchema({"type": "string", "title": "N per DURATION, or N per N windows"}),
    ] = Field(
        default=Budget(1, horizon_ms=30 * 86_400_000),
        description="false pages per horizon: what replay reports pages against",
    )
    page_on: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        default=("adwin", "gross"),
        description="what pages: detectors, gross, or a distance with a threshold such as psi>0.2",
    )
    join: DurationMs = Field(default=3_600_000, description="how long after a page further columns join its incident")
    hold: DurationMs = Field(
        default=3_600_000, description="a column leaves its incident after this long without a word"
    )
    silence: DurationMs = Field(
        default=3_600_000,
        description="a version without windows for this long has no data; "
        "if another version of its model has windows by then, its incidents end as superseded",
    )
    page_max_age: DurationMs = Field(
        default=3_600_000, description="an incident older than this when it is found does not reach the paging gauge"
    )

    def silence_ms(self, window_ms: int) -> int:
        """Return ``silence``, or 12 windows if that is longer."""
        return max(self.silence, MIN_WINDOWS * window_ms)

    def pages(self, opened_ms: int, found_ms: int) -> bool:
        """Tell whether an incident is young enough for the paging gauge, found at this wall clock."""
        return found_ms - opened_ms <= self.page_max_age
