"""A Kafka broker in a container, where a Docker daemon answers."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any, cast

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from broker import BROKER_PROPERTIES, free_ports
from kafka_jars import KAFKA_VERSION

_START_SECONDS = 120.0


def docker_answers() -> bool:
    """Return whether there is a docker program and a daemon behind it."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@contextlib.contextmanager
def docker_broker() -> Iterator[str]:
    """Run Apache Kafka's own image on the loopback interface; yields its bootstrap servers."""
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415  needed only where Docker is

    (port,) = free_ports(1)
    properties = BROKER_PROPERTIES | {
        "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.quorum.voters": "1@localhost:9093",
    }
    container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}")
    # the library has no call for one interface only; Docker takes a pair
    cast("dict[Any, Any]", container.ports)[9092] = ("127.0.0.1", port)
    for key, value in properties.items():
        container.with_env(f"KAFKA_{key.upper().replace('.', '_')}", value)
    with container:
        _wait_for(f"127.0.0.1:{port}")
        yield f"127.0.0.1:{port}"


def _wait_for(bootstrap_servers: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    while time.monotonic() < deadline:
        with contextlib.suppress(KafkaException):
            if admin.list_topics(timeout=1.0).brokers:
                return
    raise RuntimeError(f"the broker in the container did not answer within {_START_SECONDS:g} s")
