"""Every query of the shipped dashboards, on a real Prometheus that scrapes a real daemon with an open incident."""

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from daemon_process import DaemonProcess, daemon, write_config
from served_program import ServedProgram, prometheus
from small_world import PARTITIONS, small_world

from broker import free_ports
from dashboards import FILES, Document, choices, filled, in_pattern, load, queries, variables
from kafka_cluster import Cluster, Record

pytestmark = [pytest.mark.kafka, pytest.mark.prometheus, pytest.mark.timeout(240)]

WINDOWS = 24
DRIFTED = ("amount", "country")  # a numeric and a categorical one: what only one of them has is shown for that one
JOB = "monitoring/driftd"
TARGET = {"namespace": "models", "pod": "driftd-0"}  # as in a cluster, where a pod's labels come on top
SPAN_SECONDS = 60  # what is looked at: Grafana's time range
GRAFANA = {"__rate_interval": "20s", "__range": f"{SPAN_SECONDS}s"}

#: Queries that may be without data here, by dashboard and place, and why that is as it should be: none so far.
EMPTY: dict[str, dict[str, str]] = {"daemon": {}, "fleet": {}, "model": {}}


class Prometheus:
    """A Prometheus as Grafana asks it."""

    def __init__(self, server: ServedProgram) -> None:
        self._server = server

    def ask(self, path: str, **parameters: str | float) -> Any:
        """Ask the API; fails with what Prometheus says about a query that it refuses."""
        try:
            return self._server.ask(f"/api/v1/{path}", **{name: str(value) for name, value in parameters.items()})[
                "data"
            ]
        except urllib.error.HTTPError as refused:
            with refused:
                pytest.fail(f"{json.load(refused)['error']}: {parameters}")

    def values(self, series: str, label: str) -> list[str]:
        """Return the values of a label among series of the last minute, as Grafana sorts them."""
        now = time.time()
        parameters: dict[str, str | float] = {"match[]": series, "start": now - SPAN_SECONDS, "end": now}
        return sorted(self.ask(f"label/{label}/values", **parameters), key=str.lower)

    def series(self, expression: str, *, instant: bool) -> list[list[float]]:
        """Return the numbers of each series: those of now, or those of the last minute."""
        now = time.time()
        if instant:
            return [[float(one["value"][1])] for one in self.ask("query", query=expression, time=now)["result"]]
        span = {"start": now - SPAN_SECONDS, "end": now, "step": 2}
        found = self.ask("query_range", query=expression, **span)["result"]
        return [[float(value) for _, value in one["values"]] for one in found]


@pytest.fixture(scope="module")
def scraped(kafka_bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen a daemon read its events, open an incident and deliver what it had to say."""
    folder = tmp_path_factory.mktemp("dashboards")
    world = small_world(folder, kafka_bootstrap, WINDOWS)
    cluster = Cluster(kafka_bootstrap)
    cluster.produce(world.topic, [Record(b"no JSON", at % PARTITIONS) for at in range(10)])
    delivery = {"topic": cluster.create_topic(1), "dead_letter_topic": cluster.create_topic(1)}
    config = write_config(folder / "with-delivery.yaml", json.loads(world.config.read_text()) | {"delivery": delivery})
    (port,) = free_ports(1)
    scrape = {"job_name": JOB, "static_configs": [{"targets": [f"127.0.0.1:{port}"], "labels": TARGET}]}
    with (
        prometheus(folder / "prometheus", scrape) as server,
        daemon(folder / "daemon", config, DRIFTD_HTTP__LISTEN=f"127.0.0.1:{port}") as process,
    ):
        made = Prometheus(server)
        process.wait_until_all_is_told(PARTITIONS)
        wait_until_scraped(made, process)
        yield made


def wait_until_scraped(made: Prometheus, process: DaemonProcess) -> None:
    """Wait until Prometheus has what comes last: the incident, its drift event's delivery, what could be detected.

    And enough scrapes for rates.
    """

    def complete() -> bool:
        shown = made.series("driftd_incident_suspect_info", instant=True)
        delivered = made.series("driftd_delivery_last_success_timestamp_seconds > 0", instant=True)
        detectable = made.series("driftd_column_detectable_shift", instant=True)
        scrapes = made.series("count_over_time(driftd_monitor_state[1m]) > 10", instant=True)
        return bool(shown and delivered and detectable and scrapes)

    process.wait_until(complete, "Prometheus has scraped the incident and its delivery")


def chosen(made: Prometheus, document: Document, column: str, *, everything: bool) -> Mapping[str, str]:
    """Fill the variables in their order, each by its own query; ``everything``: All where a variable offers it."""
    values = dict(GRAFANA)
    for variable in variables(document):
        name, offered = variable["name"], choices(variable)
        if offered is None:
            continue
        found = made.values(filled(offered.series, values), offered.label)
        assert found, f"{name} offers nothing: {filled(offered.series, values)}"
        value = column if name == "column" else found[0]
        assert value in found
        pattern = variable["allValue"] if variable["includeAll"] and everything else in_pattern(value)
        values[name] = pattern if variable["multi"] else value
    return values


@pytest.mark.parametrize("everything", [False, True], ids=["first", "all"])
@pytest.mark.parametrize("name", FILES)
def test_every_query_returns_data(scraped: Prometheus, name: str, *, everything: bool) -> None:
    """Panels and annotations show numbers, whatever is chosen; what may be empty is known, and why."""
    document = load(name)
    choice = [chosen(scraped, document, column, everything=everything) for column in DRIFTED]

    def shown(expression: str, *, instant: bool) -> bool:
        found = (scraped.series(filled(expression, values), instant=instant) for values in choice)
        return any(math.isfinite(number) for answer in found for numbers in answer for number in numbers)

    empty = {query.place for query in queries(document) if not shown(query.expression, instant=query.instant)}
    assert EMPTY[name].keys() == empty
