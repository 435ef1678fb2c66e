import pytest
from pydantic import ValidationError

from driftd.incidents.settings import CommonIncidentSettings, IncidentSettings


def test_defaults_page_on_evidence() -> None:
    """The defaults are those of the architecture."""
    settings = IncidentSettings()
    assert settings.page_on == ("evidence",)
    assert str(settings.budget) == "1 per 30d"
    assert (settings.join, settings.hold, settings.page_max_age) == (3_600_000, 3_600_000, 3_600_000)


def test_settings_survive_json() -> None:
    """What check-config shows can be read back."""
    settings = IncidentSettings.model_validate({"budget": "2 per 100 windows", "join": "2h"})
    assert IncidentSettings.model_validate_json(settings.model_dump_json()) == settings


def test_page_on_is_a_list() -> None:
    """A bare text is refused rather than read letter by letter."""
    with pytest.raises(ValidationError, match=r"must be a list such as \[evidence, psi>0.2\]"):
        IncidentSettings.model_validate({"page_on": "adwin"})


def test_incident_older_than_page_max_age_when_found_does_not_page() -> None:
    """What is found after more than page_max_age is history, not news."""
    settings = IncidentSettings.model_validate({"page_max_age": "1m"})
    assert settings.pages(opened_ms=1_000_000, found_ms=1_060_000)
    assert not settings.pages(opened_ms=1_000_000, found_ms=1_060_001)


def test_a_model_follows_the_common_settings_but_for_its_own_keys() -> None:
    """What it gives counts even where it is the default; what it does not give is as for all models."""
    common = CommonIncidentSettings.model_validate({"join": "2h", "hold": "3h", "fleet_budget": "5 per 30d"})
    own = IncidentSettings.model_validate({"join": "1h"})
    assert IncidentSettings.model_validate({"join": "1h", "hold": "3h"}) == common.of_model(own)
    assert IncidentSettings.model_validate({"join": "2h", "hold": "3h"}) == common.of_model(None)


@pytest.mark.parametrize("budget", ["5 per 30d", "1 per 8640 windows", None])
def test_the_fleet_s_budget_survives_json(budget: str | None) -> None:
    """It is written as it is read, and may be left out."""
    settings = CommonIncidentSettings.model_validate({"fleet_budget": budget})
    assert budget == settings.plain()["fleet_budget"]
    assert settings == CommonIncidentSettings.model_validate(settings.plain())
