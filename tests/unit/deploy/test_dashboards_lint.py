"""The rules of Grafana's dashboard-linter for the shipped dashboards, and what more can be said of their queries."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from dashboards import (
    FILES,
    Query,
    annotations,
    choices,
    links,
    load,
    panels,
    queries,
    selectors,
    variables,
    variables_in,
)
from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.metric import MetricType

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
KINDS = {"bargauge", "stat", "state-timeline", "table", "timeseries"}
UNITS = {"bytes", "dateTimeAsIso", "dateTimeFromNow", "eps", "none", "ops", "percentunit", "s", "short"}

#: What a scrape adds to each series: by Prometheus, or where Kubernetes is watched.
SCRAPED = {"instance", "job", "namespace"}
LABELS = {metric.name: {*metric.labels, *SCRAPED} for metric in CATALOGUE}
#: Metrics of the client library and of Prometheus itself; all without labels of their own.
FOREIGN = {
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
}
COUNTERS = {metric.name for metric in CATALOGUE if metric.type is MetricType.COUNTER} | {"process_cpu_seconds_total"}
HISTOGRAMS = {metric.name for metric in CATALOGUE if metric.type is MetricType.HISTOGRAM}

#: Variables that Grafana fills in itself.
BUILT_IN = {"__all", "__range", "__rate_interval", "__url_time_range", "__data", "__field"}

_RATES = re.compile(r"\b(?:rate|irate|increase)\(\s*([\w:]+)\{[^{}]*\}\[([^\]]*)\]")
#: What a series that has just begun stands at: an increase leaves that out.
_BEGUN = re.compile(r"\(([\w:]+\{[^{}]*\}) unless \1 offset \$__rate_interval\)")
_GROUPS = re.compile(r"\b(?:by|on|group_left)\s*\(([\w\s,]*)\)")
_TEXT_LABELS = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_LINK_LABELS = re.compile(r"\$\{__(?:field\.labels|data\.fields)\.(\w+)")

every_dashboard = pytest.mark.parametrize("name", FILES)


def base(metric: str) -> str:
    """Return the catalogue's name of what a histogram exports."""
    stem = re.sub(r"_(bucket|sum|count)$", "", metric)
    return stem if stem in HISTOGRAMS else metric


def labels_of(metric: str) -> set[str]:
    """Return the labels that a metric can have in Prometheus."""
    if metric in FOREIGN:
        return SCRAPED
    return LABELS[base(metric)] | ({"le"} if metric.endswith("_bucket") else set())


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression groups by or joins on."""
    return {label.strip() for group in _GROUPS.findall(expression) for label in group.split(",") if label.strip()}


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts(one)


@every_dashboard
def test_everything_asks_the_chosen_data_source(name: str) -> None:
    """Panels, their queries, variables and annotations use the variable; there is no other data source."""
    document = load(name)
    first, *others = variables(document)
    assert ("datasource", "Data source", "datasource", "prometheus") == tuple(
        first[key] for key in ("name", "label", "type", "query")
    )
    targets = [target for panel in panels(document) for target in panel["targets"]]
    asked = [one for one in others if one["type"] == "query"]
    for one in [*panels(document), *targets, *asked, *annotations(document)]:
        assert SOURCE == one["datasource"], one


@every_dashboard
def test_panels_say_what_they_show(name: str) -> None:
    """Each has a known kind, a title of its own, a description in sentences, a unit, and at least one query."""
    found = panels(load(name))
    titles = [panel["title"] for panel in found]
    assert sorted(set(titles)) == sorted(titles)
    for panel in found:
        assert panel["type"] in KINDS, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, panel["title"]
        assert panel["targets"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert sorted(set(references)) == references


@every_dashboard
def test_what_is_shown_now_is_asked_for_now(name: str) -> None:
    """Figures, bars and tables take one moment, so that an old value never stands for the present one."""
    for panel in panels(load(name)):
        moment = panel["type"] in {"bargauge", "stat", "table"}
        assert {(moment, not moment)} == {(target["instant"], target["range"]) for target in panel["targets"]}
        tables = {target.get("format") for target in panel["targets"]}
        assert {"table" if panel["type"] == "table" else None} == tables, panel["title"]


@every_dashboard
def test_queries_choose_job_and_namespace(name: str) -> None:
    """Every metric of every query and variable is matched by what is chosen, instances where there is a choice."""
    document = load(name)
    chosen = {one["name"] for one in variables(document)} & SCRAPED
    wanted = {(label, "=~", f"${label}") for label in chosen}
    assert {"job", "namespace"} <= chosen
    for query in queries(document):
        outside = re.sub(r"\{[^{}]*\}", "", query.expression)
        assert len(re.findall(r"\b(?:driftd|process|scrape)_\w+", outside)) == len(query.selectors), query
        for selector in query.selectors:
            assert wanted <= set(selector.matchers), query


@every_dashboard
def test_labels_exist(name: str) -> None:
    """Labels in matchers, groups, legends and links are labels of the metrics asked for."""
    document = load(name)
    for query in queries(document):
        having = {label for selector in query.selectors for label in labels_of(selector.metric)}
        for selector in query.selectors:
            assert {label for label, _, _ in selector.matchers} <= labels_of(selector.metric), query
        assert grouped(query.expression) <= having, query
        assert set(_TEXT_LABELS.findall(query.legend)) <= grouped(query.expression), query
    for panel in panels(document):
        kept = set().union(*(grouped(target["expr"]) for target in panel["targets"]))
        for link in links(panel):
            assert set(_LINK_LABELS.findall(link["url"])) <= kept, panel["title"]


@every_dashboard
def test_values_of_closed_sets_exist(name: str) -> None:
    """A state or a distance that is asked for is one that the metric can have."""
    sets = {metric.name: metric.values for metric in CATALOGUE}
    for query in queries(load(name)):
        for selector in query.selectors:
            for label, _, value in selector.matchers:
                closed = sets.get(base(selector.metric), {}).get(label)
                if closed is not None and "$" not in value:
                    assert set(value.split("|")) <= set(closed), query


@every_dashboard
def test_counters_are_rated_over_the_interval_that_suits_the_scrapes(name: str) -> None:
    """Counters and histograms are only ever seen through rates, those over $__rate_interval; gauges never."""
    for query in queries(load(name)):
        expression = _BEGUN.sub("", query.expression)
        rated = [metric for metric, span in _RATES.findall(expression) if span == "$__rate_interval"]
        asked = [selector.metric for selector in selectors(expression)]
        counting = [metric for metric in asked if metric in COUNTERS or base(metric) in HISTOGRAMS]
        assert counting == rated, query


@every_dashboard
def test_replaced_pods_are_one(name: str) -> None:
    """Every metric stands in an aggregation over instances: another pod's series continue the former one's."""
    for query in queries(load(name)):
        assert not re.search(r"\bwithout\b", query.expression), query
        aggregations = re.findall(r"\b(?:sum|min|max)\b", query.expression)
        assert aggregations, query
        if name != "daemon":
            assert "instance" not in set(_TEXT_LABELS.findall(query.legend)), query


@every_dashboard
def test_variables_are_defined_and_used(name: str) -> None:
    """Whatever stands after a dollar sign is a variable, and every variable does something."""
    document = load(name)
    defined = [one["name"] for one in variables(document)]
    used = {found for text in texts(document) for found in variables_in(text)} - BUILT_IN
    assert sorted(set(defined)) == sorted(defined)
    assert set(defined) == used


@every_dashboard
def test_variables_offer_what_there_is_in_the_time_shown(name: str) -> None:
    """Each asks by what was chosen before it, for labels that exist, anew when the time changes."""
    before: set[str] = set()
    for variable in variables(load(name)):
        assert variable["label"], variable["name"]
        assert variable["description"].endswith("."), variable["name"]
        offered = choices(variable)
        if offered is not None:
            (selector,) = selectors(offered.series) or selectors(offered.series + "{}")
            assert {offered.label, *(label for label, _, _ in selector.matchers)} <= labels_of(selector.metric)
            assert variables_in(offered.series) <= before
            assert 2 == variable["refresh"]
        before.add(variable["name"])


@every_dashboard
def test_all_means_all(name: str) -> None:
    """Variables with many values start with All; a target without a namespace is part of it."""
    asked = [variable for variable in variables(load(name)) if variable["type"] == "query"]
    for variable in asked:
        assert variable["multi"] == variable["includeAll"], variable["name"]
        if variable["multi"]:
            assert (".*" if variable["name"] == "namespace" else ".+") == variable["allValue"]
            assert ["$__all"] == variable["current"]["value"]


def test_a_query_is_read_as_meant() -> None:
    """The rules above rest on what is found in an expression."""
    query = Query("here", 'sum by (topic) (rate(driftd_events_read_total{job=~"$job", a="b"}[1m]))', "", instant=True)
    ((metric, matchers),) = [(one.metric, one.matchers) for one in query.selectors]
    assert ("driftd_events_read_total", (("job", "=~", "$job"), ("a", "=", "b"))) == (metric, matchers)
    assert [("driftd_events_read_total", "1m")] == _RATES.findall(query.expression)
    assert {"topic"} == grouped(query.expression)
