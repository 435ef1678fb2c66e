"""Events per second and CPU time per event of ``driftd run``, and of what else one could run, by turns."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from os import cpu_count
from statistics import median
from typing import Any

from made_up_events import PARTITIONS, Traffic
from proc_figures import Pace
from speed.contenders.clock import FIRST_SHARE, LAST_SHARE
from speed.contenders.consumed import BATCH_RECORDS
from speed.environments import NotInstalled, python_with
from speed.figures import Figures, figures
from speed.kcat import kcat_pace
from speed.kernels import PYTHON, RUST, reason_without_rust
from speed.section import Bar, Result, Section, at_least, at_most, by_round, table, with_range
from speed.site import Site

TOPIC, SHORT = "narrow", "narrow-short"
EVENTS_PER_WINDOW = 100_000  # more would be likelier at such a pace; the section on windows tells what fewer cost
FETCH, LOOP, KCAT, QUIX, BYTEWAX = "fetch and drop", "hand-written loop", "kcat", "Quix Streams", "Bytewax"
RUN = {kernel: f"driftd run, kernel {kernel}" for kernel in (RUST, PYTHON)}
ALONE = {kernel: f"summariser alone, kernel {kernel}" for kernel in (RUST, PYTHON)}
_MANY_CORES = 3


def narrow(events: int) -> Traffic:
    """Return the traffic that the bars are set for: 20 numeric and 4 categorical features."""
    return Traffic(("fraud",), 20, 4, events, EVENTS_PER_WINDOW, training_rows=10_240, distinct=min(events, 200_000))


def measure(site: Site) -> Result:
    """Run all contenders in rounds, each after the other."""
    events = site.size(2_000_000, 600_000)
    event_bytes = site.prepare(TOPIC, narrow(events))
    skipped: dict[str, str] = {}
    contenders = {}
    for name, make in _contenders(site, events).items():
        try:
            contenders[name] = make()
        except NotInstalled as reason:
            skipped[name] = str(reason)
    site.contender("fetch", TOPIC, events)  # the broker warms up
    rounds: defaultdict[str, list[Figures]] = defaultdict(list)
    for _ in range(site.size(4, 2)):
        for name, run in contenders.items():
            rounds[name].append(figures(run()))
    return {"events": events, "event_bytes": event_bytes, "rounds": rounds, "skipped": skipped}


def _contenders(site: Site, events: int) -> dict[str, Callable[[], Callable[[], Pace]]]:
    """Return, by name, what makes a contender ready; NotInstalled from there if it is not to be had."""
    few, some = site.size(60_000, 20_000), site.size(400_000, 100_000)
    site.prepare(SHORT, narrow(few))
    profile = str(site.references(TOPIC) / "fraud.json")

    def ours(run: Callable[[], Pace], kernel: str) -> Callable[[], Pace]:
        if kernel == RUST and reason_without_rust():
            raise NotInstalled(reason_without_rust())
        return run

    def foreign(program: str, environment: str) -> Callable[[], Pace]:
        return partial(site.contender, program, SHORT, few, python=python_with(environment))

    def daemon(kernel: str, count: int) -> Callable[[], Callable[[], Pace]]:
        return partial(ours, partial(site.daemon_pace, site.setup(TOPIC, kernel=kernel), count), kernel)

    def alone(kernel: str, count: int) -> Callable[[], Callable[[], Pace]]:
        run = partial(site.contender, "summariser", TOPIC, count, "--profile", profile, kernel=kernel)
        return partial(ours, run, kernel)

    def kcat() -> Callable[[], Pace]:
        kcat_pace(site, SHORT, few)
        return partial(kcat_pace, site, TOPIC, events)

    return {
        FETCH: lambda: partial(site.contender, "fetch", TOPIC, events),
        RUN[RUST]: daemon(RUST, events),
        KCAT: kcat,
        RUN[PYTHON]: daemon(PYTHON, some),
        ALONE[RUST]: alone(RUST, some),
        ALONE[PYTHON]: alone(PYTHON, few),
        LOOP: lambda: partial(site.contender, "loop", SHORT, few),
        QUIX: lambda: foreign("quix", "quixstreams"),
        BYTEWAX: lambda: foreign("bytewax_flow", "bytewax"),
    }


def lines(result: Result) -> Iterator[str]:
    """Print one row a contender."""
    rounds, fetch = result["rounds"], result["rounds"][FETCH]
    yield f"""\
{result["events"]:,} events of 20 numeric and 4 categorical features and a prediction, {result["event_bytes"]} bytes of
JSON each, not compressed, in {PARTITIONS} partitions; one model, {EVENTS_PER_WINDOW:,} events a window.
{len(fetch)} rounds, in each of which every contender has its turn. The slow ones read a topic of fewer events.
Those of ours, the loop and fetch and drop have driftd's client properties and take {BATCH_RECORDS:,} records at once;
Quix Streams, Bytewax and kcat have their own. A pace is taken from {FIRST_SHARE:.0%} to {LAST_SHARE:.0%} of the events,
but kcat's from its start to its end. Loop, Quix Streams and Bytewax feed river's ADWIN and Page-Hinkley with every
feature of every event, on one thread; a summariser alone has its batches in memory.
"""
    heads = ("contender", "events a round", "events/s", "of fetch and drop's", "Python µs", "client µs", "broker µs")
    yield from table((*heads, "CPU, of fetch and drop's", "other cores"), _rows(rounds, fetch, result["skipped"]))
    yield """\
CPU time is in microseconds per event: of the threads that run Python or the kernel, of librdkafka's threads, of the
broker. Multiples are taken round by round; that of CPU is of the contender's own and the broker's together, and says
more than that of events/s where others keep the cores busy. Other cores are those that somebody else kept busy.
"""


def _rows(rounds: dict[str, list[Figures]], fetch: list[Figures], skipped: dict[str, str]) -> Iterator[list[str]]:
    for name, taken in rounds.items():
        cpu = [f"{median(one[part] for one in taken):.2f}" for part in ("python_us", "client_us", "broker_us")]
        yield [
            name,
            f"{taken[0]['events']:,.0f}",
            with_range([one["rate"] for one in taken], ",.0f"),
            with_range(by_round(taken, "rate", fetch), ".2f"),
            *cpu,
            with_range(by_round(taken, "total_us", fetch), ".2f"),
            f"{median(one['others'] for one in taken):.2f}",
        ]
    for name, reason in skipped.items():
        yield [name, f"skipped: {reason}", *[""] * 7]


def bars(result: Result) -> Iterator[Bar]:
    """Hold the best kernel that there is against the bars."""
    rounds: dict[str, Any] = result["rounds"]
    fetch, loop = rounds[FETCH], rounds[LOOP]
    kernel = RUST if RUN[RUST] in rounds else PYTHON
    run = rounds[RUN[kernel]]
    of_loop = f"; CPU {median(by_round(loop, 'own_us', run)):.2f}"
    of_fetch = f"; CPU {median(by_round(run, 'own_us', fetch)):.2f}"
    share = 0.8 if (cpu_count() or 1) >= _MANY_CORES else 0.5
    named = f"`driftd run` (kernel {kernel})"
    yield at_least(
        f"{named}: events/s at least 10 times the hand-written loop", by_round(run, "rate", loop), 10, of_loop
    )
    yield at_least(
        f"{named}: events/s at least {share} times fetch and drop", by_round(run, "rate", fetch), share, of_fetch
    )
    yield at_most(
        f"{named}: CPU time, broker included, at most 1.5 times fetch and drop",
        by_round(run, "total_us", fetch),
        ".2f",
        1.5,
    )
    plain = rounds[ALONE[PYTHON]]
    of_loop = f"; CPU {median(by_round(loop, 'own_us', plain)):.2f}"
    yield at_least(
        "the plain Python summariser: events/s at least 2 times the hand-written loop",
        by_round(plain, "rate", loop),
        2,
        of_loop,
    )


SECTION = Section("throughput", "Events per second", measure, lines, bars)
