"""``driftd run`` as a process of its own: started, watched from outside, stopped."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from proc_figures import memory_bytes

READY_SECONDS = 30.0
STOP_SECONDS = 60.0  # the last snapshot of a great state takes its time
BENCHMARKS = Path(__file__).resolve().parents[1]
_SAMPLE = re.compile(r"^(\w+)(?:\{.*\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a daemon is started with.

    ``kernel`` is what DRIFTD_KERNEL says. ``topic_settings`` say how the topic's events are read; ``sections`` are
    further ones of the configuration. ``samples_to`` runs it under the sampler, which writes there where time went.
    """

    topic: str
    references: Path
    kernel: str = "auto"
    topic_settings: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Any] = field(default_factory=dict)
    samples_to: Path | None = None

    def command(self) -> list[str]:
        """Return what to run, up to the options of ``run``."""
        sampled = [] if self.samples_to is None else [str(self.samples_to)]
        return [sys.executable, "-m", "speed.sampled_driftd" if sampled else "driftd", *sampled, "run"]


@dataclass(frozen=True, slots=True)
class Accounts:
    """What a daemon has read of its topic, and what became of the events that it did not sum."""

    read: int
    late: int
    rejected: int


class Daemon:
    """A running daemon, from entering to leaving.

    ``folder`` keeps its state, configuration and log, so that it can be started again where it stood.
    """

    def __init__(self, folder: Path, port: int, bootstrap_servers: str, setup: Setup) -> None:
        self.folder = folder
        self.port = port
        self.seconds_to_ready = 0.0
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)
        configuration = {
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "group_id": f"benchmark-{folder.name}",
                "topics": {setup.topic: setup.topic_settings},
                "start": "earliest",
            },
            "references": {"directory": str(setup.references)},
            "state": {"directory": str(folder / "state")},
            "http": {"listen": f"127.0.0.1:{port}"},
            **setup.sections,
        }
        (folder / "driftd.yaml").write_text(json.dumps(configuration))  # JSON is YAML

    def __enter__(self) -> Self:
        with (self.folder / "log").open("ab") as log:
            began = time.monotonic()
            self._process = subprocess.Popen(
                [*self._setup.command(), "--config", str(self.folder / "driftd.yaml")],
                env={**os.environ, "DRIFTD_KERNEL": self._setup.kernel, "PYTHONPATH": str(BENCHMARKS)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait_until_ready(began)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop it as an orchestrator would; raise where it does not end well."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._kill()
            if error is None:
                raise
            return
        if code != 0 and error is None:
            raise RuntimeError(f"the daemon ended with {code}: {self.log[-2000:]}")

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log").read_text(errors="replace")

    def memory(self) -> dict[str, int]:
        """Return its memory in bytes, by the kernel's names."""
        return memory_bytes(self.pid)

    @property
    def snapshot_bytes(self) -> int:
        """The size of all that lies in its state directory."""
        return sum(file.stat().st_size for file in (self.folder / "state").rglob("*") if file.is_file())

    def accounts(self) -> Accounts:
        """Ask what has been read; a small answer, so that asking costs next to nothing."""
        (topic,) = json.loads(self._answer("/api/v1/status"))["topics"] or [{"read": 0, "late": {}, "rejected": {}}]
        return Accounts(topic["read"], sum(topic["late"].values()), sum(topic["rejected"].values()))

    def scrape(self) -> str:
        """Return /metrics."""
        return self._answer("/metrics")

    def totals(self) -> dict[str, float]:
        """Scrape /metrics; return each metric's sum over all its series."""
        totals: dict[str, float] = {}
        for name, value in _SAMPLE.findall(self.scrape()):
            totals[name] = totals.get(name, 0.0) + float(value)
        return totals

    def _answer(self, path: str) -> str:
        status, text = self._get(path)
        if status != http.client.OK:
            raise RuntimeError(f"{path} answered {status}: {text[:200]}")
        return text

    def _wait_until_ready(self, began: float) -> None:
        while time.monotonic() < began + READY_SECONDS:
            if self._running().poll() is not None:
                raise RuntimeError(f"the daemon ended with {self._running().returncode}: {self.log[-2000:]}")
            try:
                status, _ = self._get("/-/ready")
            except OSError:
                status = 0
            if status == http.client.OK:
                self.seconds_to_ready = time.monotonic() - began
                return
            time.sleep(0.01)
        raise RuntimeError(f"the daemon was not ready within {READY_SECONDS:g} s: {self.log[-2000:]}")

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the daemon was not started")
        return self._process

    def _kill(self) -> None:
        self._running().kill()
        self._running().wait()


def imports_alone() -> dict[str, Any]:
    """Return the seconds and the memory that a process needs to import the daemon and nothing more."""
    program = (
        "import time; began = time.perf_counter(); import driftd.cli.run; took = time.perf_counter() - began;"
        "import json, os, proc_figures; print(json.dumps({'seconds': took, **proc_figures.memory_bytes(os.getpid())}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
