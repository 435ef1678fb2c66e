"""From events in Kafka to notifications: the shipped rules and routes in a real Prometheus and Alertmanager."""

import json
import random
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from alert_chain import Chain, Notification, alert_chain
from daemon_process import DaemonProcess, daemon, driftd, values, write_config

from broker import free_ports
from kafka_cluster import Cluster, Record
from waiting import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.prometheus, pytest.mark.timeout(480)]

START_MS = 1_767_225_600_000
WINDOW_MS, EVENTS = 5_000, 300  # of each window
JOIN_WINDOWS = 12  # the shortest span in which columns still join an incident
MONITOR = {"model": "fraud", "version": "1", "segment": "all"}


def event(rng: random.Random, drifting: Collection[str]) -> dict[str, Any]:
    """Draw an event's features; those that drift do so grossly."""
    return {
        "amount": rng.gauss(50, 10) + (25 if "amount" in drifting else 0),
        "age": rng.gauss(40, 12),
        "balance": rng.gauss(1_000, 200) - (500 if "balance" in drifting else 0),
        "country": rng.choice("ABCD"),
    }


@dataclass(slots=True)
class Traffic:
    """Events in a topic of one partition, window by window."""

    cluster: Cluster
    topic: str
    rng: random.Random = field(default_factory=lambda: random.Random(3))
    windows: int = 0

    def send(self, windows: int, *drifting: str) -> None:
        """Write so many windows more."""
        self.cluster.produce(self.topic, [Record(one) for one in written(self.rng, windows, self.windows, drifting)])
        self.windows += windows


def written(rng: random.Random, windows: int, first: int, drifting: Collection[str] = ()) -> Iterator[bytes]:
    """Yield the events of windows, from the number of the first."""
    for number in range(first * EVENTS, (first + windows) * EVENTS):
        time_ms = START_MS + number * WINDOW_MS // EVENTS
        document = {"model": "fraud", "version": "1", "timestamp": time_ms, "features": event(rng, drifting)}
        yield json.dumps(document).encode()


@dataclass(slots=True)
class World:
    """What the test acts upon."""

    chain: Chain
    traffic: Traffic
    folder: Path
    config: Path

    @contextmanager
    def daemon(self) -> Iterator[DaemonProcess]:
        """Run driftd as another instance than before, on the state that there is, and have it scraped."""
        (port,) = free_ports(1)
        with daemon(self.folder / "daemon", self.config, DRIFTD_HTTP__LISTEN=f"127.0.0.1:{port}") as process:
            process.wait_until(process.ready, "driftd is ready")
            self.chain.point_at(port)
            instance = f'up{{instance="127.0.0.1:{port}"}} == 1'
            process.wait_until(lambda: bool(self.chain.query(instance)), "the new instance is scraped")
            yield process
            assert process.stop() == 0

    def read_all(self, process: DaemonProcess) -> None:
        """Wait until the daemon has judged all that was sent."""

        def judged() -> bool:
            newest = values(process.scrape(), "driftd_monitor_last_event_timestamp_seconds", **MONITOR).values()
            return all(time * 1000 > START_MS + (self.traffic.windows - 1) * WINDOW_MS for time in newest or [0])

        process.wait_until(judged, "every window is judged")

    def pages(self) -> list[Notification]:
        """Return what went to the one on call."""
        return self.chain.receiver.at("/on-call")

    def page(self, number: int) -> Notification:
        """Wait for so many notifications, and return the last of them."""
        wait_for(lambda: len(self.pages()) >= number, f"{number} notifications")
        return self.pages()[number - 1]

    def evaluated(self, times: int) -> None:
        """Wait until Prometheus has evaluated the rules on incidents so often."""
        seen: set[str] = set()

        def enough() -> bool:
            groups = self.chain.prometheus.ask("/api/v1/rules")["data"]["groups"]
            seen.update(group["lastEvaluation"] for group in groups if group["name"] == "driftd-incidents")
            return len(seen) > times

        wait_for(enough, "the rules are evaluated")


@pytest.fixture
def world(kafka_bootstrap: str, tmp_path: Path) -> Iterator[World]:
    """A reference, an empty topic, a configuration; Prometheus and Alertmanager that wait for a daemon."""
    training, references = tmp_path / "training.jsonl", tmp_path / "references"
    references.mkdir()
    training.write_bytes(b"\n".join(written(random.Random(1), 40, 0)))
    done = driftd("profile", training, "--timestamp", "timestamp", "-o", references / "fraud.json")
    assert done.returncode == 0, done.stderr
    cluster = Cluster(kafka_bootstrap)
    topic = cluster.create_topic()
    config = write_config(
        tmp_path / "driftd.yaml",
        {
            "kafka": {"bootstrap_servers": kafka_bootstrap, "group_id": topic, "topics": [topic], "start": "earliest"},
            "references": {"directory": str(references)},
            "windows": {"duration": f"{WINDOW_MS}ms", "lateness": "0s", "idle_timeout": "200ms"},
            "incidents": {"join": "1s", "hold": "1s", "silence": "1s", "page_max_age": "36500d"},
            "state": {"checkpoint_interval": "200ms"},
            "limits": {"expire_after": "36500d"},
        },
    )
    with alert_chain(tmp_path) as chain:
        yield World(chain, Traffic(cluster, topic), tmp_path, config)


def told(notification: Notification) -> list[tuple[str, str]]:
    """Return status and name of each alert."""
    return [(alert["status"], alert["labels"]["alertname"]) for alert in notification["alerts"]]


def test_an_incident_pages_once_through_restarts_and_resolves(world: World) -> None:
    """One notification for an incident, another for the next, none for a restart; resolved ones after recovery."""
    chain = world.chain
    with world.daemon() as process:
        world.traffic.send(20)
        world.read_all(process)
        world.traffic.send(4, "amount")
        first = world.page(1)
        assert told(first) == [("firing", "DriftdIncident")]
        assert MONITOR.items() <= first["groupLabels"].items()
        assert "feature amount: location up" in first["alerts"][0]["annotations"]["description"]
        assert "since 2026-01-01 00:01:" in first["alerts"][0]["annotations"]["summary"]

        # the column's own alert fires, and goes to nobody
        drifting = 'ALERTS{alertname="DriftdColumnDrift",alertstate="firing",column="amount"}'
        process.wait_until(lambda: bool(chain.query(drifting)), "the column's alert fires", 120)
        wait_for(lambda: bool(chain.alerts("DriftdColumnDrift")), "Alertmanager has the column's alert")
        (column,) = chain.alerts("DriftdColumnDrift")
        assert column["status"]["state"] == "suppressed"
        assert column["status"]["inhibitedBy"] == [chain.alerts("DriftdIncident")[0]["fingerprint"]]

    undisturbed(world, 1, lambda: None)  # driftd is away
    with world.daemon() as process:
        undisturbed(world, 1, lambda: None)
        undisturbed(world, 1, lambda: restart(chain))
        chain.prometheus.stop()
    with undisturbed_daemon(world) as process:
        undisturbed(world, 1, lambda: None)

        # another column, when none joins the open incident any more
        world.traffic.send(JOIN_WINDOWS, "amount")
        world.read_all(process)
        world.traffic.send(6, "amount", "balance")
        second = world.page(2)
        assert told(second) == [("firing", "DriftdIncident")]
        assert second["groupLabels"]["incident"] != first["groupLabels"]["incident"]
        assert "feature balance: location down" in second["alerts"][0]["annotations"]["description"]

        world.traffic.send(60)
        resolved = [world.page(3), world.page(4)]
        assert [told(one) for one in resolved] == [[("resolved", "DriftdIncident")]] * 2
        assert {one["groupLabels"]["incident"] for one in resolved} == {
            one["groupLabels"]["incident"] for one in (first, second)
        }
        undisturbed(world, 4, lambda: None)

    assert [body["attachments"][0]["title"].split(":")[0] for body in chain.receiver.at("/slack")] == [
        "PAGE",
        "PAGE",
        "resolved",
        "resolved",
    ]
    assert {labels["alertname"] for one in chain.receiver.at("/team") for _, labels in alerts_of(one)} <= {
        "DriftdColumnDrift"
    }


def alerts_of(notification: Notification) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield status and labels of each alert."""
    for alert in notification["alerts"]:
        yield alert["status"], alert["labels"]


def restart(chain: Chain) -> None:
    """Restart Prometheus."""
    chain.prometheus.stop()
    chain.prometheus.start()


@contextmanager
def undisturbed_daemon(world: World) -> Iterator[DaemonProcess]:
    """Start Prometheus and driftd again."""
    world.chain.prometheus.start()
    with world.daemon() as process:
        yield process


def undisturbed(world: World, notifications: int, act: Callable[[], None]) -> None:
    """Do something, let the rules be evaluated many times, and see that nobody was told of anything."""
    act()
    world.evaluated(8)
    assert len(world.pages()) == notifications
