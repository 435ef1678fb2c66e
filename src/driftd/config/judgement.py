"""What decides the verdict on a closed window, and which of it is in force when: over reloads and restarts."""

from typing import NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from driftd.config.model import Config, ModelSettings
from driftd.detect.settings import DetectSettings, parse_page_rule
from driftd.errors import SnapshotFromFuture
from driftd.incidents.settings import IncidentSettings
from driftd.values.budget import BudgetTerms, FleetBudget, Importance
from driftd.values.paging import Paging
from driftd.values.settings import Section
from driftd.values.state import State


class Judgement(Section):
    """Every setting that decides what is said about a closed window.

    ``models`` holds the models whose incident settings differ from the common ones, each complete, and
    ``importances`` by model the columns whose importance is not 1, so two judgements that judge alike are equal.
    """

    detect: DetectSettings = Field(default_factory=DetectSettings)
    incidents: IncidentSettings = Field(default_factory=IncidentSettings)
    models: dict[str, IncidentSettings] = Field(default_factory=dict)
    fleet_budget: FleetBudget = None
    importances: dict[str, dict[str, Importance]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rules_are_known(self) -> Self:
        for settings in (self.incidents, *self.models.values()):
            for rule in settings.page_on:
                parse_page_rule(rule)
        return self

    def incidents_of(self, model: str) -> IncidentSettings:
        """Return the incident settings of a model."""
        return self.models.get(model, self.incidents)


def judgement_of(config: Config) -> Judgement:
    """Return what of a configuration decides verdicts."""
    common = config.incidents.of_model(None)
    own = {name: config.incidents_of(name) for name in config.models}
    importances = {name: _importances(model) for name, model in config.models.items()}
    return Judgement(
        detect=config.detect,
        incidents=common,
        models={name: settings for name, settings in own.items() if settings != common},
        fleet_budget=config.incidents.fleet_budget,
        importances={name: columns for name, columns in importances.items() if columns},
    )


def _importances(model: ModelSettings) -> dict[str, float]:
    return {name: column.importance for name, column in model.columns.items() if column.importance != 1}


class JudgementSet(NamedTuple):
    """A judgement and the window start from which on it is in force; None: from the beginning."""

    from_ms: int | None
    judgement: Judgement


class JudgementBook:
    """The judgements over time, the newest last. A window is judged by one of them, never two.

    ``add`` takes effect at the window start it is given; those that no open window can need are dropped by
    ``forget``. The stages ask with the start of the window that they judge.
    """

    def __init__(self, judgement: Judgement) -> None:
        self._sets: tuple[JudgementSet, ...] = (JudgementSet(None, judgement),)

    @property
    def sets(self) -> tuple[JudgementSet, ...]:
        """The judgements, oldest first."""
        return self._sets

    @property
    def newest(self) -> Judgement:
        """The judgement in force for all windows to come."""
        return self._sets[-1].judgement

    def add(self, judgement: Judgement, from_ms: int) -> None:
        """Put a judgement in force from window start ``from_ms`` on, and drop those that were to begin by then."""
        earlier = tuple(s for s in self._sets if s.from_ms is None or s.from_ms < from_ms)
        unchanged = earlier and earlier[-1].judgement == judgement
        self._sets = earlier if unchanged else (*earlier, JudgementSet(from_ms, judgement))

    def forget(self, before_ms: int) -> None:
        """Drop the judgements that were followed by another one in force at ``before_ms``."""
        in_force = self._at(before_ms)
        self._sets = self._sets[self._sets.index(in_force) :]

    def at(self, window_start_ms: int) -> Judgement:
        """Return the judgement in force for a window."""
        return self._at(window_start_ms).judgement

    def detect_at(self, window_start_ms: int) -> DetectSettings:
        """Return what detects drift in a window."""
        return self.at(window_start_ms).detect

    def incidents_at(self, model: str, window_start_ms: int) -> IncidentSettings:
        """Return how a model's incidents live in a window."""
        return self.at(window_start_ms).incidents_of(model)

    def paging_at(self, model: str, window_start_ms: int) -> Paging:
        """Return what pages for a model in a window; ``models`` is left at 1, for only the references tell."""
        in_force = self.at(window_start_ms)
        incidents = in_force.incidents_of(model)
        return Paging(
            rules=tuple(parse_page_rule(rule) for rule in incidents.page_on),
            budget=BudgetTerms(incidents.budget, in_force.fleet_budget),
            importances=in_force.importances.get(model, {}),
            join_ms=incidents.join,
        )

    def to_state(self) -> State:
        """Return the judgements as plain data."""
        return {"sets": [{"from_ms": s.from_ms, **s.judgement.plain()} for s in self._sets]}

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave; a setting that is not given has its default.

        Raises SnapshotFromFuture if it holds a setting that this release does not know.
        """
        self._sets = tuple(_set_from_state(dict(item)) for item in state["sets"])

    def _at(self, window_start_ms: int) -> JudgementSet:
        for candidate in reversed(self._sets):
            if candidate.from_ms is None or candidate.from_ms <= window_start_ms:
                return candidate
        return self._sets[0]


def _set_from_state(state: State) -> JudgementSet:
    from_ms = state.pop("from_ms")
    try:
        return JudgementSet(from_ms, Judgement.model_validate(state))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "incidents"
        raise SnapshotFromFuture(
            "record judgement",
            f"holds a setting that this release does not know: {where}: {first['msg']}",
            "run the release of driftd that wrote it, or start anew with driftd state reset",
        ) from error
