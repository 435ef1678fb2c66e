"""What decides the verdict on a closed window, and which of it is in force when: over reloads and restarts."""

from typing import NamedTuple, Self

from pydantic import Field, ValidationError, model_validator

from driftd.config.model import Config
from driftd.detect.settings import DetectSettings, parse_page_rule
from driftd.errors import SnapshotFromFuture
from driftd.incidents.settings import IncidentSettings
from driftd.values.settings import PageRule, Section
from driftd.values.state import State


class Judgement(Section):
    """Every setting that decides what is said about a closed window.

    ``models`` holds the models whose incident settings differ from the common ones, each complete, so two
    judgements that judge alike are equal.
    """

    detect: DetectSettings = Field(default_factory=DetectSettings)
    incidents: IncidentSettings = Field(default_factory=IncidentSettings)
    models: dict[str, IncidentSettings] = Field(default_factory=dict)

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
    own = {name: config.incidents_of(name) for name in config.models}
    return Judgement(
        detect=config.detect,
        incidents=config.incidents,
        models={name: settings for name, settings in own.items() if settings != config.incidents},
    )


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

    def page_on_at(self, model: str, window_start_ms: int) -> tuple[PageRule, ...]:
        """Return what pages for a model in a window."""
        return tuple(parse_page_rule(rule) for rule in self.incidents_at(model, window_start_ms).page_on)

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
