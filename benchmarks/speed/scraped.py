"""What a scrape of some 100,000 samples costs, and what it takes off the rate of events."""

import itertools
import time
from collections.abc import Iterator
from contextlib import nullcontext
from statistics import median

from made_up_events import Traffic
from proc_figures import Pace, pace
from scrape import World, over_http, scraped_every_second
from speed.daemon import Daemon
from speed.figures import figures
from speed.kernels import best
from speed.section import Bar, Result, Section, at_least, at_most, by_round, table, with_range
from speed.site import Site, looks

TOPIC = "scraped"
MODELS, QUICK_MODELS = 300, 100
OPENING = 240  # events of each model in the first window; the second lasts for all others
SECONDS = 2.0  # of each stretch
SECTIONS = {
    "limits": {"models": MODELS, "series": 1_000_000},
    "windows": {"lateness": "1s"},  # the first window closes soon
}
ALONE, SCRAPED = "not scraped", "scraped every second"


def measure(site: Site) -> Result:
    """Scrape a made-up picture over HTTP; then let a daemon read on, by turns with scrapes and without."""
    served = over_http(World(20, 265), site.size(7, 3))
    events = site.size(5_000_000, 1_800_000)
    models = site.size(MODELS, QUICK_MODELS)
    names = tuple(f"model-{number:03}" for number in range(models))
    site.prepare(
        TOPIC,
        Traffic(
            names,
            20,
            4,
            events,
            events,
            training_rows=5_120,
            distinct=OPENING * models,
            timed=False,
            opening=OPENING * models,
        ),
    )
    paces: dict[str, list[dict[str, float]]] = {ALONE: [], SCRAPED: []}
    with site.daemon(site.setup(TOPIC, kernel=best(), sections=SECTIONS)) as daemon:
        for _ in looks(daemon, 1.0):
            if daemon.totals().get("driftd_windows_closed_total", 0) >= models:
                break
        samples = sum(not line.startswith("#") for line in daemon.scrape().splitlines())
        _stretch(site, daemon, scraped=False)  # what piled up while the windows were closed
        for name in itertools.islice(itertools.cycle(paces), site.size(6, 2)):
            stretch = _stretch(site, daemon, scraped=name == SCRAPED)
            if daemon.accounts().read == events:
                break  # a fast one: the last stretch was not read through
            paces[name].append(figures(stretch))
            site.say(f"{name}: {stretch.rate:,.0f} events/s")
    rounds = len(paces[SCRAPED])
    if rounds == 0:
        raise RuntimeError(f"all {events:,} events are read: take more")
    paces[ALONE] = paces[ALONE][:rounds]
    seconds = {name: [cost.wall for cost in costs] for name, costs in served.items()}
    return {"kernel": best(), "models": models, "seconds": seconds, "samples": samples, "paces": paces}


def _stretch(site: Site, daemon: Daemon, *, scraped: bool) -> Pace:
    """Let the daemon read for some seconds; return its pace."""
    first = site.moment(daemon)
    with scraped_every_second(daemon.scrape, None) if scraped else nullcontext():
        time.sleep(SECONDS)
        return pace(first, site.moment(daemon))


def lines(result: Result) -> Iterator[str]:
    """Print the scrapes, then the rates."""
    yield """\
Made-up pictures of 20 monitors with 265 columns, about 100,000 samples, fetched by a client in a process of its own;
seconds that it waited.
"""
    yield from table(
        ("scrape", "seconds"), ([name, with_range(taken, ".3f")] for name, taken in result["seconds"].items())
    )
    yield f"""\
`driftd run`, kernel {result["kernel"]}, on events of {result["models"]} models with 25 columns whose profiles have no
history, by turns; the page had {result["samples"]:,} samples. A pace is that of {SECONDS:g} s, after the first window
of every model has closed; no other one closes meanwhile.
"""
    yield from table(
        ("", "events/s", "CPU µs an event"),
        (
            [name, with_range([one["rate"] for one in taken], ",.0f"), f"{median(one['own_us'] for one in taken):.2f}"]
            for name, taken in result["paces"].items()
        ),
    )


def bars(result: Result) -> Iterator[Bar]:
    """Hold the seconds and the share that is left of the rate against the bars."""
    yield at_most(
        "scrape of 100,000 samples in seconds: at most 0.25",
        result["seconds"]["over HTTP, news of all"],
        ".3f",
        0.25,
    )
    left = by_round(result["paces"][SCRAPED], "rate", result["paces"][ALONE])
    yield at_least("scraped every second: at least 0.9 times the events/s without", left, 0.9)


SECTION = Section("scrape", "Scrapes", measure, lines, bars)
