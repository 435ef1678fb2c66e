"""docs/events.md, row by row: every implementation of the summariser does exactly what it says."""

import re
from pathlib import Path
from typing import Any

import pytest
from event_cases import CASES, ELSEWHERE, Case
from summarisers import outcome

from kernels import IMPLEMENTATIONS, Make

LAW = Path(__file__).parents[2] / "docs" / "events.md"


@pytest.fixture(params=IMPLEMENTATIONS)
def make(request: pytest.FixtureRequest) -> Make:
    """Return what makes a summariser of the implementation under test."""
    made: Make = request.param
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row}-{case.value!r:.48}")
def test_record_becomes_what_the_law_says(make: Make, case: Case) -> None:
    """A record comes to the reason, time, names and columns that its row in docs/events.md states."""
    came_to: dict[str, Any] = outcome(make, case.value, **case.circumstances)

    assert {key: came_to.get(key) for key in case.expected} == case.expected


def test_every_row_of_the_law_has_a_case() -> None:
    """A numbered row of docs/events.md without a test of its own is a promise nobody holds."""
    rows = set(re.findall(r"^\| ([A-Z][0-9]+) \|", LAW.read_text(encoding="utf-8"), re.MULTILINE))

    assert {case.row for case in CASES} | ELSEWHERE == rows
