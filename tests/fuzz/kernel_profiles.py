"""The topics and profiles that made-up traffic is summed under: all that places, columns and references can be."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from driftd.references.masking import mask
from driftd.references.profile import ColumnProfile, Profile
from driftd.summarise.settings import TopicSettings
from driftd.values.hashing import text_hash
from driftd.values.keys import ColumnKey, Kind, Role
from driftd.values.privacy import Shown

TOPICS = [
    TopicSettings(),
    TopicSettings(features="."),
    TopicSettings.model_validate(
        {
            "model": "meta.model",
            "version": "meta.version",
            "id": "meta.id",
            "timestamp": "meta.at",
            "features": "data.features",
            "prediction": "data.out.score",
            "label": "data.features.label",
        }
    ),
    TopicSettings.model_validate(
        {
            "model": {"const": "fraud"},
            "version": {"const": 3},
            "features": "data",
            "prediction": "data.p",
            "id": "data.id.x",
            "timestamp": "data.at.ms",
            "label": "truth.label",
            "exclude": ["amount", "place"],
        }
    ),
    TopicSettings.model_validate(
        {"features": ".", "model": "meta.model", "prediction": "meta.p", "label": "truth", "exclude": ["country"]}
    ),
]
NUMERIC = {
    "amount": (0.0, 10.0, 100.0),
    "a.b": (-1e300, -1.0, -0.0, 5e-324, 0.1, 0.30000000000000004, 1.0, 2.0**53, 2.0**63, 2.0**64, 1e22, 1e300),
    "größe": (),
    "label": (0.5,),
}
CATEGORICAL = {
    "country": ("DE", "FR", "", "😀"),
    "flag": ("false", "true"),
    "": ("x",),
    "model": ("fraud",),
    "id": ("e",),
}
VECTORS = {"place": 4, "embedding": 40}


def numeric(role: Role, name: str, edges: Sequence[float], **more: Any) -> ColumnProfile:
    """Return a numeric column's profile."""
    bins = len(edges) + 1
    key = ColumnKey(role, name)
    return replace(
        ColumnProfile(key, Kind.NUMERIC, 0, 0, 0, (0,) * bins, tuple(sorted(edges)), tuple(range(bins))), **more
    )


def categorical(role: Role, name: str, categories: Sequence[str], **more: Any) -> ColumnProfile:
    """Return a categorical column's profile."""
    key = ColumnKey(role, name)
    bins = (0,) * (len(categories) + 1)
    return replace(ColumnProfile(key, Kind.CATEGORICAL, 0, 0, 0, bins, categories=tuple(categories)), **more)


def _element(feature: str, index: int, *edges: float) -> ColumnProfile:
    return numeric(Role.FEATURE, f"{feature}[{index}]", edges, vector=(feature, index))


def _features() -> Iterator[ColumnProfile]:
    for name, edges in NUMERIC.items():
        yield numeric(Role.FEATURE, name, edges)
    for name, categories in CATEGORICAL.items():
        yield categorical(Role.FEATURE, name, categories, known=frozenset({text_hash("IT"), text_hash("town 7")}))
    yield categorical(Role.FEATURE, "free", ("a",), open_vocabulary=True)
    yield _element("place", 0, 0.0)
    yield categorical(Role.FEATURE, "place[2]", ("x", "DE"), vector=("place", 2))
    yield from (_element("embedding", index, -1.0, 0.0, 1.0) for index in range(40))


def _predicted(kind: str) -> Iterator[ColumnProfile]:
    edges = (0.25, 0.5, 0.75)
    if kind == "number":
        yield numeric(Role.PREDICTION, "prediction", edges)
    elif kind == "class":
        yield categorical(Role.PREDICTION, "prediction", ("DE", "true"))
    else:
        yield from (numeric(Role.PREDICTION, f"prediction:{name}", edges, class_name=name) for name in ("yes", "", "é"))
    if kind == "class":
        yield categorical(Role.LABEL, "label", ("DE", "true"))
    else:
        yield numeric(Role.LABEL, "label", edges)
    yield numeric(Role.ERROR, "error", edges)


def _profile(model: str, version: str, columns: Iterable[ColumnProfile], **more: Any) -> Profile:
    ordered = tuple(sorted(columns, key=lambda column: column.key))
    name = f"{model} {version}"
    return replace(Profile(model, version, 10, ordered, binning_id=f"bins {name}", reference_id=name), **more)


def _profiles() -> Iterator[Profile]:
    """Yield profiles that differ in all that a column can be; names of one take other values in another."""
    yield _profile("fraud", "3", (*_features(), *_predicted("number")), left_out={"feature:place[3]": "constant"})
    yield _profile("fraud", "", (*_features(), *_predicted("class")), left_out={"feature:place[3]": "constant"})
    yield _profile("ads", "3", (_element("place", 1, 0.0), *_predicted("chances")))
    swapped = (numeric(Role.FEATURE, "country", (0.0, 1.0)), categorical(Role.FEATURE, "amount", ("DE", "1")))
    yield _profile("ads", "", (*swapped, categorical(Role.FEATURE, "place", ("DE",))))
    yield _profile("-7", "", ())
    for shown in (Shown.HASH, Shown.HIDE):
        whole = _profile(str(shown), "", (*_features(), *_predicted("class")))
        masked = mask(whole, dict.fromkeys((*NUMERIC, *CATEGORICAL, "free", "prediction", "label"), shown))
        yield replace(masked, binning_id=str(shown), reference_id=str(shown))


PROFILES = list(_profiles())


@dataclass(frozen=True)
class Book:
    """What is in force: by model, version and window, without a rule that anybody could learn."""

    profiles: Sequence[Profile | None]

    def find(self, model: str, version: str, start_ms: int) -> Profile | None:
        """Return the profile in force; always the same for the same question."""
        return self.profiles[crc32(f"{model}\0{version}\0{start_ms}".encode()) % len(self.profiles)]
