"""A real Prometheus and a real Alertmanager with the shipped rules and routes, and whoever is notified."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml
from served_program import ServedProgram, prometheus_in

from broker import free_ports
from programs import program

DEPLOY = Path(__file__).parents[2] / "deploy"
Notification = dict[str, Any]


class Receiver:
    """Keeps what Alertmanager posts, by the path that it is posted to."""

    def __init__(self) -> None:
        self._bodies: list[tuple[str, Notification]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver._bodies.append((self.path, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def at(self, path: str) -> list[Notification]:
        """Return what came there, in order."""
        return [body for to, body in list(self._bodies) if to == path]

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


class Chain:
    """Prometheus, which finds the daemon in a file of targets, and Alertmanager."""

    def __init__(self, folder: Path, receiver: Receiver) -> None:
        self.receiver = receiver
        self._targets = folder / "targets.json"
        self.point_at()
        prometheus_port, alertmanager_port = free_ports(2)
        self.alertmanager = _alertmanager(folder / "alertmanager", alertmanager_port, receiver.address)
        self.prometheus = _prometheus(folder / "prometheus", prometheus_port, alertmanager_port, self._targets)

    def point_at(self, *ports: int) -> None:
        """Have Prometheus scrape the daemons at these ports."""
        fresh = self._targets.with_suffix(".new")
        fresh.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}" for port in ports]}]))
        fresh.rename(self._targets)

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each sample now."""
        found = self.prometheus.ask("/api/v1/query", query=expression)["data"]["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def alerts(self, alertname: str) -> list[dict[str, Any]]:
        """Return Alertmanager's alerts of a name, inhibited ones included."""
        alerts: list[dict[str, Any]] = self.alertmanager.ask("/api/v2/alerts", filter=f'alertname="{alertname}"')
        return alerts


def _prometheus(folder: Path, port: int, alertmanager_port: int, targets: Path) -> ServedProgram:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
    config["rule_files"] = [str(DEPLOY / "prometheus" / name) for name in config["rule_files"]]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager_port}"]
    (scrape,) = config["scrape_configs"]
    del scrape["static_configs"]
    scrape["file_sd_configs"] = [{"files": [str(targets)], "refresh_interval": "1s"}]
    # So long the last sample of an instance counts that went while Prometheus was away, too: else five minutes.
    return prometheus_in(folder, config, port, "--query.lookback-delta=15s")


def _alertmanager(folder: Path, port: int, receiver: str) -> ServedProgram:
    """Shorten the waits, and put the receiver's address in; the page is also written as a message of Slack."""
    folder.mkdir()
    config = yaml.safe_load((DEPLOY / "alertmanager" / "alertmanager.yaml").read_text())
    config["templates"] = [str(DEPLOY / "alertmanager" / name) for name in config["templates"]]
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "2s", "group_interval": "2s"}
    for found in config["receivers"]:
        found["webhook_configs"][0]["url"] = f"{receiver}/{found['name']}"
    slack = yaml.safe_load((DEPLOY / "alertmanager" / "receivers" / "slack.yaml").read_text())["receivers"][0]
    (message,) = slack["slack_configs"]
    del message["api_url_file"]
    on_call = next(found for found in config["receivers"] if found["name"] == "on-call")
    on_call["slack_configs"] = [message | {"api_url": f"{receiver}/slack"}]
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(config))
    options = ("--config.file=alertmanager.yaml", "--storage.path=data", "--cluster.listen-address=")
    listen = f"--web.listen-address=127.0.0.1:{port}"
    return ServedProgram(folder, (program("prometheus-alertmanager"), *options, listen), port)


@contextmanager
def alert_chain(folder: Path) -> Iterator[Chain]:
    """Run all of it."""
    receiver = Receiver()
    chain = Chain(folder, receiver)
    ends: list[Callable[[], None]] = [chain.alertmanager.stop, chain.prometheus.stop]
    try:
        chain.alertmanager.start()
        chain.prometheus.start()
        yield chain
    finally:
        for end in ends:
            end()
        receiver.close()
