import pytest
from pydantic import ValidationError

from driftd.incidents.settings import Budget, IncidentSettings, parse_budget


def test_budget_over_a_span_of_event_time() -> None:
    """A horizon with a unit is a span of event time."""
    assert parse_budget("1 per 30d") == Budget(1, horizon_ms=30 * 86_400_000)


def test_budget_over_windows() -> None:
    """A horizon may be a number of windows."""
    assert parse_budget("2 per 8640 windows") == Budget(2, horizon_windows=8640)


@pytest.mark.parametrize("value", ["1 per 30d", "3 per 8640 windows"])
def test_budget_is_written_as_it_is_read(value: str) -> None:
    """Writing a budget and reading it again gives the same budget."""
    assert str(parse_budget(value)) == value


@pytest.mark.parametrize(
    "value", ["", "1", "0 per 30d", "1 per 0d", "1 per 0 windows", "-1 per 30d", "1 per 30", "one per 30d", 1, None]
)
def test_budget_that_is_none_is_refused(value: object) -> None:
    """Anything but pages per horizon is refused, with an example of what is right."""
    with pytest.raises(ValueError, match='such as "1 per 30d" or "1 per 8640 windows"'):
        parse_budget(value)


def test_horizons_of_a_span_depend_on_the_windows_length() -> None:
    """8,640 windows of 5 minutes are 30 days; of 1 minute, 6 days."""
    budget = parse_budget("1 per 30d")
    assert budget.horizons(8640, 300_000) == 1.0
    assert budget.horizons(8640, 60_000) == 0.2


def test_horizons_in_windows_do_not_depend_on_their_length() -> None:
    """Windows are counted as they are."""
    assert parse_budget("1 per 100 windows").horizons(250, 60_000) == 2.5


def test_defaults_page_on_adwin_and_gross_drift() -> None:
    """The defaults are those of the architecture."""
    settings = IncidentSettings()
    assert settings.page_on == ("adwin", "gross")
    assert str(settings.budget) == "1 per 30d"
    assert (settings.join, settings.hold, settings.page_max_age) == (3_600_000, 3_600_000, 3_600_000)


def test_settings_survive_json() -> None:
    """What check-config shows can be read back."""
    settings = IncidentSettings.model_validate({"budget": "2 per 100 windows", "join": "2h"})
    assert IncidentSettings.model_validate_json(settings.model_dump_json()) == settings


def test_page_on_is_a_list() -> None:
    """A bare text is refused rather than read letter by letter."""
    with pytest.raises(ValidationError, match=r"must be a list such as \[adwin, gross\]"):
        IncidentSettings.model_validate({"page_on": "adwin"})


def test_incident_older_than_page_max_age_when_found_does_not_page() -> None:
    """What is found after more than page_max_age is history, not news."""
    settings = IncidentSettings.model_validate({"page_max_age": "1m"})
    assert settings.pages(opened_ms=1_000_000, found_ms=1_060_000)
    assert not settings.pages(opened_ms=1_000_000, found_ms=1_060_001)
