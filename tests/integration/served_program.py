"""Programs of others that serve HTTP, above all Prometheus, as processes of the tests."""

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from broker import free_ports
from programs import program
from waiting import wait_for


class ServedProgram:
    """A program that serves HTTP on a port of its own, and that can be started again."""

    def __init__(self, folder: Path, command: Sequence[str], port: int) -> None:
        self._folder = folder
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.address = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._folder
            )
        wait_for(self._ready, f"{self._command[0]} is ready")

    def stop(self) -> None:
        """End it, if it runs, as its supervisor would."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=30)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=5):
                return True
        except OSError:
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        """Return what the API answers."""
        with urllib.request.urlopen(f"{self.address}{path}?{urllib.parse.urlencode(parameters)}", timeout=10) as answer:
            return json.load(answer)


def prometheus_in(folder: Path, config: Mapping[str, Any], port: int, *options: str) -> ServedProgram:
    """Return a Prometheus with this configuration, to be started."""
    folder.mkdir(exist_ok=True)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(dict(config)), encoding="utf-8")
    own = ("--config.file=prometheus.yaml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}")
    return ServedProgram(folder, (program("prometheus"), *own, *options), port)


@contextmanager
def prometheus(folder: Path, scrape: Mapping[str, Any]) -> Iterator[ServedProgram]:
    """Run a Prometheus that scrapes every second by one scrape configuration."""
    (port,) = free_ports(1)
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [dict(scrape)]}
    server = prometheus_in(folder, config, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
