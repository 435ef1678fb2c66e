"""The false pages a month that a configuration allows."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.config.forecast import Forecast, forecast
from driftd.config.load import load_config


def forecast_of(
    incidents: Mapping[str, Any],
    models: Mapping[str, Mapping[str, Any]] | None = None,
    versions: Mapping[str, Sequence[str]] | None = None,
    window: str = "5m",
) -> Forecast:
    """Return the forecast for a configuration whose evidence pages, where it says nothing else.

    ``models`` are incident settings by model; without ``versions`` nobody knows which models there are.
    """
    sections = {
        "windows": {"duration": window},
        "incidents": {"page_on": ["evidence"], **incidents},
        "models": {name: {"incidents": own} for name, own in (models or {}).items()},
    }
    return forecast(load_config(None, {}, sections), versions or {}, is_complete=versions is not None)


def test_a_budget_over_a_span_is_what_it_says() -> None:
    """Pages in 30 days do not depend on the windows; the evidence that it takes does."""
    found = [forecast_of({"budget": "1 per 10d"}, window=window).models[0] for window in ("1m", "5m")]
    assert [3, 3] == [round(model.false_pages, 9) for model in found]
    assert [14_400, 2_880] == [model.threshold for model in found]
    assert log10(14_400) == found[0].log10_threshold


def test_a_budget_over_windows_depends_on_their_length() -> None:
    """8,640 windows are 30 days at 5 minutes and 6 at 1."""
    budget = {"budget": "1 per 8640 windows"}
    assert 1 == forecast_of(budget, window="5m").models[0].false_pages
    assert 5 == forecast_of(budget, window="1m").models[0].false_pages


def test_models_are_those_that_the_configuration_or_a_profile_names() -> None:
    """Each once, by name, with its own budget and the versions that have a profile."""
    found = forecast_of({}, {"fraud": {"budget": "4 per 30d"}, "new": {}}, {"fraud": ["1", "2"], "churn": ["none"]})
    expected = [("churn", ("none",), 1), ("fraud", ("1", "2"), 4), ("new", (), 1)]
    assert expected == [(m.model, m.versions, round(m.false_pages, 9)) for m in found.models]
    assert 6 == pytest.approx(found.false_pages)


def test_versions_of_a_model_do_not_add_to_its_budget() -> None:
    """They share it."""
    one, many = (forecast_of({}, None, {"fraud": versions}) for versions in (["1"], ["1", "2", "3"]))
    assert one.false_pages == many.false_pages


@pytest.mark.parametrize("versions", [None, {}])
def test_where_no_model_is_known_the_forecast_is_for_each(versions: Mapping[str, Sequence[str]] | None) -> None:
    """And nothing is said of all together."""
    found = forecast_of({}, None, versions)
    assert [None] == [model.model for model in found.models]
    assert found.false_pages is None


def test_where_not_all_models_are_known_the_others_are_told_as_one() -> None:
    """With the common budget."""
    found = forecast_of({"budget": "2 per 30d"}, {"fraud": {"budget": "1 per 30d"}})
    assert [("fraud", 1), (None, 2)] == [(m.model, round(m.false_pages, 9)) for m in found.models]
    assert found.false_pages is None


def test_the_fleet_s_budget_is_divided_by_the_models() -> None:
    """Each has the same part, and less where its own budget is less."""
    models = {"a": {}, "b": {}, "c": {"budget": "1 per 300d"}}
    found = forecast_of({"fleet_budget": "1 per 30d"}, models, {"a": ["1"]})
    assert [1 / 3, 1 / 3, 0.1] == pytest.approx([model.false_pages for model in found.models])
    assert [3 * 8_640, 3 * 8_640, 86_400] == [model.threshold for model in found.models]
    assert 1 == found.fleet_pages


def test_the_fleet_s_budget_bounds_models_that_are_not_known() -> None:
    """However many there turn out to be."""
    assert 5 == pytest.approx(forecast_of({"fleet_budget": "5 per 30d"}).false_pages)


def test_what_else_pages_is_named_and_not_counted() -> None:
    """No budget binds detectors, gross and distances; where evidence does not page the budget allows nothing."""
    models = {"loose": {"page_on": ["gross", "evidence", "psi>0.2"]}, "old": {"page_on": ["adwin"]}}
    found = forecast_of({}, models, {"loose": ["1"], "old": ["1"]})
    assert [("gross", "psi>0.2"), ("adwin",)] == [model.unbound for model in found.models]
    assert [1, 0] == [model.false_pages for model in found.models]
    assert found.models[0].threshold == found.models[1].threshold


def test_the_document_holds_all_of_it() -> None:
    """As ``check-config --json`` prints it."""
    found = forecast_of({"fleet_budget": "7 per 30d", "page_on": ["evidence", "gross"]}, None, {"fraud": ["1"]})
    assert {
        "days": 30,
        "window": "5m",
        "models": [
            {
                "model": "fraud",
                "versions": ["1"],
                "budget": "1 per 30d",
                "false_pages": 1.0,
                "threshold_windows": 8640.0,
                "threshold_log10": log10(8640),
                "unbound": ["gross"],
            }
        ],
        "fleet_budget": "7 per 30d",
        "false_pages": 1.0,
    } == found.document()


budgets = st.builds("{} per {}d".format, st.integers(1, 20), st.integers(10, 300))


@given(st.dictionaries(st.text("abc", min_size=1), budgets, min_size=1, max_size=8), budgets)
def test_all_together_never_exceed_the_fleet_s_budget(own: dict[str, str], fleet: str) -> None:
    """Nor any model its own."""
    models = {name: {"budget": budget} for name, budget in own.items()}
    versions = {name: ["1"] for name in own}
    free, bound = (forecast_of({"fleet_budget": cap}, models, versions) for cap in (None, fleet))
    assert bound.false_pages is not None
    assert bound.fleet_pages is not None
    assert bound.false_pages <= bound.fleet_pages * (1 + 1e-12)
    assert all(b.false_pages <= f.false_pages for b, f in zip(bound.models, free.models, strict=True))
