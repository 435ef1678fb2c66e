"""A day of event time at full speed, with kills and restarts: does anything grow, and does anything get lost?

    python benchmarks/soak.py [--minutes 60] [--seed N] [--output FILE]

One broker whose topic is bounded by size, one producer process, ``driftd run`` and this process that kills the
daemon every three minutes or so, restarts the broker every ten, and looks at everything every five seconds. The
page goes to benchmarks/soak-results.md. The exit code is 1 if the counts do not add up.
"""

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # the broker and its topics
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "integration"))  # the daemon

from daemon_process import DaemonProcess, values, write_config

from broker import LocalBroker, local_broker
from driftd.references.codec import profile_to_json
from kafka_cluster import Cluster
from made_up_events import PARTITIONS, WINDOW_MS
from proc_figures import machine
from soak_accounts import Accounts, accounts
from soak_figures import Latencies, Sample, look
from soak_page import Soak, page
from soak_producer import MODELS, traffic

PAGE = Path(__file__).resolve().with_name("soak-results.md")
DAY_SECONDS = 86_400
LATENESS_MS = 30_000
RATE = 25_000  # events per second while the tap is open: more than the daemon can read here
LOW_LAG, HIGH_LAG = 5_000, 20_000
KILL_SECONDS, BROKER_SECONDS = 180.0, 600.0
SAMPLE_SECONDS, STEER_SECONDS, STEP_SECONDS = 5.0, 1.0, 0.1
SAMPLES = 200  # at least
OVERTIME_SECONDS = 900.0  # beyond that the soak ends itself
TOPIC = "soak"
RETENTION = {
    "retention.bytes": str(384 << 20),  # of each partition
    "segment.bytes": str(64 << 20),
    "file.delete.delay.ms": "1000",
}
BROKER = {"log.retention.check.interval.ms": "5000", "log.segment.delete.delay.ms": "1000"}


class Feed:
    """The producer process, and how far it says that it is."""

    def __init__(self, bootstrap_servers: str, scale: float, seed: int, latencies: Latencies) -> None:
        script = Path(__file__).resolve().with_name("soak_producer.py")
        command = [sys.executable, str(script), bootstrap_servers, TOPIC]
        command += ["--scale", str(scale), "--rate", str(RATE), "--seed", str(seed)]
        self.acknowledged = 0
        self._latencies = latencies
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = Thread(target=self._read, name="feed", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process.poll() is None

    def order(self, word: str) -> None:
        """Tell it ``go``, ``hold`` or ``end``."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()

    def end(self) -> None:
        """Have it write its last records, and wait until they are acknowledged."""
        self.order("end")
        code = self._process.wait(timeout=180)
        self._reader.join()
        assert code == 0, f"the producer ended with {code}"

    def close(self) -> None:
        """End the process if it lives."""
        if self.running:
            self._process.kill()
            self._process.wait(timeout=30)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            at, event_ms, acknowledged = json.loads(line)
            if acknowledged > self.acknowledged:
                self._latencies.written(at, event_ms)
            self.acknowledged = acknowledged


class Run:
    """The soak while it runs."""

    def __init__(
        self, broker: LocalBroker, process: DaemonProcess, feed: Feed, latencies: Latencies, rng: random.Random
    ) -> None:
        self.samples: list[Sample] = []
        self.faults: list[tuple[float, str]] = []  # monotonic seconds, what
        self.began = time.monotonic()
        self._broker = broker
        self._process = process
        self._feed = feed
        self._latencies = latencies
        self._rng = rng
        self._life = 1
        self._life_began = self.began

    def last(self, seconds: float) -> None:
        """Go on for so long, with faults between."""
        kill_seconds, broker_seconds = min(KILL_SECONDS, seconds / 4), min(BROKER_SECONDS, seconds / 2.5)
        kill_at, broker_at = self._next(kill_seconds), self._next(broker_seconds)
        sample_seconds = min(SAMPLE_SECONDS, seconds / SAMPLES)
        steer_at = sample_at = 0.0
        while (now := time.monotonic()) < self.began + seconds:
            assert self._feed.running, "the producer has ended"
            assert self._process.running, f"the daemon has ended: {self._process.lines()[-3:]}"
            if now >= steer_at:
                steer_at = now + STEER_SECONDS
                self._look_and_steer(now, sampled=now >= sample_at)
                sample_at = now + sample_seconds if now >= sample_at else sample_at
            if now >= kill_at:
                kill_at = self._next(kill_seconds)
                self._kill(now)
            if now >= broker_at:
                broker_at = self._next(broker_seconds)
                self._restart_broker(now)
            time.sleep(STEP_SECONDS)

    def _next(self, seconds: float) -> float:
        return time.monotonic() + seconds * self._rng.uniform(0.7, 1.3)

    def _kill(self, now: float) -> None:
        self.faults.append((now, "kill -9"))
        self._process.kill()
        self._process.start()
        self._life += 1
        self._life_began = time.monotonic()

    def _restart_broker(self, now: float) -> None:
        self.faults.append((now, "broker killed and restarted"))
        self._broker.kill()
        self._broker.restart()

    def _look_and_steer(self, now: float, *, sampled: bool) -> None:
        if self._process.logged("started") is None:
            return  # nothing is exported yet
        try:
            scrape = self._process.scrape()
        except OSError:
            return  # killed between two looks, or just not listening yet
        newest = max(values(scrape, "driftd_monitor_last_event_timestamp_seconds").values(), default=0.0)
        self._latencies.shown(time.monotonic(), (int(newest * 1000) // WINDOW_MS + 1) * WINDOW_MS)
        lag = int(sum(values(scrape, "driftd_consumer_lag").values()))
        if lag > HIGH_LAG:
            self._feed.order("hold")
        elif lag < LOW_LAG:
            self._feed.order("go")
        if not sampled or not self._process.snapshot.exists():
            return
        resident, descriptors, threads = look(self._process.pid)
        self.samples.append(
            Sample(
                at=now - self.began,
                life=self._life,
                age=now - self._life_began,
                resident=resident,
                descriptors=descriptors,
                threads=threads,
                snapshot=self._process.snapshot.stat().st_size,
                read=int(sum(values(scrape, "driftd_events_read_total").values())),
                lag=lag,
                pending=int(sum(values(scrape, "driftd_events_pending").values())),
            )
        )


def main() -> None:
    """Soak, write the page, and say whether everything adds up."""
    parser = argparse.ArgumentParser(description="A day of event time with kills and restarts, in an hour.")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long  [default: 60]")
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--output", type=Path, default=PAGE, help=f"the page  [default: {PAGE.name} beside this file]")
    options = parser.parse_args()
    seconds = options.minutes * 60
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(int(seconds + OVERTIME_SECONDS))  # whatever hangs, this process ends, and its children with it
    with tempfile.TemporaryDirectory(prefix="driftd-soak-") as folder, local_broker(BROKER) as broker:
        soak = run(broker, Path(folder), seconds, options.seed)
    written = page(soak, machine())
    options.output.write_text(written)
    print(written)
    sys.exit(0 if soak.accounts.sound else 1)


def run(broker: LocalBroker, folder: Path, seconds: float, seed: int) -> Soak:
    """Soak for so long, then let the daemon catch up, and count."""
    config = prepare(broker, folder)
    latencies = Latencies(LATENESS_MS)
    with daemon(folder / "daemon", config) as process:
        process.wait_until(process.ready, "it is ready")
        feed = Feed(broker.bootstrap_servers, DAY_SECONDS / seconds, seed, latencies)
        try:
            run = Run(broker, process, feed, latencies, random.Random(seed))
            run.last(seconds)
            feed.end()
        finally:
            feed.close()
        counted = finish(broker, process, feed.acknowledged)
    return Soak(
        seconds=seconds,
        samples=run.samples,
        faults=[(at - run.began, what) for at, what in run.faults],
        latencies=[(at - run.began, took) for at, took in latencies.calm([at for at, _ in run.faults])],
        worst_latency=max((took for _, took in latencies.closed), default=0.0),
        accounts=counted,
    )


def prepare(broker: LocalBroker, folder: Path) -> Path:
    """Create the topic and the profiles; return the configuration, which is the default one as far as possible."""
    Cluster(broker.bootstrap_servers).create_topic(PARTITIONS, RETENTION, name=TOPIC)
    references = folder / "references"
    references.mkdir()
    for profile in traffic().profiles():
        (references / f"{profile.model}.json").write_bytes(profile_to_json(profile))
    assert len(list(references.iterdir())) == len(MODELS)
    return write_config(
        folder / "driftd.yaml",
        {
            "kafka": {
                "bootstrap_servers": broker.bootstrap_servers,
                "group_id": TOPIC,
                "topics": [TOPIC],
                "start": "earliest",
            },
            "references": {"directory": str(references)},
            "incidents": {"page_max_age": "36500d"},
        },
    )


def finish(broker: LocalBroker, process: DaemonProcess, produced: int) -> Accounts:
    """Wait until everything is read, stop the daemon, and hold its books against what was produced."""

    def all_is_read() -> bool:
        scrape = process.scrape()
        pending = sum(values(scrape, "driftd_events_pending").values())
        return pending == PARTITIONS and not any(values(scrape, "driftd_consumer_lag").values())

    process.wait_until(lambda: process.ready() and all_is_read(), "all is read", 300)
    assert process.stop() == 0
    return accounts(process, broker, TOPIC, produced)


@contextlib.contextmanager
def daemon(folder: Path, config: Path) -> Iterator[DaemonProcess]:
    """Run a daemon; it is ended by its process id if it still lives afterwards."""
    process = DaemonProcess(folder, config)
    try:
        process.start()
        yield process
    finally:
        process.kill()


def _out_of_time(*_: object) -> None:
    raise TimeoutError("the soak has not ended in time")


if __name__ == "__main__":
    main()
