"""Where everything is measured: a broker of one's own, topics and profiles on it, daemons and contenders beside it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broker import LocalBroker, free_ports
from driftd.references.codec import profile_to_json
from kafka_cluster import Cluster, Record
from made_up_events import PARTITIONS, Traffic
from proc_figures import Moment, Pace, moment, pace
from speed.contenders.clock import FIRST_SHARE, LAST_SHARE
from speed.daemon import BENCHMARKS, Daemon, Setup

LOOK_SECONDS = 0.05  # between two looks at how far a daemon is
STEP_SECONDS = 180.0  # no single step may take longer


@dataclass(slots=True)
class Site:
    """A broker, and a folder for all that the daemons leave behind; ``quick`` asks for small sizes."""

    broker: LocalBroker
    folder: Path
    quick: bool
    say: Callable[[str], None]
    _daemons: int = 0
    _bytes: dict[str, int] = field(default_factory=dict)  # by topic: of its mean event

    def size(self, full: int, quick: int) -> int:
        """Return how much of something to take."""
        return quick if self.quick else full

    def prepare(self, topic: str, traffic: Traffic) -> int:
        """Write a topic and its models' profiles, unless they are there; return the mean size of an event in bytes."""
        if topic not in self._bytes:
            self.references(topic).mkdir()
            for profile in traffic.profiles():
                (self.references(topic) / f"{profile.model}.json").write_bytes(profile_to_json(profile))
            cluster = Cluster(self.broker.bootstrap_servers)
            cluster.create_topic(PARTITIONS, name=topic)
            sizes = _Sizes()
            cluster.produce(topic, sizes.noted(traffic.records()), {"linger.ms": 50})
            self._bytes[topic] = sizes.total // traffic.events
            self.say(f"topic {topic}: {traffic.events:,} events of {self._bytes[topic]:,} bytes")
        return self._bytes[topic]

    def references(self, topic: str) -> Path:
        """Return where the profiles of a topic's models lie."""
        return self.folder / f"references-{topic}"

    def setup(self, topic: str, **options: Any) -> Setup:
        """Return what a daemon that reads a topic is started with."""
        return Setup(topic, self.references(topic), **options)

    def daemon(self, setup: Setup) -> Daemon:
        """Make a daemon with a state, a group and a port of its own."""
        self._daemons += 1
        (port,) = free_ports(1)
        return Daemon(self.folder / f"daemon-{self._daemons}", port, self.broker.bootstrap_servers, setup)

    def daemon_pace(self, setup: Setup, events: int) -> Pace:
        """Run a daemon over a topic's first events; RuntimeError if it did not sum each of them."""
        with self.daemon(setup) as daemon:
            result = pace(*self._compared(daemon, events))
        self.say(f"driftd run on {setup.topic}, kernel {setup.kernel}: {result.rate:,.0f} events/s")
        return result

    def moment(self, daemon: Daemon) -> Moment:
        """Return how far a daemon is now, and what it has used."""
        return moment(daemon.accounts().read, daemon.pid, self.broker.pid)

    def contender(self, name: str, topic: str, events: int, *options: str, **how: Any) -> Pace:
        """Run a program of speed.contenders over the topic's first events; ``how``: ``python`` and ``kernel``."""
        command = [str(how.get("python", sys.executable)), "-m", f"speed.contenders.{name}", *options]
        command += ["--topic", topic, "--events", str(events), "--broker-pid", str(self.broker.pid)]
        done = subprocess.run(
            [*command, "--bootstrap-servers", self.broker.bootstrap_servers],
            env={**os.environ, "DRIFTD_KERNEL": how.get("kernel", "auto"), "PYTHONPATH": _PATH},
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_SECONDS,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} on {topic} ended with {done.returncode}: {done.stderr[-2000:]}")
        result = Pace(**json.loads(done.stdout))
        self.say(f"{name} on {topic}: {result.rate:,.0f} events/s")
        return result

    def _compared(self, daemon: Daemon, events: int) -> tuple[Moment, Moment]:
        """Watch a daemon read; return the moments between which all contenders are compared."""
        within: list[Moment] = []
        for seen in looks(daemon, LOOK_SECONDS):
            if seen >= events * FIRST_SHARE:
                within.append(moment(seen, daemon.pid, self.broker.pid))
            if seen >= events * LAST_SHARE:
                break
        if len(within) < 2 or within[-1].at - within[0].at < 2 * LOOK_SECONDS:
            raise RuntimeError(f"{events:,} events of {daemon.folder.name} are read between two looks: take more")
        return within[0], within[-1]


def looks(daemon: Daemon, every_seconds: float) -> Iterator[int]:
    """Yield again and again how many events a daemon has read; RuntimeError if not each of them was summed."""
    deadline = time.monotonic() + STEP_SECONDS
    while time.monotonic() < deadline:
        accounts = daemon.accounts()
        if accounts.late or accounts.rejected:  # a daemon that rejects is a fast one
            raise RuntimeError(f"not every event was summed: {accounts}")
        yield accounts.read
        time.sleep(every_seconds)
    raise TimeoutError(f"the daemon has not done its work within {STEP_SECONDS:g} s: {daemon.log[-2000:]}")


_PATH = os.pathsep.join((str(BENCHMARKS), str(BENCHMARKS.parent / "tests")))


@dataclass(slots=True)
class _Sizes:
    """Adds up the sizes of records that pass by."""

    total: int = 0

    def noted(self, records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            self.total += len(record.value or b"")
            yield record
