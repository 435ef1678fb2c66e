import os
import shutil
import subprocess

import pytest
from metric_pictures import column, incident, monitor, picture
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from driftd.metrics.collect import Collector
from driftd.metrics.render import render
from driftd.values.keys import ColumnKey, MonitorKey, Role

ODD = MonitorKey('a"b\\c\nd', "ü 1", "{x=1}")
COLLECTOR = Collector(
    lambda: picture(
        monitor(ODD, columns=(column(ColumnKey(Role.PREDICTION, 'p"\n')),), incidents=(incident(),)), monitor()
    )
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
OWN = "driftd_"


def own_lines(page: bytes) -> list[str]:
    """The lines about driftd: the process's own figures differ from scrape to scrape."""
    return [line for line in page.decode().splitlines() if OWN in line]


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "text/plain;version=0.0.4"])
def test_plain_text_is_what_is_served_unless_asked_otherwise(accept: str) -> None:
    """A browser, curl and an old Prometheus get the text format."""
    page, content_type = render(COLLECTOR, accept)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert not page.endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", [PROMETHEUS_2, PROMETHEUS_3])
def test_prometheus_gets_openmetrics(accept: str) -> None:
    """What Prometheus 2 and 3 send is answered with OpenMetrics."""
    page, content_type = render(COLLECTOR, accept)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0; charset=utf-8")
    assert page.endswith(b"# EOF\n")


@pytest.mark.parametrize("escaping", ["values", "dots", "underscores", "allow-utf-8"])
@pytest.mark.parametrize("kind", ["application/openmetrics-text", "text/plain"])
def test_names_are_never_rewritten(kind: str, escaping: str) -> None:
    """Our names are valid under every escaping scheme, so each gives the same page."""
    plain, _ = render(COLLECTOR, f"{kind};version=1.0.0")
    page, content_type = render(COLLECTOR, f"{kind};version=1.0.0;escaping={escaping};q=0.5,*/*;q=0.1")
    assert own_lines(page) == own_lines(plain)
    assert content_type.startswith(kind)


def test_odd_label_values_survive_both_formats() -> None:
    """Quotes, line breaks, backslashes and letters beyond ASCII in names come out as they went in."""
    for accept, read in (("", read_text), ("application/openmetrics-text", read_openmetrics)):
        page, _ = render(COLLECTOR, accept)
        found = {
            (s.labels["model"], s.labels["version"], s.labels["segment"], s.labels["column"])
            for family in read(page.decode())
            for s in family.samples
            if s.name == "driftd_column_shift"
        }
        assert found == {(*ODD, 'p"\n'), ("fraud", "3", "all", "amount")}


def test_process_metrics_come_along() -> None:
    """Memory and CPU time of the process are on the page."""
    page, _ = render(COLLECTOR, "")
    assert b"\nprocess_resident_memory_bytes " in page


@pytest.mark.prometheus
def test_promtool_finds_nothing_to_say() -> None:
    """Names, help and types pass Prometheus' own check."""
    promtool = shutil.which("promtool")
    if promtool is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is missing")
        pytest.skip("promtool is missing: install the prometheus package")
    page, _ = render(COLLECTOR, "")
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
