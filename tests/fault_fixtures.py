"""A pytest plugin for the tests of faults: the ground they stand on, their length, and the table they fill.

The environment variable FAULTS chooses the length: ``full`` makes every fault as long as it is promised to be
survived, ``short`` (the default) only as long as it takes to be noticed. Where the variable is set, the
table of what was observed is printed at the end.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fault_ground import Ground
from fault_row import Fault, table

from broker import local_broker
from kafka_jars import BrokerUnavailable

_PROPERTY = "fault"


@pytest.fixture(scope="session")
def _ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Start a broker that may be ill-treated, and run an undisturbed daemon: once a test worker."""
    try:
        with local_broker() as broker:
            yield Ground(broker, tmp_path_factory.mktemp("ground"))
    except BrokerUnavailable as reason:
        if os.environ.get("CI"):
            pytest.fail(f"no broker that may be ill-treated: {reason}")
        pytest.skip(f"no broker that may be ill-treated: {reason}")


@pytest.fixture
def ground(_ground: Ground) -> Iterator[Ground]:
    """The ground, with its broker up again after each test."""
    yield _ground
    _ground.mend()


@pytest.fixture
def fault(record_property: Callable[[str, object], None]) -> Fault:
    """How long the fault lasts, and its row of the table."""
    return Fault(os.environ.get("FAULTS") == "full", lambda cells: record_property(_PROPERTY, cells))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table of those tests that passed."""
    if "FAULTS" not in os.environ:
        return
    reports = [report for report in terminalreporter.getreports("passed") if report.when == "call"]
    rows = [(report.nodeid, cells) for report in reports for name, cells in report.user_properties if name == _PROPERTY]
    terminalreporter.section("faults as observed")
    terminalreporter.write_line(table(cells for _, cells in sorted(rows)))
