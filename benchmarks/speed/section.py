"""What a part of the page is made of: how it is measured, what it prints, and which bars it is held against."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from speed.site import Site

#: What was measured, as plain JSON, so that a page can be written without measuring again.
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bar:
    """A budget of the architecture, section 13, and whether it is met; ``measured`` says by how much."""

    budget: str
    measured: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; ``lines`` and ``bars`` print what ``measure`` returned."""

    name: str
    title: str
    measure: Callable[[Site], Result]
    lines: Callable[[Result], Iterator[str]]
    bars: Callable[[Result], Iterator[Bar]] = lambda _: iter(())


def at_least(budget: str, ratios: Sequence[float], least: float, note: str = "") -> Bar:
    """Hold the median of some rounds against the least that it may be."""
    return Bar(budget, with_range(ratios, ".2f") + note, is_met=median(ratios) >= least)


def at_most(budget: str, values: Sequence[float], form: str, most: float) -> Bar:
    """Hold the median of some rounds against the most that it may be."""
    return Bar(budget, with_range(values, form), is_met=median(values) <= most)


def table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table in Markdown, and an empty one behind it."""
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def with_range(values: Sequence[float], form: str) -> str:
    """Write the median, and the range where there is more than one value."""
    if len(values) == 1:
        return f"{values[0]:{form}}"
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def by_round(of: Sequence[Mapping[str, float]], key: str, other: Sequence[Mapping[str, float]]) -> list[float]:
    """Return, round by round, one contender's figure as a multiple of another's."""
    return [one[key] / two[key] for one, two in zip(of, other, strict=True)]
