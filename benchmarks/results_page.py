"""The page of results, in Markdown."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from contenders import BATCH_RECORDS, FIRST_SHARE, LAST_SHARE
from made_up_events import PARTITIONS, Traffic
from measurements import Memory
from proc_figures import MB, Pace

FETCH, RUN, SUMMARISER, LOOP = "fetch and drop", "driftd run", "plain summariser alone", "hand-written loop"
CONTENDERS = (FETCH, RUN, SUMMARISER, LOOP)
FUNCTIONS_SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All figures of one run."""

    narrow: Traffic
    narrow_bytes: int  # of an event
    paces: Mapping[str, Sequence[Pace]]  # by contender, a round each
    samples: Mapping[str, Any]  # sampled_driftd.py
    wide: Traffic
    wide_bytes: int
    memory: Memory
    imports: Mapping[str, Any]  # seconds, and memory by the kernel's names
    fresh_starts: Sequence[float]  # seconds
    restarts: Sequence[float]
    snapshot_bytes: int


def page(results: Results, machine: str, load: str) -> str:
    """Write the page."""
    return "\n".join(
        (*_head(machine, load), *_paces(results), *_where(results), *_memory(results), *_bars(results), "")
    )


def _head(machine: str, load: str) -> Iterator[str]:
    yield f"""\
# Throughput, memory, time to ready

Written by `make bench`. Figures of different machines cannot be compared. The contenders take turns, each shares
the machine with the broker; shown are medians of the rounds, with ranges in brackets.

* Machine: {machine}
* Load averages (of 1, 5 and 15 minutes): {load}
"""


def _paces(results: Results) -> Iterator[str]:
    traffic, rounds = results.narrow, len(results.paces[RUN])
    span = f"from {FIRST_SHARE:.0%} to {LAST_SHARE:.0%}"
    yield f"""\
## Events per second

{traffic.events:,} events of {traffic.numeric} numeric and {traffic.categorical} categorical features and a prediction,
{results.narrow_bytes} bytes of JSON each, not compressed, in {PARTITIONS} partitions; one model,
{traffic.events_per_window:,} events a window. {rounds} rounds. Every contender has driftd's client properties and
takes {BATCH_RECORDS:,} records at once; its pace is taken {span} of its events. `{RUN}` is scraped four times a
second meanwhile. The loop feeds river's ADWIN and Page-Hinkley with every feature of every event. The summariser
has its batches in memory.

| contender | events a round | events/s | Python µs | client µs | broker µs | other cores |
|---|---|---|---|---|---|---|"""
    for name in CONTENDERS:
        paces = results.paces[name]
        figures: tuple[Callable[[Pace], float], ...] = (
            lambda p: p.micros(p.python_cpu),
            lambda p: p.micros(p.client_cpu),
            lambda p: p.micros(p.broker_cpu),
        )
        cpu = " | ".join(f"{median(map(figure, paces)):.1f}" for figure in figures)
        rate = _with_range([p.rate for p in paces], ",.0f")
        others = _with_range([p.cores_of_others for p in paces], ".2f")
        yield f"| {name} | {paces[0].events:,} | {rate} | {cpu} | {others} |"
    yield """
CPU time is in microseconds per event: of the threads that run Python, of librdkafka's threads, of the broker. Other
cores are those that somebody else kept busy meanwhile.
"""


def _where(results: Results) -> Iterator[str]:
    packages = results.samples["packages"]
    total = sum(seconds for seconds, _ in packages)
    by_function: defaultdict[tuple[str, str], float] = defaultdict(float)
    for seconds, file, function, _ in results.samples["lines"]:
        by_function[file, function] += seconds
    ranked = sorted(by_function.items(), key=lambda item: -item[1])
    yield f"""\
## Where the time goes

The main thread of `{RUN}` in one more round from its first event to its last, sampled every 3 ms of real
time, waiting included. What compiled code takes counts for the Python function that called it.

By package of driftd's: {", ".join(f"{name} {seconds / total:.1%}" for seconds, name in packages)}.
In all of it, Python's garbage collector: {results.samples["collecting"] / total:.1%}.

| function | own time |
|---|---|"""
    for (file, function), seconds in ranked[:FUNCTIONS_SHOWN]:
        yield f"| `{file}`: `{function}` | {seconds / total:.1%} |"
    yield ""


def _memory(results: Results) -> Iterator[str]:
    wide, memory, imports = results.wide, results.memory, results.imports
    kept = f"a state directory of {results.snapshot_bytes / MB:.1f} MB"
    yield f"""\
## Memory and start: {len(wide.models)} models of {wide.numeric + wide.categorical + 1} columns

{wide.events:,} events of {results.wide_bytes:,} bytes; profiles of {wide.training_rows:,} rows in time order, so with
all the history that a profile keeps.

| resident memory of the daemon | MB |
|---|---|
| imports alone | {imports["VmRSS"] / MB:.0f} |
| ready, without a snapshot | {memory.at_ready / MB:.0f} |
| half the windows closed | {memory.half_way / MB:.0f} |
| {memory.windows} windows of each model closed, snapshots written | {memory.resident / MB:.0f} |
| of it not backed by files | {memory.anonymous / MB:.0f} |
| peak | {memory.peak / MB:.0f} |

| start | seconds |
|---|---|
| imports alone | {imports["seconds"]:.2f} |
| exec to ready, without a snapshot | {_with_range(results.fresh_starts, ".2f")} |
| exec to ready, with {kept} | {_with_range(results.restarts, ".2f")} |
"""


def _bars(results: Results) -> Iterator[str]:
    rate = {name: median(p.rate for p in paces) for name, paces in results.paces.items()}
    own = {name: median(p.micros(p.cpu) for p in paces) for name, paces in results.paces.items()}
    both = {name: median(p.micros(p.cpu + p.broker_cpu) for p in paces) for name, paces in results.paces.items()}
    resident, start = results.memory.resident / MB, median(results.restarts)
    yield """\
## Held against the budgets

The first two and the CPU time are set for a summariser in compiled code. Where others keep the cores busy, the
ratio of the contenders' own CPU time per event, in brackets, says more than that of their events/s.

| budget | measured | |
|---|---|---|"""
    for budget, one, other, least in (
        ("`driftd run` at least 10 times the hand-written loop", RUN, LOOP, 10),
        ("`driftd run` at least 0.5 times fetch and drop", RUN, FETCH, 0.5),
        ("the plain summariser at least 2 times the hand-written loop", SUMMARISER, LOOP, 2),
    ):
        measured = rate[one] / rate[other]
        yield _judged(budget, f"{measured:.2f} ({own[other] / own[one]:.2f})", is_met=measured >= least)
    for budget, measured, form, most in (
        ("CPU time, daemon and broker, at most 1.5 times fetch and drop", both[RUN] / both[FETCH], ".1f", 1.5),
        ("memory at most 200 MB at 3 models of 200 columns", resident, ".0f", 200),
        ("start to ready in at most 3 s, state restored", start, ".2f", 3),
    ):
        yield _judged(budget, f"{measured:{form}}", is_met=measured <= most)


def _judged(budget: str, measured: str, *, is_met: bool) -> str:
    return f"| {budget} | {measured} | {'met' if is_met else 'missed'} |"


def _with_range(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
