"""What a measurement says: figures with 95 % intervals, and the page they are written to."""

import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta, binom, chi2

from driftd.references.profile import Floats

CHANNEL, PRODUCT = "channel alone", "whole product"
_NEAR = "missed within the interval"
_BEGUN = time.perf_counter()


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    ``met`` is None where there is no bar to hold it against; ``near``: it is missed, and lies in the interval.
    """

    test: str
    by: str
    size: str
    measured: str
    bar: str = ""
    met: bool | None = None
    near: bool = False


def tell(what: str) -> None:
    """Show on stderr how far the run is."""
    print(f"{time.perf_counter() - _BEGUN:6.0f} s  {what}", file=sys.stderr, flush=True)


def poisson(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean that a count was drawn from (Garwood)."""
    low = float(chi2.ppf(0.025, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(0.975, 2 * count + 2)) / 2


def counted(count: int) -> str:
    """Write a count with its interval."""
    low, high = poisson(count)
    return f"{count} ({low:.1f} to {high:.1f})"


def within(count: int, expected: float) -> bool:
    """Tell whether a count is not above what is expected by more than its own 95 % interval."""
    return poisson(count)[0] <= expected


def mean_within(values: Sequence[float] | Floats) -> tuple[float, float, float]:
    """Return a mean and its interval: percentiles of 2,000 bootstrap means."""
    many = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(0).choice(many, size=(2_000, len(many))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975)).tolist()
    return float(many.mean()), low, high


def mean(values: Sequence[float] | Floats) -> str:
    """Write a mean with its interval."""
    return "{:.1f} ({:.1f} to {:.1f})".format(*mean_within(values)) if len(values) else "-"


def mean_row(
    test: str, by: str, size: str, values: Sequence[float] | Floats, bar: float, *, unit: str = "windows"
) -> Row:
    """Hold a mean against the most that it may be."""
    middle, low, _ = mean_within(values)
    return Row(test, by, size, f"{mean(values)} {unit}", f"≤ {bar:g}", middle <= bar, low <= bar < middle)


def pages_row(test: str, by: str, size: str, count: int, most: float) -> Row:
    """Hold a number of pages against the most that it may be."""
    met, near = count <= most, poisson(count)[0] <= most < count
    return Row(test, by, size, f"{counted(count)} pages", f"≤ {most:.3g}", met, near)


def median(values: Sequence[float] | Floats) -> str:
    """Write a median with its interval from order statistics; "never" is an infinite delay."""
    ordered = sorted(map(float, values))
    if not ordered:
        return "-"
    low, high = (int(binom.ppf(p, len(ordered), 0.5)) for p in (0.025, 0.975))
    middle = float(np.median(ordered))
    return f"{_plain(middle)} ({_plain(ordered[low])} to {_plain(ordered[min(high, len(ordered) - 1)])})"


def share(count: int, of: int) -> str:
    """Write a share with its interval (Clopper and Pearson)."""
    low = float(beta.ppf(0.025, count, of - count + 1)) if count else 0.0
    high = float(beta.ppf(0.975, count + 1, of - count)) if count < of else 1.0
    return f"{count} of {of} ({low:.1%} to {high:.1%})"


def _plain(value: float) -> str:
    return "never" if np.isinf(value) else f"{value:g}"


def acceptance(rows: Iterable[Row]) -> str:
    """Write the table of rows."""
    lines = ["| test | measured on | sizes | bar | measured (95 % interval) | |", "|---|---|---|---|---|---|"]
    for row in rows:
        verdict = "" if row.met is None else "met" if row.met else _NEAR if row.near else "**missed**"
        lines.append(f"| {row.test} | {row.by} | {row.size} | {row.bar} | {row.measured} | {verdict} |")
    return "\n".join(lines) + "\n"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Write any other table."""
    written = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*written, *(f"| {' | '.join(cells)} |" for cells in lines)]) + "\n"
