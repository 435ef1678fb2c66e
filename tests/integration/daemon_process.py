"""``driftd run`` as a process of its own, seen as its operators see it: log, HTTP, files, signals, exit code."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from waiting import SECONDS, wait_for

DRIFTD = Path(sys.executable).with_name("driftd")

Labels = frozenset[tuple[str, str]]
Scrape = dict[tuple[str, Labels], float]


def driftd(
    *arguments: str | Path, env: Mapping[str, str] | None = None, seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Run a command of driftd to its end."""
    return subprocess.run(
        [DRIFTD, *arguments],
        env=clean_environment(env),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without settings of driftd, and with these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DRIFTD_")} | dict(more or {})


class DaemonProcess:
    """A daemon with a state directory, a log and output files in a folder of its own, started any number of times."""

    def __init__(self, folder: Path, config: Path, **settings: str) -> None:
        self.folder = folder
        self.events = folder / "events.jsonl"
        self.windows = folder / "windows.jsonl"
        self.snapshot = folder / "state" / "snapshot.jsonl"
        self.log = folder / "log.jsonl"
        self.config = config
        self.settings = {"DRIFTD_STATE__DIRECTORY": str(folder / "state"), "DRIFTD_HTTP__LISTEN": "127.0.0.1:0"}
        self.settings |= settings  # the environment of the next start
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._port: int | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start the process; does not wait for anything."""
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._port = None
        outputs = ("--events-out", self.events, "--windows-out", self.windows)
        command: list[str | Path] = [DRIFTD, "run", "--config", self.config, *outputs]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=clean_environment(self.settings), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code, None while the process lives."""
        assert self._process is not None
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def lines(self) -> list[dict[str, Any]]:
        """Return what the newest start has logged so far; a line that is no JSON is the message of an error."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return [_log_line(line) for line in log.read().decode().splitlines()]

    def logged(self, event: str) -> dict[str, Any] | None:
        """Return the first line of an event."""
        return next((line for line in self.lines() if line["event"] == event), None)

    def get(self, path: str) -> tuple[int, str]:
        """Ask the HTTP server, as soon as it listens; return status and body."""
        if self._port is None:
            self.wait_until(lambda: self.logged("listening") is not None, "it listens")
            listening = self.logged("listening")
            assert listening is not None
            self._port = int(listening["port"])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    @property
    def port(self) -> int:
        """Where it listens."""
        self.get("/-/healthy")
        assert self._port is not None
        return self._port

    def scrape(self) -> Scrape:
        """Return all samples of /metrics."""
        status, body = self.get("/metrics")
        assert status == 200
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
        }

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        return self.get("/-/ready")[0] == 200

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        """Wait for a condition, as long as the process lives."""

        def holds() -> bool:
            assert self.running, f"the daemon has ended: {self.lines()[-3:]}"
            return condition()

        wait_for(holds, what, seconds)

    def wait_until_all_is_told(self, partitions: int, seconds: float = SECONDS) -> None:
        """Wait until every partition is read to its end, and every window closed."""

        def done() -> bool:
            scrape = self.scrape()
            lags = values(scrape, "driftd_consumer_lag")
            pending = values(scrape, "driftd_events_pending")
            return len(lags) == partitions and not any(lags.values()) and list(pending.values()) == [0]

        self.wait_until(lambda: self.ready() and done(), "all is read and every window closed", seconds)

    def lives_for(self, seconds: float) -> bool:
        """Wait for the end of the process, for so long; return whether it still lives."""
        assert self._process is not None
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 10.0) -> int:
        """Tell it to stop and return its exit code; fails if it takes longer."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(timeout=seconds)

    def freeze(self) -> None:
        """Stop it from running (SIGSTOP)."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, if it lives."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=30)


def _log_line(line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        return {"event": line}
    return document if isinstance(document, dict) else {"event": line}


def values(scrape: Scrape, name: str, **labels: str) -> dict[Labels, float]:
    """Return a metric's samples that have these labels, by the labels that remain."""
    chosen = set(labels.items())
    return {having - chosen: value for (metric, having), value in scrape.items() if metric == name and chosen <= having}


def value(scrape: Scrape, name: str, **labels: str) -> float:
    """Return the one sample of a metric with exactly these labels."""
    return scrape[name, frozenset(labels.items())]


@contextmanager
def daemon(folder: Path, config: Path, **settings: str) -> Iterator[DaemonProcess]:
    """Run a daemon; it is ended by its process id if it still lives afterwards."""
    process = DaemonProcess(folder, config, **settings)
    try:
        process.start()
        yield process
    finally:
        process.kill()


def write_config(path: Path, document: Mapping[str, Any]) -> Path:
    """Write a configuration: JSON is YAML."""
    path.write_text(json.dumps(document))
    return path
