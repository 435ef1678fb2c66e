"""What an attacker can make the daemon remember: benchmarks/memory.py shows the same over two million events."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent.parent
MARKS = (80_000, 400_000)
ALLOWED = 1.05
MONITORS, SERIES = 200, 4_000  # attacked_daemon.SMALL

LEAK = """
import attacked_daemon
from driftd.references.book import ReferenceBook

find, names = ReferenceBook.find, set()

def remember(book, model, version, window_start_ms):
    names.add((model, version))
    return find(book, model, version, window_start_ms)

ReferenceBook.find = remember
attacked_daemon.main()
"""

Line = dict[str, Any]


def run(marks: Sequence[int], program: str = "import attacked_daemon; attacked_daemon.main()") -> list[Line]:
    """Run the attacked daemon in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, marks)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=280,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    """Two marks and the end of one run."""
    return run(MARKS)


@pytest.mark.timeout(300)
def test_memory_does_not_grow_with_the_names_that_are_drawn(lines: list[Line]) -> None:
    """With five times the events, each with names of its own, the resident memory is within 5 % of what it was."""
    early, late, _ = lines
    assert MARKS == (early["events"], late["events"])
    assert early["monitors"] == late["monitors"] == MONITORS
    assert late["rss_bytes"] <= ALLOWED * early["rss_bytes"]


@pytest.mark.timeout(300)
def test_what_is_served_does_not_grow_with_the_names(lines: list[Line]) -> None:
    """The page for Prometheus keeps to limits.series, and says what is missing; API and snapshot stay as long."""
    early, late, _ = lines
    assert early["samples"] <= SERIES
    assert late["samples"] <= SERIES
    assert late["shed"] > 0
    for name, allowed in (("metrics_bytes", 1.05), ("api_bytes", 1.05), ("snapshot_bytes", 1.5)):
        assert late[name] <= allowed * early[name], name


@pytest.mark.timeout(300)
def test_sound_events_are_counted_exactly_under_attack(lines: list[Line]) -> None:
    """What the attacker sends is rejected, late or of other monitors; of the sound events not one is missing."""
    *_, end = lines
    assert MARKS[-1] == end["read"] == end["accounted_for"]
    assert MARKS[-1] // 10 == end["sent"] == end["observed"]
    assert end["countries_sent"] == end["countries_counted"]
    assert end["monitors_seen"] > MONITORS  # some have made room for others
    assert {"future", "limit", "malformed", "no_reference"} <= end["rejected"].keys()
    assert end["late"] > 0


@pytest.mark.timeout(300)
def test_a_set_of_all_names_is_caught() -> None:
    """Planted mistake: every model and version that was looked up is remembered."""
    early, late, _ = run((80_000, 200_000), LEAK)
    assert late["rss_bytes"] > ALLOWED * early["rss_bytes"]
