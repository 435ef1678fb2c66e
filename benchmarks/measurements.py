"""What is measured: the pace of each contender, the daemon's memory, its time from exec to ready."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from broker import LocalBroker, free_ports
from contenders import FIRST_SHARE, LAST_SHARE
from daemon_under_test import Daemon, references_of
from driftd.references.codec import profile_to_json
from kafka_cluster import Cluster, Record
from made_up_events import PARTITIONS, Traffic
from proc_figures import MB, Moment, Pace, moment, pace

SCRAPE_SECONDS = 0.25
STEP_SECONDS = 120.0  # no single step may take longer
_READ = "driftd_events_read_total"
_CONTENDERS = Path(__file__).resolve().with_name("contenders.py")


@dataclass(slots=True)
class Bench:
    """A broker, and a folder for all that the daemons leave behind."""

    broker: LocalBroker
    folder: Path
    say: Callable[[str], None]
    _daemons: int = 0

    def prepare(self, topic: str, traffic: Traffic) -> int:
        """Write a topic and its models' profiles; return the events' mean size in bytes."""
        self.say(f"profiles of {traffic.training_rows:,} rows for topic {topic}")
        references = references_of(topic, self.folder)
        references.mkdir()
        for profile in traffic.profiles():
            (references / f"{profile.model}.json").write_bytes(profile_to_json(profile))
        self.say(f"{traffic.events:,} events to topic {topic}")
        cluster = Cluster(self.broker.bootstrap_servers)
        cluster.create_topic(PARTITIONS, name=topic)
        sizes = _Sizes()
        cluster.produce(topic, sizes.noted(traffic.records()), {"linger.ms": 50})
        self.say("written")
        return sizes.total // traffic.events

    def contender(self, name: str, topic: str, events: int, *options: str) -> Pace:
        """Run one of the rivals over the topic's first events."""
        command = [sys.executable, str(_CONTENDERS), name, "--topic", topic, "--events", str(events), *options]
        command += ["--bootstrap-servers", self.broker.bootstrap_servers, "--broker-pid", str(self.broker.pid)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=STEP_SECONDS)
        result = Pace(**json.loads(done.stdout))
        self.say(f"{name}: {result.rate:,.0f} events/s")
        return result

    def daemon(self, topic: str, *, samples_to: Path | None = None) -> Daemon:
        """Make a daemon with a state, a group and a port of its own."""
        self._daemons += 1
        (port,) = free_ports(1)
        folder = self.folder / f"daemon-{self._daemons}"
        return Daemon(folder, port, self.broker.bootstrap_servers, topic, samples_to=samples_to)

    def daemon_pace(self, topic: str, events: int, *, samples_to: Path | None = None) -> Pace:
        """Run a daemon over all events of a topic, from its beginning, and scrape it while it reads."""
        moments: list[Moment] = []
        with self.daemon(topic, samples_to=samples_to) as daemon:
            for totals in _scrapes(daemon):
                moments.append(moment(int(totals[_READ]), daemon.pid, self.broker.pid))
                if moments[-1].events >= events:
                    _check_accounts(totals, events)
                    break
        result = pace(*_compared(moments, events))
        self.say(f"driftd run: {result.rate:,.0f} events/s")
        return result

    def memory(self, daemon: Daemon, traffic: Traffic, *, windows: int, snapshots: int) -> "Memory":
        """Run a daemon until it has read everything, closed so many windows of each model and saved so often."""
        half: int | None = None
        with daemon:
            at_ready = daemon.memory()["VmRSS"]
            for totals in _scrapes(daemon):
                closed = int(totals.get("driftd_windows_closed_total", 0)) // len(traffic.models)
                now = daemon.memory()
                if half is None and closed >= windows // 2:
                    half = now["VmRSS"]
                saved = totals["driftd_checkpoint_duration_seconds_count"] >= snapshots
                if totals[_READ] >= traffic.events and closed >= windows and saved:
                    _check_accounts(totals, traffic.events)
                    break
        self.say(f"resident after {closed} windows: {now['VmRSS'] / MB:.0f} MB")
        return Memory(closed, at_ready, half or now["VmRSS"], now["VmRSS"], now["RssAnon"], now["VmHWM"])

    def seconds_to_ready(self, daemons: list[Daemon]) -> list[float]:
        """Start and stop each daemon; return the seconds from exec until it says that it is ready."""
        seconds = []
        for daemon in daemons:
            with daemon:
                seconds.append(daemon.seconds_to_ready)
        self.say("ready after " + ", ".join(f"{took:.2f} s" for took in seconds))
        return seconds


@dataclass(frozen=True, slots=True)
class Memory:
    """What a daemon held, in bytes, once it had closed ``windows`` windows of each model."""

    windows: int
    at_ready: int
    half_way: int  # resident after half the windows
    resident: int
    anonymous: int  # the part of it that no file backs
    peak: int


def _scrapes(daemon: Daemon) -> Iterator[dict[str, float]]:
    """Yield the totals at every scrape; TimeoutError if nobody ends it in time."""
    deadline = time.monotonic() + STEP_SECONDS
    while time.monotonic() < deadline:
        yield daemon.totals()
        time.sleep(SCRAPE_SECONDS)
    raise TimeoutError(f"the daemon has not done its work within {STEP_SECONDS:g} s: {daemon.log[-2000:]}")


def _compared(moments: list[Moment], events: int) -> tuple[Moment, Moment]:
    """Return the moments between which all contenders are compared."""
    within = [m for m in moments if events * FIRST_SHARE <= m.events <= events * LAST_SHARE]
    if len(within) < 2:
        raise RuntimeError(f"{events} events are read between two scrapes: take more")
    return within[0], within[-1]


def _check_accounts(totals: dict[str, float], events: int) -> None:
    """Make sure that every event was summed: a daemon that rejects is a fast one."""
    lost = {name: totals.get(name, 0.0) for name in ("driftd_events_rejected_total", "driftd_events_late_total")}
    if any(lost.values()) or totals[_READ] != events:
        raise RuntimeError(f"{totals[_READ]:.0f} of {events} events read: {lost}")


@dataclass(slots=True)
class _Sizes:
    """Adds up the sizes of records that pass by."""

    total: int = 0

    def noted(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self.total += len(record.value or b"")
            yield record
