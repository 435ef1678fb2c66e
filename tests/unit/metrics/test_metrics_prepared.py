"""Lines that are kept from scrape to scrape are those that would be written anew."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metric_pictures import column, incident, monitor, newest, picture
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest as write_text
from prometheus_client.openmetrics.exposition import generate_latest as write_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from driftd.metrics.collect import Collector
from driftd.metrics.render import render
from driftd.metrics.settings import Export
from driftd.values.keys import ColumnKey, MonitorKey, Role
from driftd.values.verdict import ColumnState
from driftd.values.view import ColumnView, DaemonView, MonitorView

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
KEYS = [MonitorKey("fraud", "3"), MonitorKey('a"b\\c\nd', "ü 1", "{x=1}%s"), MonitorKey("churn")]
NAMES = ["amount", 'p"\n', "50%", "\\"]


def own_lines(page: bytes) -> list[str]:
    """The lines about driftd: the process's own figures differ from scrape to scrape."""
    return [line for line in page.decode().split("\n") if "process_" not in line]


def scraped(collector: Collector, accept: str = "") -> list[str]:
    """The page's own lines."""
    return own_lines(render(collector, accept)[0])


def columns_of(shift: float, states: list[ColumnState]) -> tuple[ColumnView, ...]:
    """One column in each state."""
    verdict = replace(newest(), shift=shift)
    return tuple(
        replace(column(ColumnKey(Role.FEATURE, name), state), newest=verdict)
        for name, state in zip(NAMES, states, strict=False)
    )


monitors = st.builds(
    lambda key, columns, suspects: monitor(key, columns, (incident(suspects=suspects),)),
    st.sampled_from(KEYS),
    st.builds(columns_of, st.floats(-0.5, 0.5), st.lists(st.sampled_from(ColumnState), max_size=4)),
    st.integers(1, 2),
)
# a few pictures of monitors that come again and again, as one does that has no news
pictures = st.lists(monitors, min_size=1, max_size=6).flatmap(
    lambda some: st.lists(
        st.lists(st.sampled_from(some), max_size=3, unique_by=lambda view: view.key).map(lambda own: picture(*own)),
        min_size=1,
        max_size=6,
    )
)
exports = st.builds(Export, st.sampled_from(["all", "suspects", "none"]), st.integers(0, 250))


@given(pictures, st.lists(exports, min_size=6, max_size=6))
def test_a_page_shows_nothing_of_the_pages_before(views: list[DaemonView], settings: list[Export]) -> None:
    """Monitors come, change, lose and regain columns and go: each page is that of a collector that has seen nothing."""
    now = list(zip(views, settings, strict=False))
    lasting = Collector(lambda: now[0][0], lambda: now[0][1])
    while now:
        fresh = Collector(lambda: now[0][0], lambda: now[0][1])
        assert scraped(fresh) == scraped(lasting)
        del now[0]


@given(pictures)
def test_prometheus_client_writes_what_it_reads_alike(views: list[DaemonView]) -> None:
    """Help, types, the order of families and every line: to the byte, in both formats."""
    for accept, read, write in (("", read_text, write_text), (OPENMETRICS, read_openmetrics, write_openmetrics)):
        page, _ = render(Collector(lambda: views[0], lambda: Export("all", 10**9)), accept)
        registry = CollectorRegistry()
        registry.collect = lambda read=read, page=page: read(page.decode())  # type: ignore[method-assign, misc]
        assert page == write(registry)


def test_lines_of_a_monitor_without_news_are_not_written_again() -> None:
    """The very bytes of the last scrape are on the page again; those of the others are new."""
    quiet, other = monitor(KEYS[0]), monitor(KEYS[2])
    views = [picture(quiet, other), picture(quiet, replace(other, events=9))]
    collector = Collector(lambda: views[0])
    before = collector.collect().lines
    del views[0]
    after = collector.collect().lines
    shown = "driftd_monitor_events_total"
    assert before[shown][0] is after[shown][0]
    assert b" 9.0\n" in after[shown][1]
    assert before["driftd_column_shift"][0] is after["driftd_column_shift"][0]
    assert before["driftd_column_shift"][1] is not after["driftd_column_shift"][1]


class Watched(dict[str, None]):
    """A part of a picture that tells when it is let go of."""


def test_nothing_is_kept_of_a_monitor_that_is_gone() -> None:
    """With its series its picture and its lines go."""
    watched = Watched()
    gone = weakref.ref(watched)
    views = [picture(replace(monitor(), outlooks=watched)), picture()]  # type: ignore[arg-type]  # it is never looked at
    del watched
    collector = Collector(lambda: views[0])
    scraped(collector)
    assert gone() is not None
    del views[0]
    scraped(collector)
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("room", [10**9, 150])
def test_scrapes_at_once_each_get_one_whole_picture(room: int) -> None:
    """While pictures change, every page is that of one of them."""

    def view(events: int) -> MonitorView:
        states = [ColumnState.DRIFT if events % 2 else ColumnState.OK] * 4
        return replace(monitor(KEYS[0], columns_of(events / 100, states)), events=events)

    views = [picture(view(events), monitor(KEYS[1])) for events in range(4)]
    pages = [scraped(Collector(lambda view=view: view, lambda: Export("all", room))) for view in views]  # type: ignore[misc]
    turn, threads, rounds = iter(range(10**6)), 4, 25
    lasting = Collector(lambda: views[next(turn) % len(views)], lambda: Export("all", room))
    together = Barrier(threads)

    def scrape() -> list[list[str]]:
        together.wait(timeout=30)
        return [scraped(lasting) for _ in range(rounds)]

    with ThreadPoolExecutor(threads) as pool:
        found = [job.result(timeout=60) for job in [pool.submit(scrape) for _ in range(threads)]]
    assert all(page in pages for of_thread in found for page in of_thread)
