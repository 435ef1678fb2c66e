"""What a scrape costs, of some 100,000 samples.

    python benchmarks/scrape.py [--monitors 20] [--columns 265] [--rounds 5] [--seconds 10]

First the page alone, in turns: as prometheus_client makes objects of the same samples and writes them; by driftd where
every monitor has news; and again, where none has. Then over HTTP, to a client in a process of its own. Last the pace
of a loop that never waits, next to a server that is scraped every second. Nothing is compressed: the server never does
that. Prints a table in Markdown.
"""

import argparse
import random
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests/unit/metrics"))  # pictures

import orjson
import structlog
from metric_pictures import monitor, newest, picture
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector as Families

from driftd.metrics.collect import Collector
from driftd.metrics.render import render
from driftd.metrics.settings import Export
from driftd.values.keys import Channel, ColumnKey, MonitorKey, Role
from driftd.values.verdict import ColumnState, Detection, Distances, Within
from driftd.values.view import ColumnView, DaemonView, MonitorView
from driftd.web.app import Served, build_app
from driftd.web.server import HttpServer
from driftd.web.settings import Address
from proc_figures import MB, load

ACCEPT = "application/openmetrics-text;version=1.0.0"
DETECTIONS = tuple(Detection(channel, "adwin") for channel in (Channel.LOCATION, Channel.SCALE, Channel.SHAPE))
EVERY_SECONDS = 1.0
_CLIENT = f"""
import http.client, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for _ in sys.stdin:
    began = time.perf_counter()
    connection.request("GET", "/metrics", headers={{"Accept": "{ACCEPT}"}})
    body = connection.getresponse().read()
    print(time.perf_counter() - began, len(body), flush=True)
"""


class Cost(NamedTuple):
    """Of one scrape, in seconds."""

    cpu: float
    wall: float


def cost(call: Callable[[], object]) -> Cost:
    """Measure one call: CPU of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


class World:
    """A daemon's picture; with ``news`` another one takes its place, in which every monitor has other figures."""

    def __init__(self, monitors: int, columns: int) -> None:
        self._random = random.Random(1)
        keys = [MonitorKey(f"model-{number:03}", "2026-01-15") for number in range(monitors)]
        self._pictures = [picture(*(self._monitor(key, columns) for key in keys)) for _ in range(2)]

    @property
    def view(self) -> DaemonView:
        """The newest picture."""
        return self._pictures[0]

    def news(self) -> None:
        """Let every monitor have news."""
        self._pictures.reverse()

    def _monitor(self, key: MonitorKey, columns: int) -> MonitorView:
        return monitor(key, tuple(map(self._column, range(columns))), incidents=(), paging=frozenset())

    def _column(self, number: int) -> ColumnView:
        draw = self._random.random
        verdict = replace(
            newest(10_000 + number),
            distances=Distances(draw(), draw(), draw(), draw(), 44.0, 0.5),
            shift=draw() - 0.5,
            evidence=self._random.gauss(0, 1),
        )
        key = ColumnKey(Role.FEATURE, f"column_{number:04}")
        detectable = {within: draw() for within in Within}
        return ColumnView(key, ColumnState.OK, verdict, dict.fromkeys(DETECTIONS, 7), detectable)

    def collector(self) -> Collector:
        """Return a collector that has seen nothing yet."""
        return Collector(lambda: self.view, lambda: Export("all", 10**9))


class Objects(Families):
    """The samples of a page, made objects at each scrape as prometheus_client has its collectors do."""

    def __init__(self, page: bytes) -> None:
        self._families = list(text_string_to_metric_families(page.decode()))  # type: ignore[no-untyped-call]  # the client library leaves it without types

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        for known in self._families:
            family = Metric(known.name, known.documentation, known.type)
            for sample in known.samples:
                family.add_sample(sample.name, dict(sample.labels), sample.value)
            yield family


def pages(world: World, page: bytes, rounds: int) -> dict[str, list[Cost]]:
    """Return what the page alone costs; ``page`` is one of those."""
    collector, registry = world.collector(), CollectorRegistry()
    registry.register(Objects(page))
    calls: dict[str, Callable[[], object]] = {
        "prometheus_client": lambda: generate_latest(registry),  # type: ignore[no-untyped-call]  # as above
        "driftd, news of all": lambda: render(collector, ACCEPT),
        "driftd, no news": lambda: render(collector, ACCEPT),
    }
    costs: dict[str, list[Cost]] = {label: [] for label in calls}
    for _ in range(rounds):
        world.news()
        for label, call in calls.items():
            costs[label].append(cost(call))
    return costs


@contextmanager
def served(world: World) -> Iterator[Callable[[], tuple[float, int]]]:
    """Serve the page; yields what scrapes it once, and returns the seconds it took the client, and bytes."""
    collector = world.collector()
    shown = Served(lambda: world.view, lambda _: None, lambda accept: render(collector, accept), lambda: True)
    log = structlog.get_logger()
    server = HttpServer(Address("127.0.0.1", 0), build_app(shown, log), log)
    server.start()
    client = subprocess.Popen(
        [sys.executable, "-c", _CLIENT, str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert client.stdin is not None
    assert client.stdout is not None
    commands, answers = client.stdin, client.stdout

    def scrape() -> tuple[float, int]:
        print(file=commands, flush=True)
        seconds, size = answers.readline().split()
        return float(seconds), int(size)

    try:
        yield scrape
    finally:
        commands.close()
        client.wait(timeout=30)
        server.stop()


def over_http(world: World, rounds: int) -> dict[str, list[Cost]]:
    """Return what a scrape costs the serving process, and how long the client waits."""
    costs: dict[str, list[Cost]] = {"over HTTP, news of all": [], "over HTTP, no news": []}
    with served(world) as scrape:
        scrape()
        for _ in range(rounds):
            world.news()
            for found in costs.values():
                cpu = time.process_time()
                seconds, _ = scrape()
                found.append(Cost(time.process_time() - cpu, seconds))
    return costs


def turns_a_second(seconds: float) -> float:
    """Return how often a loop decodes an event of 24 features, as one in Python does that never waits.

    Per second of CPU that the process gets: what others take meanwhile makes no difference.
    """
    event = orjson.dumps({f"feature_{number:02}": number / 7 for number in range(24)})
    turns, began, end = 0, time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        for _ in range(100):
            sum(orjson.loads(event).values())
        turns += 100
    return turns / (time.process_time() - began)


def shares_while_scraped(world: World, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the pace of the loop while it is scraped every second, as a share of its pace alone just before."""
    shares: dict[str, list[float]] = {"news of all": [], "no news": []}
    with served(world) as scrape:
        for _ in range(rounds):
            for label, own in shares.items():
                alone = turns_a_second(seconds)
                with scraped_every_second(scrape, world.news if label == "news of all" else None):
                    own.append(turns_a_second(seconds) / alone)
    return shares


@contextmanager
def scraped_every_second(scrape: Callable[[], object], before: Callable[[], None] | None) -> Iterator[None]:
    """Scrape at once, and every second until the end."""
    done = threading.Event()

    def run() -> None:
        due = time.monotonic()
        while not done.wait(max(due - time.monotonic(), 0.0)):
            if before is not None:
                before()
            scrape()
            due += EVERY_SECONDS

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def kept_bytes(world: World) -> tuple[int, int]:
    """Return the bytes of memory that are kept from a scrape for the next one, and those that it takes meanwhile."""
    collector = world.collector()
    tracemalloc.start()
    page, _ = render(collector, ACCEPT)
    _, peak = tracemalloc.get_traced_memory()
    del page
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return kept, peak


def table(costs: dict[str, list[Cost]]) -> str:
    """Write costs as a table: medians, and the least and the most."""
    lines = ["| scrape | CPU | wall |", "|---|---|---|"]
    for label, found in costs.items():
        cells = (_spread([getattr(one, field) * 1e3 for one in found], "ms") for field in Cost._fields)
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: list[float], unit: str) -> str:
    return f"{median(values):.1f} {unit} ({min(values):.1f} to {max(values):.1f})"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="What a scrape costs.")
    parser.add_argument("--monitors", type=int, default=20)
    parser.add_argument("--columns", type=int, default=265)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each stretch in which the loop's pace is taken")
    options = parser.parse_args()
    world = World(options.monitors, options.columns)
    page, _ = render(world.collector(), ACCEPT)
    samples = sum(not line.startswith(b"#") for line in page.splitlines())
    kept, peak = kept_bytes(world)
    print(f"{samples:,} samples of {options.monitors} monitors x {options.columns} columns, {len(page) / MB:.1f} MB; ")
    print(f"kept {kept / MB:.1f} MB, at most {peak / MB:.1f} MB with the page. Load {load()}.\n")
    costs = {**pages(world, page, options.rounds), **over_http(world, options.rounds)}
    print(table(costs))
    for label, shares in shares_while_scraped(world, options.rounds, options.seconds).items():
        print(f"\nA loop that is scraped every second, {label}: {_spread([100 * s for s in shares], '%')} of its pace.")


if __name__ == "__main__":
    main()
