"""The false-page budget: how it is read, and the thresholds that follow from it."""

from fractions import Fraction
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.values.budget import Budget, importance_of, monitor_threshold, parse_budget

DAY = 86_400_000
MINUTE = 60_000

budgets = st.builds(Budget, st.integers(1, 10**6), st.integers(1, 36_500 * DAY)) | st.builds(
    Budget, st.integers(1, 10**6), st.none(), st.integers(1, 10**9)
)
lengths = st.integers(1, 365 * DAY)
parts = st.lists(st.integers(1, 10**6), min_size=1, max_size=20)


def test_budget_over_a_span_of_event_time() -> None:
    """A horizon with a unit is a span of event time."""
    assert Budget(1, horizon_ms=30 * DAY) == parse_budget("1 per 30d")


def test_budget_over_windows() -> None:
    """A horizon may be a number of windows."""
    assert Budget(2, horizon_windows=8640) == parse_budget("2 per 8640 windows")


@pytest.mark.parametrize("value", ["1 per 30d", "3 per 8640 windows"])
def test_budget_is_written_as_it_is_read(value: str) -> None:
    """Writing a budget and reading it again gives the same budget."""
    assert value == str(parse_budget(value))


@pytest.mark.parametrize(
    "value",
    ["", "1", "0 per 30d", "1 per 0d", "1 per 0 windows", "-1 per 30d", "1 per 30", "one per 30d", 1, None],
)
def test_budget_that_is_none_is_refused(value: object) -> None:
    """Anything but pages per horizon is refused, with an example of what is right."""
    with pytest.raises(ValueError, match='such as "1 per 30d" or "1 per 8640 windows"'):
        parse_budget(value)


@pytest.mark.parametrize("value", [f"{10**9} per 30d", f"1 per {10**9} windows", f"1 per {'9' * 5_000} windows"])
def test_budget_of_more_than_nine_digits_is_refused(value: str) -> None:
    """Every threshold is a finite number."""
    with pytest.raises(ValueError, match="must be pages per horizon"):
        parse_budget(value)


def test_horizons_of_a_span_depend_on_the_windows_length() -> None:
    """8,640 windows of 5 minutes are 30 days; of 1 minute, 6 days."""
    budget = parse_budget("1 per 30d")
    assert 1.0 == budget.horizons(8640, 5 * MINUTE)
    assert 0.2 == budget.horizons(8640, MINUTE)


def test_horizons_in_windows_do_not_depend_on_their_length() -> None:
    """Windows are counted as they are."""
    assert 2.5 == parse_budget("1 per 100 windows").horizons(250, MINUTE)


@pytest.mark.parametrize(
    ("budget", "window_ms", "threshold"),
    [
        ("1 per 30d", MINUTE, 43_200),
        ("1 per 30d", 5 * MINUTE, 8_640),
        ("2 per 30d", 5 * MINUTE, 4_320),
        ("1 per 30d", 200_000, 12_960),
        ("1 per 8640 windows", MINUTE, 8_640),
        ("3 per 300 windows", 5 * MINUTE, 100),
    ],
)
def test_the_threshold_is_the_windows_to_a_false_page(budget: str, window_ms: int, threshold: float) -> None:
    """A = H / (Δ B), and N / B whatever Δ where the horizon is N windows."""
    assert threshold == parse_budget(budget).threshold(window_ms)


@pytest.mark.parametrize(
    ("fleet", "models", "share", "threshold"),
    [
        (None, 50, 1, 8_640),
        (None, 50, 0.25, 4 * 8_640),
        ("10 per 30d", 5, 1, 8_640),  # the part of each would be 2: its own budget binds
        ("10 per 30d", 20, 1, 2 * 8_640),
        ("10 per 30d", 20, 0.5, 4 * 8_640),
        ("1 per 1000 windows", 20, 1, 20_000),
    ],
)
def test_a_monitor_has_its_share_of_what_binds_its_model(
    fleet: str | None, models: int, share: float, threshold: float
) -> None:
    """The model's own budget, or its part of the fleet's where that is less."""
    terms = parse_budget("1 per 30d"), None if fleet is None else parse_budget(fleet)
    assert threshold == monitor_threshold(*terms, window_ms=5 * MINUTE, models=models, share=share)


def pages_in(span_ms: int, window_ms: int, threshold: float) -> Fraction:
    """Return the false pages of a monitor that has one in ``threshold`` windows."""
    return Fraction(span_ms, window_ms) / Fraction(threshold)


@given(budgets, budgets | st.none(), lengths, parts, st.integers(1, 100))
def test_monitors_together_never_exceed_their_model_s_budget(
    budget: Budget, fleet: Budget | None, window_ms: int, weights: list[int], models: int
) -> None:
    """Shares that sum to 1 allow one false page in A windows: the sum of 1 / A_m is at most 1 / A."""
    shares = [weight / sum(weights) for weight in weights]
    thresholds = [monitor_threshold(budget, fleet, window_ms=window_ms, models=models, share=share) for share in shares]
    allowed = 1 / budget.threshold(window_ms)
    assert sum(1 / threshold for threshold in thresholds) <= allowed * (1 + 1e-12)


@given(st.integers(1, 1_000), st.integers(DAY, 365 * DAY), parts, st.data())
def test_monitors_with_windows_of_their_own_lengths_share_a_span_of_time(
    pages: int, horizon_ms: int, weights: list[int], data: st.DataObject
) -> None:
    """Over the horizon all of them together have the budget's pages, whatever the length of each one's windows."""
    budget = Budget(pages, horizon_ms=horizon_ms)
    spent = Fraction(0)
    for weight in weights:
        window_ms = data.draw(lengths)
        threshold = monitor_threshold(budget, None, window_ms=window_ms, models=1, share=weight / sum(weights))
        spent += pages_in(horizon_ms, window_ms, threshold)
    assert isclose(pages, spent, rel_tol=1e-12)


@given(st.lists(budgets, min_size=1, max_size=20), budgets, lengths)
def test_models_together_never_exceed_the_fleet_s_budget(own: list[Budget], fleet: Budget, window_ms: int) -> None:
    """Whatever each of them may have for itself."""
    thresholds = [monitor_threshold(b, fleet, window_ms=window_ms, models=len(own), share=1) for b in own]
    assert sum(1 / threshold for threshold in thresholds) <= (1 + 1e-12) / fleet.threshold(window_ms)


@given(budgets, budgets | st.none(), st.data())
def test_more_to_share_and_less_to_have_never_lower_the_threshold(
    budget: Budget, fleet: Budget | None, data: st.DataObject
) -> None:
    """More models, a smaller share, fewer pages, shorter windows and a fleet's budget: each asks for more evidence."""
    window_ms, models, share = data.draw(st.tuples(lengths, st.integers(1, 100), st.floats(1e-6, 1)))
    least = monitor_threshold(budget, fleet, window_ms=window_ms, models=models, share=share)
    fewer = budget._replace(pages=data.draw(st.integers(1, budget.pages)))
    shorter_ms = data.draw(st.integers(1, window_ms))
    smaller = data.draw(st.floats(1e-9, share))
    more = data.draw(st.integers(models, 10_000))
    assert least >= monitor_threshold(budget, None, window_ms=window_ms, models=models, share=share)
    assert least <= monitor_threshold(fewer, fleet, window_ms=window_ms, models=models, share=share)
    assert least <= monitor_threshold(budget, fleet, window_ms=shorter_ms, models=models, share=share)
    assert least <= monitor_threshold(budget, fleet, window_ms=window_ms, models=more, share=share)
    assert least <= monitor_threshold(budget, fleet, window_ms=window_ms, models=models, share=smaller)


@pytest.mark.parametrize(
    ("column", "importance"),
    [("amount", 3), ("amounts", 1), ("age", 1), ("embedding[7]", 2), ("embedding[3]", 1), ("prediction[yes]", 10)],
)
def test_a_column_has_the_importance_of_the_settings_that_name_it(column: str, importance: float) -> None:
    """Itself, its vector, or ``prediction`` for a class; several are multiplied, none is 1."""
    settings = {"amount": 3.0, "embedding": 2.0, "embedding[3]": 0.5, "prediction": 10.0}
    assert importance == importance_of(column, settings)


def test_the_order_of_the_settings_does_not_change_an_importance() -> None:
    """To the bit: products are taken in the order of the names."""
    settings = {"v": 0.1, "v[0]": 0.7, "v[0][1]": 3.3}
    turned = dict(reversed(settings.items()))
    assert importance_of("v[0][1]", settings) == importance_of("v[0][1]", turned)
