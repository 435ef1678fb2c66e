"""A daemon without brokers under an attack on its memory, in a process of its own.

    python attacked_daemon.py [--seed N] [--limits small|default] [--trace] EVENTS...

Drives what ``driftd run`` drives: the engine with all stages, snapshots, pictures, metrics, pages. Prints one
JSON object a line: a mark at each of the numbers of events, and at the end what became of the events. With
``--trace`` (several times slower) it tells on stderr which lines hold more at the last mark than at the first.
"""

import argparse
import gc
import json
import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import attack_traffic as traffic
from driftd import __version__
from driftd.config.load import load_config
from driftd.config.model import Config
from driftd.logs.settings import LogSettings
from driftd.logs.stream import open_log
from driftd.metrics.collect import Collector
from driftd.metrics.render import render
from driftd.metrics.settings import Export
from driftd.references.book import ReferenceBook, ReferenceSet
from driftd.runtime.build import build_pipeline
from driftd.runtime.effects import Discovery, Lost
from driftd.runtime.engine import Engine
from driftd.runtime.observatory import Board, Observatory
from driftd.runtime.outbox import Delivery
from driftd.snapshot.codec import encode
from driftd.summarise.settings import TopicSettings
from driftd.values.batch import Batch
from driftd.values.delivery import document_bytes
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State
from driftd.values.view import DaemonView, MonitorView
from driftd.web.app import Served, build_app
from driftd.web.head import Head
from driftd.web.server import THREADS

TURN_EVENTS = 2_000
TURN_MS = 200
CHECKPOINT_MS = 10_000
SCRAPE_TURNS = 50  # as often as a Prometheus scrapes that looks every ten seconds
PLATEAU = 0.9  # a mark shows the most memory seen since this part of its events
PAGE_BYTES = os.sysconf("SC_PAGESIZE")
SMALL: Mapping[str, Any] = {
    "models": 20,
    "monitors": 200,
    "expire_after": "2h",
    "series": 4_000,
}
LIMITS: Mapping[str, Mapping[str, Any]] = {"small": SMALL, "default": {}}


@dataclass(frozen=True, slots=True)
class Mark:
    """What the daemon had grown to when it had read so many events."""

    events: int
    rss_bytes: int  # the most of the last tenth of them
    snapshot_bytes: int
    samples: int
    shed: int
    metrics_bytes: int
    api_bytes: int  # the longest answer
    monitors: int


@dataclass(frozen=True, slots=True)
class End:
    """What became of the events."""

    sent: int  # sound events
    observed: int  # of the monitor that they are of
    countries_sent: Mapping[str, int]
    countries_counted: Mapping[str, int]
    read: int
    accounted_for: int
    rejected: Mapping[str, int]
    late: int
    monitors_seen: int


class Clock:
    """Time passes by turns."""

    def __init__(self) -> None:
        self.now_ms = 0

    def wall_ms(self) -> int:
        return traffic.START_MS + self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms


class Source:
    """Hands out the batches of a turn."""

    def __init__(self) -> None:
        self.next: list[Batch] = []

    def poll(self) -> list[Batch]:
        batches, self.next = self.next, []
        return batches

    def take_gaps(self) -> list[Lost]:
        return []

    def discover(self) -> Discovery:
        return Discovery({}, frozenset())

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        assert not sources, "both partitions walk at the same pace"

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Nobody looks at it."""


class Sink:
    """Writes the documents as files of JSON lines would be, and keeps only what the sound monitor's columns counted."""

    wants_windows = True

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.written = 0

    def deliver(self, delivery: Delivery) -> None:
        for document in (*delivery.events, *delivery.windows):
            self.written += len(document_bytes(document))
        for line in delivery.windows:
            if (line["model"], line["version"], line["column"]) == (*traffic.SOUND[:2], "country"):
                self.counts.update(dict(enumerate(line["counts"])))


class Store:
    """Writes the snapshot, and keeps its length."""

    def __init__(self) -> None:
        self.bytes = 0

    def save(self, records: Mapping[str, State]) -> None:
        self.bytes = len(encode(records, __version__))


class AttackedDaemon:
    """The daemon's engine, and everything that looks at it."""

    def __init__(self, config: Config, seed: int, log_to: TextIO) -> None:
        self.traffic = traffic.AttackTraffic(seed)
        self.clock, self.source, self.sink, self.store = Clock(), Source(), Sink(), Store()
        self.board = Board(self.clock, ReferenceBook([ReferenceSet(None, traffic.profiles())]))
        self.log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: self.clock.now_ms / 1000, stream=log_to)
        log = self.log.logger
        pipeline = build_pipeline(config, {traffic.TOPIC: TopicSettings()}, self.board.book)
        self.observatory = Observatory(pipeline, self.board, config.incidents_of, None, log)
        self.engine = Engine(
            pipeline, self.source, self.sink, self.store, self.observatory, checkpoint_ms=CHECKPOINT_MS, monotonic_ms=0
        )
        self.engine.start([Ledger(source, 0, 0) for source in traffic.PARTITIONS])
        self.observatory.started()
        collector = Collector(lambda: self.board.view, lambda: Export(config.metrics.columns, config.limits.series))
        served = Served(
            lambda: self.board.view, self.board.profile_of, lambda accept: render(collector, accept), lambda: True
        )
        self.app = build_app(served, log)
        self.threads = ThreadPoolExecutor(THREADS)  # as many as answer in the daemon: each has memory of its own
        self.seen: set[int] = set()  # hashes of the monitors that ever were on a page
        gc.collect()
        gc.freeze()  # as a session does

    @property
    def view(self) -> DaemonView:
        """The newest picture."""
        return self.board.view

    def turn(self, batches: list[Batch]) -> None:
        """Turn the loop once."""
        self.clock.now_ms += TURN_MS
        self.source.next = batches
        self.engine.turn(self.clock.now_ms)
        self.publish()

    def publish(self) -> None:
        """Publish a picture."""
        nothing: frozenset[SourcePartition] = frozenset()
        self.observatory.publish(lag={}, paused=nothing, unreachable=nothing, references=(2, 0))
        self.seen.update(hash(monitor.key) for monitor in self.view.monitors)

    def run(self, marks: list[int]) -> Iterator[Mark]:
        """Read events up to the last mark."""
        most, turns = 0, 0
        for mark in marks:
            while self.traffic.events < mark:
                self.turn(self.traffic.batches(min(TURN_EVENTS, mark - self.traffic.events)))
                turns += 1
                if turns % SCRAPE_TURNS == 0:
                    self.look()
                    self.log.report_suppressed()
                if self.traffic.events >= PLATEAU * mark:
                    most = max(most, rss_bytes())
            yield self.mark(most)
            most = 0

    def end(self) -> End:
        """Close every window, and tell what became of the events."""
        self.turn(self.traffic.end())
        self.engine.finish(self.clock.now_ms)
        self.engine.stop(self.clock.now_ms)
        self.publish()
        accounts = self.view.topics[traffic.TOPIC]
        sound = self.monitor()
        categories = next(c for c in traffic.profiles()[0].columns if c.key.name == "country").categories
        return End(
            sent=self.traffic.sent,
            observed=sound.events,
            countries_sent=dict(sorted(self.traffic.countries.items())),
            countries_counted=dict(sorted((name, self.sink.counts[at]) for at, name in enumerate(categories))),
            read=accounts.read,
            accounted_for=accounts.observed + sum(accounts.late.values()) + sum(accounts.rejected.values()),
            rejected={str(reason): events for reason, events in sorted(accounts.rejected.items())},
            late=sum(accounts.late.values()),
            monitors_seen=len(self.seen),
        )

    def monitor(self) -> MonitorView:
        """Return the sound model's picture."""
        return next(monitor for monitor in self.view.monitors if monitor.key == traffic.SOUND)

    def look(self) -> dict[str, bytes]:
        """Ask for everything that the daemon serves, the details of the two real monitors among it."""
        monitors = "/api/v1/monitors"
        targets = ["/metrics", "/", monitors, "/api/v1/incidents", "/api/v1/status"]
        targets += [f"{monitors}/{model}/{version}/all" for model, version, _ in (traffic.SOUND, traffic.TARGET)]
        targets += [f"{monitors}/{traffic.TARGET.model}/1/all/columns/feature/country"]
        targets += [f"/api/v1/incidents/{incident.id}" for m in self.view.monitors for incident in m.incidents][:20]
        bodies = self.threads.map(lambda target: self.app(Head("GET", target, {})).body, targets)
        return dict(zip(targets, bodies, strict=True))

    def mark(self, rss: int) -> Mark:
        """Measure."""
        pages = self.look()
        page = pages.pop("/metrics")
        lines = [line for line in page.decode().splitlines() if not line.startswith("#")]
        (shed,) = [float(line.split()[1]) for line in lines if line.startswith("driftd_series_shed ")]
        return Mark(
            events=self.traffic.events,
            rss_bytes=max(rss, rss_bytes()),
            snapshot_bytes=self.store.bytes,
            samples=len(lines),
            shed=int(shed),
            metrics_bytes=len(page),
            api_bytes=max(map(len, pages.values())),
            monitors=len(self.view.monitors),
        )


def config_of(limits: str) -> Config:
    """The settings: windows of ten minutes, window lines wanted, otherwise the defaults, or smaller limits."""
    return load_config(None, {}, {"windows": {"duration": "10m"}, "limits": LIMITS[limits]})


def rss_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def main() -> None:
    """Run, and print what is measured."""
    parser = argparse.ArgumentParser(description="A daemon under an attack on its memory.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limits", choices=sorted(LIMITS), default="small")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("events", type=int, nargs="+", help="where to measure; rising")
    options = parser.parse_args()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        daemon = AttackedDaemon(config_of(options.limits), options.seed, nowhere)
        _run(daemon, options.events, trace=options.trace)


def _run(daemon: AttackedDaemon, events: list[int], *, trace: bool) -> None:
    if trace:
        tracemalloc.start()
    held = []
    for mark in daemon.run(events):
        _print(mark)
        if trace:
            held.append(tracemalloc.take_snapshot())
    for growth in held[-1].compare_to(held[0], "lineno")[:20] if held else ():
        sys.stderr.write(f"{growth}\n")
    _print(daemon.end())


def _print(measured: Mark | End) -> None:
    sys.stdout.write(json.dumps(asdict(measured)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
