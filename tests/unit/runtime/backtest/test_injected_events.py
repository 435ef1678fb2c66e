"""Events with changes put into them."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from driftd.errors import ConfigurationError
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.references.build import build_profile
from driftd.references.profile import Profile
from driftd.references.rows import Row
from driftd.runtime.backtest.injected import InjectedEvents
from driftd.runtime.backtest.injection import parse_injection
from driftd.values.keys import ColumnKey, Role
from driftd.values.settings import LimitSettings


def profile(model: str = "m", **more: Any) -> Profile:
    """A profile with a number, a category, a vector, a prediction and a label."""
    rows = [
        Row({"x": float(at % 9), "c": "ab"[at % 2], "v": [float(at % 5), 1.0 + at % 3], **more}, at % 7, at % 4)
        for at in range(300)
    ]
    return build_profile(lambda: rows, model=model)


def classes() -> Profile:
    """A profile of class probabilities."""
    rows = [Row({"x": float(at % 9)}, {"yes": at % 10 / 10, "no": 1 - at % 10 / 10}) for at in range(300)]
    return build_profile(lambda: rows, model="m")


def event(model: str = "m", **fields: Any) -> bytes:
    """An event; its spelling is not what injecting writes."""
    plain = {"timestamp": 1_790_000_000_000, "model": model, "features": {"x": 1.0, "c": "a"}}
    return json.dumps(plain | fields, indent=1).encode()


class Held:
    """Events in memory."""

    name = "events.jsonl"

    def __init__(self, events: Iterable[bytes]) -> None:
        self._events = list(events)

    def events(self, start: int = 0) -> Iterator[bytes]:
        """Yield them."""
        yield from self._events[start:]


def injected(events: Iterable[bytes], *specs: str, profiles: Iterable[Profile] = (), first: int = 0) -> InjectedEvents:
    """Put changes into events."""
    book = ReferenceBook([ReferenceSet(None, tuple(profiles) or (profile(),))])
    injections = [parse_injection(spec) for spec in specs]
    return InjectedEvents(Held(events), injections, book, book.sets[-1].profiles, first=first, limits=LimitSettings())


def features(events: Iterable[bytes]) -> list[dict[str, Any]]:
    """The features of each event."""
    return [json.loads(value)["features"] for value in events]


def test_what_comes_before_passes_byte_for_byte() -> None:
    """From the injection's row on, rows being counted from 0 in the data, wherever reading starts."""
    rows = [event(features={"x": float(at), "c": "a"}) for at in range(6)]
    done = injected(rows, "x: shift 100 from 4", first=2)
    values = list(done.events(2))
    assert rows[2:4] == values[:2]
    assert [{"x": 104.0, "c": "a"}, {"x": 105.0, "c": "a"}] == features(values[2:])
    assert (4, [2], [1_790_000_000_000]) == (done.first_row, done.changed, done.starts_ms)


def test_injections_apply_in_their_order() -> None:
    """The second one changes what the first one left; each from its own row on."""
    rows = [event(features={"x": 1.0})] * 3
    assert [1.0, 3.0, 30.0] == [
        f["x"] for f in features(injected(rows, "x: shift 2 from 1", "x: unit 10 from 2").events())
    ]
    assert [1.0, 10.0, 12.0] == [
        f["x"] for f in features(injected(rows, "x: unit 10 from 1", "x: shift 2 from 2").events())
    ]


def test_every_numeric_feature_is_meant_by_a_star() -> None:
    """Elements of vectors too; not categories, predictions and labels. What it came to is told."""
    done = injected([event(features={"x": 1, "c": "a", "v": [1, 2]}, prediction=3, label=4)], "*: shift 10 from 0")
    (document,) = map(json.loads, done.events())
    assert {"x": 11.0, "c": "a", "v": [11.0, 12.0]} == document["features"]
    assert (3, 4) == (document["prediction"], document["label"])
    assert [[ColumnKey(Role.FEATURE, name) for name in ("v[0]", "v[1]", "x")]] == list(done.columns)
    assert [3] == done.changed


def test_star_leaves_out_what_cannot_be_changed_so() -> None:
    """A constant column has no standard deviation to be shifted by; where nothing is left, that is an error."""
    done = injected([event()], "*: shift 1 sd from 0", profiles=[profile(still=3.0)])
    assert "still" not in {column.name for column in done.columns[0]}
    with pytest.raises(ConfigurationError, match="there is no numeric feature that can be changed so: name columns"):
        injected([event()], "*: swap from 0")


def test_predictions_labels_and_elements_have_their_places() -> None:
    """By the names that pages give them."""
    rows = [event(features={"x": 1, "v": [1, 2]}, prediction=3, label=4)]
    (document,) = map(json.loads, injected(rows, "prediction, label, v[1]: shift 10 from 0").events())
    assert ({"x": 1, "v": [1, 12.0]}, 13.0, 14.0) == (document["features"], document["prediction"], document["label"])
    rows = [event(prediction={"yes": 0.75, "no": 0.25})]
    (document,) = map(json.loads, injected(rows, "prediction[yes]: unit 2 from 0", profiles=[classes()]).events())
    assert {"yes": 1.5, "no": 0.25} == document["prediction"]


@pytest.mark.parametrize("given", [{}, {"v": None}, {"v": "12"}, {"v": [1]}, {"v": {"1": 2}}, {"v": 7}])
def test_what_is_not_there_cannot_change(given: dict[str, Any]) -> None:
    """A value that is absent, or of another shape than the reference's, stays what it was: missing or invalid."""
    done = injected([event(features=given)], "v[1], prediction: shift 10 from 0")
    assert [given] == features(done.events())
    assert [0] == done.changed


def test_what_would_be_rejected_passes_as_it_is() -> None:
    """Broken lines, events of no known model, and events too deep to be written again."""
    deep = event(features={"x": 1.0, "deep": None}).replace(b"null", b"[" * 1_000 + b"]" * 1_000)
    rows = [b"{broken", b"", event("stranger"), event(features=[1]), b"[1]"]
    assert rows == list(injected(rows, "x: shift 1 from 0").events())
    (value,) = injected([deep], "x: shift 1 from 0").events()
    assert value == deep or json.loads(value)["features"]["x"] == 2.0


def test_what_is_not_finite_stays_so() -> None:
    """NaN and infinities are invalid in their columns before and after, and a sum that overflows is too."""
    rows = [b'{"model": "m", "timestamp": 1790000000000, "features": {"x": 1e308, "c": NaN, "v": [-1e999, 1]}}']
    (value,) = injected(rows, "x, v[1]: unit 10 from 0").events()
    assert b'"features": {"x": Infinity, "c": NaN, "v": [-Infinity, 10.0]}' in value


def test_models_are_changed_by_their_own_references() -> None:
    """Each model whose profile has the column; a version without a profile by its predecessor's."""
    wide = build_profile(lambda: [Row({"x": float(at % 900)}) for at in range(900)], model="wide")
    rows = [event("m"), event("wide"), event("wide", version="7"), event("stranger")]
    done = injected(rows, "x: shift 1 sd from 0", profiles=[profile(), wide])
    sds = [next(c for c in p.columns if c.key.name == "x").moments["sd"] for p in (profile(), wide, wide)]
    assert [1.0 + sd for sd in sds] + [1.0] == [f["x"] for f in features(done.events())]


def test_source_that_is_read_again_counts_again() -> None:
    """The same bytes, the same counts."""
    done = injected([event()] * 5, "x: missing 0.5 from 1")
    first = (list(done.events()), done.changed, done.starts_ms)
    assert first == (list(done.events()), done.changed, done.starts_ms)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("predictions: shift 1 from 9", "there is no column 'predictions': did you mean 'prediction'?"),
        (
            "score: shift 1 from 9",
            "there is no column 'score': there are 'c', 'v[0]', 'v[1]', 'x', 'label', 'prediction'",
        ),
        (
            "error: shift 1 from 9",
            "there is no column 'error': there are 'c', 'v[0]', 'v[1]', 'x', 'label', 'prediction'",
        ),
        ("c: shift 1 from 9", "column 'c' is categorical: it can be swapped or go missing"),
        ("x: shift 1 from 4", "must be from row 5 on: the rows before are the reference"),
    ],
)
def test_injection_that_cannot_be_is_refused(spec: str, expected: str) -> None:
    """Before any row is read; an error column is worked out from prediction and label and not to be changed."""
    with pytest.raises(ConfigurationError) as caught:
        injected([event()] * 20, spec, first=5)
    assert ("--inject", spec, expected) == (caught.value.key, caught.value.value, caught.value.expected)


def test_row_beyond_the_data_is_refused() -> None:
    """As soon as the data have ended: how many rows there are is not known before."""
    with pytest.raises(ConfigurationError) as caught:
        list(injected([event()] * 20, "x: shift 1 from 3", "x: shift 1 from 20", first=2).events(2))
    assert "must be from a row before 20 on: events.jsonl has 20 rows" == caught.value.expected
    assert len(list(injected([event()] * 20, "x: shift 1 from 19").events())) == 20
