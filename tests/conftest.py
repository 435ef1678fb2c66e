"""Fixtures for more than one folder of tests."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from broker import LocalBroker, local_broker
from docker_broker import docker_answers, docker_broker
from kafka_cluster import Cluster
from kafka_jars import BrokerUnavailable

pytest_plugins = ("detect_data", "fault_fixtures")

# A slow machine is no failing test; on CI the same examples are drawn in every run.
settings.register_profile(
    "driftd", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("driftd")


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """Bootstrap servers of a real broker: KAFKA_BOOTSTRAP_SERVERS, else Docker, else a local JVM.

    Fails on CI where none can be had, and skips with the reason elsewhere. One broker a test worker.
    """
    with ExitStack() as stack:
        if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
            yield given
        elif docker_answers():
            yield stack.enter_context(docker_broker())
        else:
            yield _local(stack).bootstrap_servers


@pytest.fixture
def start_broker() -> Iterator[Callable[..., LocalBroker]]:
    """Start brokers of the test's own, with properties as a mapping; ended after the test. Needs Java."""
    with ExitStack() as stack:
        yield lambda properties=None: _local(stack, properties)


@pytest.fixture
def own_broker(start_broker: Callable[..., LocalBroker]) -> LocalBroker:
    """A broker of the test's own, which it may kill, freeze and restart."""
    return start_broker()


@pytest.fixture
def cluster(kafka_bootstrap: str) -> Cluster:
    """The shared broker, with what tests do to it."""
    return Cluster(kafka_bootstrap)


def _local(stack: ExitStack, properties: Mapping[str, str] | None = None) -> LocalBroker:
    try:
        return stack.enter_context(local_broker(properties))
    except BrokerUnavailable as reason:
        message = f"no real broker: KAFKA_BOOTSTRAP_SERVERS is not set, no Docker daemon answers, and {reason}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
