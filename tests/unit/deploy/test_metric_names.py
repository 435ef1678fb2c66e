"""Metric names in deploy/, docs/ and README.md are those of the catalogue, or of a recording rule."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dashboards import FILES, ROOT
from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.metric import MetricType

RULES = ROOT / "deploy" / "prometheus" / "driftd.rules.yaml"
SUFFIXES = ("_bucket", "_sum", "_count")
NAMES = {metric.name for metric in CATALOGUE}
EXPORTED = NAMES | {
    metric.name + suffix for metric in CATALOGUE if metric.type is MetricType.HISTOGRAM for suffix in SUFFIXES
}

#: A metric (driftd_…, perhaps with * for several), or a recording rule (driftd:…:…).
_NAME = re.compile(r"(?<![\w./-])driftd(?:_[a-z0-9_]+\*?|(?::[a-z0-9_]+){2,})")

#: Metrics that no dashboard shows, and why not.
NOT_SHOWN = {
    "driftd_incidents_total": "begins at zero with the process; the dashboards count the incidents' ids instead",
}


def files() -> Iterator[Path]:
    """Yield every file that may name a metric."""
    yield ROOT / "README.md"
    for folder in ("deploy", "docs"):
        yield from (path for path in sorted((ROOT / folder).rglob("*")) if path.is_file())


def names(path: Path) -> set[str]:
    """Return what looks like a metric in a file; a file that is no text has none."""
    try:
        return set(_NAME.findall(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        return set()


def recorded() -> set[str]:
    """Return the names of the recording rules."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def known(name: str) -> bool:
    """Whether a name, or each one that begins so, is a metric or a recording rule."""
    if name.endswith("*"):
        return any(one.startswith(name.removesuffix("*")) for one in EXPORTED)
    return name in EXPORTED or name in recorded()


@pytest.mark.parametrize("path", list(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_name_is_exported_or_recorded(path: Path) -> None:
    """Nobody is sent looking for a metric that does not exist."""
    assert [] == sorted(name for name in names(path) if not known(name))


def test_recording_rules_are_named_by_level_metric_and_operation() -> None:
    """So that they are told from metrics, and found by the test above."""
    assert [] == [name for name in recorded() if not _NAME.fullmatch(name)]


def test_every_metric_is_on_a_dashboard() -> None:
    """What is exported is shown, or there is a reason why not."""
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for path in FILES.values() for name in names(path)}
    assert NOT_SHOWN.keys() == NAMES - shown


def test_the_names_are_found() -> None:
    """The tests above rest on what is found in a text: metrics and rules, and neither images nor modules."""
    text = "`driftd_ready` driftd_delivery_* driftd:incident_firing:max driftd/driftd:0.1.0 driftd._kernel my_driftd_x"
    assert ["driftd_ready", "driftd_delivery_*", "driftd:incident_firing:max"] == _NAME.findall(text)
