"""Settings of incidents."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from driftd.values.budget import Budget, FleetBudget, ModelBudget
from driftd.values.settings import EVIDENCE, DurationMs, Section

#: Every span of an incident's life is at least so many windows long, however long the windows are.
MIN_WINDOWS = 12


def _as_list(value: Any) -> Any:
    """Refuse a bare text, whose letters would otherwise be taken for the members."""
    if isinstance(value, str):
        raise ValueError("must be a list such as [evidence, psi>0.2]")  # noqa: TRY004 -- pydantic reports ValueErrors
    return value


class IncidentSettings(Section):
    """What pages, and how an incident lives. Each span counts at least 12 windows as well."""

    budget: ModelBudget = Field(
        default=Budget(1, horizon_ms=30 * 86_400_000),
        description="false pages of a model per horizon, all its columns, versions and segments together: "
        "how much evidence pages follows from it",
    )
    page_on: Annotated[tuple[str, ...], BeforeValidator(_as_list)] = Field(
        default=(EVIDENCE,),
        description="what pages: evidence, which alone keeps the budget; detectors; gross, which pages in any case "
        "while a monitor is calibrating; or a distance with a threshold such as psi>0.2",
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


class CommonIncidentSettings(IncidentSettings):
    """The settings of all models that have none of their own, and what holds for all models together."""

    fleet_budget: FleetBudget = Field(
        None,
        description="false pages of all models together per horizon, the same part for each; null: their own budgets "
        "alone bind them",
    )

    def of_model(self, own: IncidentSettings | None) -> IncidentSettings:
        """Return what is in force for a model: the keys that are given in its own settings, and these."""
        given = set() if own is None else own.model_fields_set
        return IncidentSettings.model_construct(
            **{name: getattr(own if name in given else self, name) for name in IncidentSettings.model_fields}
        )
