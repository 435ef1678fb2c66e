"""What may be configured of detecting, and what may page."""

import pytest
from pydantic import ValidationError

from driftd.detect.settings import DETECTORS, DetectorSettings, DetectSettings, parse_page_rule
from driftd.values.settings import PageRule


def test_adwin_and_page_hinkley_are_on_by_default() -> None:
    """Without a word in the configuration exactly ADWIN and Page-Hinkley run."""
    assert list(DetectSettings().detectors.enabled) == ["adwin", "page_hinkley"]


def test_page_hinkley_does_not_fade_by_default() -> None:
    """With river's own alpha Page-Hinkley alarms by itself, so the default is 1."""
    options = DetectorSettings().page_hinkley
    assert options is not None
    assert options.alpha == 1.0


def test_null_switches_a_detector_off_and_options_switch_one_on() -> None:
    """Naming one detector leaves the others as they were."""
    settings = DetectorSettings.model_validate({"adwin": None, "kswin": {"alpha": 0.0001}})
    assert list(settings.enabled) == ["page_hinkley", "kswin"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"dummy": {}},
        {"adwin": {"delta": 0}},
        {"adwin": {"deltas": 0.1}},
        {"page_hinkley": {"mode": "sideways"}},
        {"kswin": {"window_size": 50, "stat_size": 30}},
        {"eddm": {"alpha": 0.8}},
        {"fhddm": {"short_window_size": 100}},
    ],
)
def test_unknown_detectors_and_impossible_options_are_refused(wrong: dict[str, object]) -> None:
    """The list of detectors is closed, and what river would stumble over is told at once."""
    with pytest.raises(ValidationError):
        DetectorSettings.model_validate(wrong)


@pytest.mark.parametrize("name", ["evidence", *DETECTORS, "gross"])
def test_evidence_detectors_and_gross_are_page_rules(name: str) -> None:
    """Evidence, a detector's name or gross alone is a rule."""
    assert parse_page_rule(name) == PageRule(name)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("psi>0.2", PageRule("psi", 0.2)),
        (" js > 1e-2 ", PageRule("js", 0.01)),
        ("ks>.5", PageRule("ks", 0.5)),
        ("wasserstein>1", PageRule("wasserstein", 1.0)),
    ],
)
def test_a_distance_with_a_threshold_is_a_page_rule(text: str, rule: PageRule) -> None:
    """Distances page above a threshold."""
    assert parse_page_rule(text) == rule


@pytest.mark.parametrize("text", ["", "psi", "psi>", "psi>0", "psi>-1", "psi>1.2.3", "psi<0.2", "adwin>3", "chi2>3", 7])
def test_any_other_page_rule_is_refused(text: object) -> None:
    """The message says what would be right."""
    with pytest.raises(ValueError, match=r"psi>0\.2"):
        parse_page_rule(text)
