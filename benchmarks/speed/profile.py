"""Where the daemon's main thread spends its time."""

import json
from collections import defaultdict
from collections.abc import Iterator

from speed.kernels import best
from speed.section import Result, Section, table
from speed.site import Site
from speed.throughput import TOPIC, narrow

FUNCTIONS_SHOWN = 15


def measure(site: Site) -> Result:
    """Run one more round under the sampler."""
    events = site.size(2_000_000, 600_000)
    site.prepare(TOPIC, narrow(events))
    samples_to = site.folder / "samples.json"
    site.daemon_pace(site.setup(TOPIC, kernel=best(), samples_to=samples_to), events)
    return {"kernel": best(), **json.loads(samples_to.read_text())}


def lines(result: Result) -> Iterator[str]:
    """Print shares by package and by function."""
    total = sum(seconds for seconds, _ in result["packages"])
    by_function: defaultdict[tuple[str, str], float] = defaultdict(float)
    for seconds, file, function, _ in result["lines"]:
        by_function[file, function] += seconds
    ranked = sorted(by_function.items(), key=lambda item: -item[1])[:FUNCTIONS_SHOWN]
    packages = ", ".join(f"{name} {seconds / total:.1%}" for seconds, name in result["packages"])
    yield f"""\
The main thread of `driftd run`, kernel {result["kernel"]}, on the traffic of the first table from its first event to
its last, sampled every 3 ms of real time, waiting included. What compiled code takes counts for the Python function
that called it.

By package of driftd's: {packages}. In all of it, Python's garbage collector: {result["collecting"] / total:.1%}.
"""
    yield from table(
        ("function", "own time"),
        ([f"`{file}`: `{function}`", f"{seconds / total:.1%}"] for (file, function), seconds in ranked),
    )


SECTION = Section("profile", "Where the time goes", measure, lines)
