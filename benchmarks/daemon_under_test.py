"""``driftd run`` as a process of its own: started, watched from outside, stopped."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from proc_figures import memory_bytes

READY_SECONDS = 30.0
STOP_SECONDS = 15.0
_HERE = Path(__file__).resolve().parent
_SAMPLE = re.compile(r"^(\w+)(?:\{.*\})? (\S+)$", re.MULTILINE)
_COMMAND = (sys.executable, "-m", "driftd", "run")


class Daemon:
    """A running daemon, from entering to leaving.

    ``folder`` keeps its state, configuration and log, so that it can be started again where it stood.
    ``samples_to`` runs it under the sampler, which writes there where the time went.
    """

    def __init__(
        self, folder: Path, port: int, bootstrap_servers: str, topic: str, *, samples_to: Path | None = None
    ) -> None:
        self.folder = folder
        self.port = port
        self.seconds_to_ready = 0.0
        self._command = _COMMAND if samples_to is None else (*_sampled(samples_to), "run")
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(exist_ok=True)
        configuration = {
            "kafka": {
                "bootstrap_servers": bootstrap_servers,
                "group_id": f"benchmark-{folder.name}",
                "topics": [topic],
                "start": "earliest",
            },
            "references": {"directory": str(references_of(topic, folder.parent))},
            "state": {"directory": str(folder / "state")},
            "http": {"listen": f"127.0.0.1:{port}"},
        }
        (folder / "driftd.yaml").write_text(json.dumps(configuration))  # JSON is YAML

    def __enter__(self) -> Self:
        with (self.folder / "log").open("ab") as log:
            began = time.monotonic()
            self._process = subprocess.Popen(
                [*self._command, "--config", str(self.folder / "driftd.yaml")],
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
            raise
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

    def totals(self) -> dict[str, float]:
        """Scrape /metrics; return each metric's sum over all its series."""
        status, text = self._get("/metrics")
        if status != http.client.OK:
            raise RuntimeError(f"/metrics answered {status}")
        totals: dict[str, float] = {}
        for name, value in _SAMPLE.findall(text):
            totals[name] = totals.get(name, 0.0) + float(value)
        return totals

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


def references_of(topic: str, folder: Path) -> Path:
    """Return where the profiles of a topic's models lie."""
    return folder / f"references-{topic}"


def imports_alone() -> dict[str, Any]:
    """Return the seconds and the memory that a process needs to import the daemon and nothing more."""
    program = (
        "import time; began = time.perf_counter(); import driftd.cli.run; took = time.perf_counter() - began;"
        "import json, os, proc_figures; print(json.dumps({'seconds': took, **proc_figures.memory_bytes(os.getpid())}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=_HERE, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def _sampled(samples_to: Path) -> tuple[str, ...]:
    return sys.executable, str(_HERE / "sampled_driftd.py"), str(samples_to)
