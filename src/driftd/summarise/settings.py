"""How a topic writes its events: where in the JSON each field is (docs/events.md, "The event")."""

from collections.abc import Iterator
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from driftd.values.hashing import content_id
from driftd.values.settings import Section

TOP_LEVEL = "."

Steps = tuple[str, ...]


def _dotted(path: str) -> str:
    if not all(path.split(".")):
        raise ValueError("must be a dotted path such as meta.model, without empty steps")
    return path


def _dotted_or_top_level(path: str) -> str:
    return path if path == TOP_LEVEL else _dotted(path)


def _digits(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Path = Annotated[str, AfterValidator(_dotted)]
FeaturesPath = Annotated[str, AfterValidator(_dotted_or_top_level)]
ConstantText = Annotated[str, Field(min_length=1), BeforeValidator(_digits)]


class Constant(Section):
    """A value that every event of the topic has: ``{const: fraud}``."""

    const: ConstantText = Field(description="the value itself")


def steps_of(path: str) -> Steps:
    """Return the keys that lead to a field, outermost first; none for the top level."""
    return () if path == TOP_LEVEL else tuple(path.split("."))


class TopicSettings(Section):
    """Where the fields of a topic's events are; the defaults are driftd's own form."""

    format: Literal["json"] = Field("json", description="how events are encoded")
    model: Path | Constant = Field("model", description="path of the model's name, or a constant")
    version: Path | Constant = Field("version", description="path of the model's version, or a constant")
    id: Path = Field("id", description="path of the event's id")
    timestamp: Path = Field("timestamp", description="path of the event's time")
    features: FeaturesPath = Field("features", description="path of the object of features; . is the event itself")
    prediction: Path = Field("prediction", description="path of the prediction")
    label: Path = Field("label", description="path of the label")
    exclude: frozenset[str] = Field(frozenset(), description="names of features that are not looked at")

    @model_validator(mode="after")
    def _paths_do_not_contradict(self) -> Self:
        for (first, one), (second, other) in combinations(self._paths(), 2):
            if one == other:
                raise ValueError(f"{first} and {second} must not have the same path {'.'.join(one)}")
            for outer, inner, name, within in ((one, other, first, second), (other, one, second, first)):
                if name != "features" and inner[: len(outer)] == outer:
                    raise ValueError(f"{within} must not lie inside {name}: only features is an object")
        return self

    def _paths(self) -> Iterator[tuple[str, Steps]]:
        for name in ("model", "version", "id", "timestamp", "features", "prediction", "label"):
            place = getattr(self, name)
            if isinstance(place, str):
                yield name, steps_of(place)

    @property
    def not_features(self) -> frozenset[str]:
        """Keys of the features' object that are no features: excluded, or on the way to another field."""
        features = steps_of(self.features)
        depth = len(features)
        return self.exclude | {
            steps[depth] for _, steps in self._paths() if len(steps) > depth and steps[:depth] == features
        }

    @property
    def content_id(self) -> str:
        """Name these settings: the same for the same settings, whatever the order of ``exclude``."""
        plain = self.model_dump(mode="json") | {"exclude": sorted(self.exclude)}
        return content_id(repr(sorted(plain.items())).encode())
