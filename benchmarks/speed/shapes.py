"""What an event costs as it gets larger, comes from more models, or is written in other ways."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from made_up_events import Traffic
from speed.figures import figures
from speed.kernels import best
from speed.section import Result, Section, table, with_range
from speed.site import Site

TRAINING_ROWS = 5_120
ROOM = {"limits": {"models": 1_000, "monitors": 2_000, "columns": 2_000}}


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of traffic, and how the daemon is told to read it."""

    features: int = 24
    models: int = 1
    events_per_window: int = 100_000
    options: Mapping[str, Any] = field(default_factory=dict)  # of Traffic
    excluded: int = 0  # features that are not looked at

    def traffic(self, megabytes: int) -> Traffic:
        """Return about so many megabytes of events, a quarter of them drawn, equally many of each model."""
        group = 4 * self.models  # of which every model has one event in each partition
        count = megabytes * 1_000_000 // (120 + 28 * self.features + 10 * self.options.get("vector", 0))
        return Traffic(
            tuple(f"model-{number:03}" for number in range(self.models)),
            self.features - self.features // 6,
            self.features // 6,
            events=count,
            events_per_window=self.events_per_window,
            training_rows=TRAINING_ROWS,
            distinct=max(count // 4 // group, 1) * group,
            **self.options,
        )


FEATURES = {f"{count} features": Shape(features=count) for count in (4, 24, 100, 500)}
MODELS = {
    f"{count} models" if count > 1 else "1 model": Shape(models=count, events_per_window=1_000_000)
    for count in (1, 50, 500)
}
PAYLOADS = {
    "plain": Shape(),
    "keys in changing order": Shape(options={"shuffled": True}),
    "half the features ignored": Shape(excluded=12),
    "an array of 768 numbers": Shape(features=0, options={"vector": 768}),
}
WINDOWS = {f"{count:,} events a window": Shape(events_per_window=count) for count in (5_000, 20_000, 100_000, 500_000)}


def _section(name: str, title: str, shapes: Mapping[str, Shape], said: str) -> Section:
    def measure(site: Site) -> Result:
        return _measure(site, dict(list(shapes.items())[: site.size(len(shapes), 2)]))

    def lines(result: Result) -> Iterator[str]:
        yield f"{said}\n{_READING.format(kernel=result['kernel'], rounds=result['rounds'])}\n"
        heads = ("traffic", "bytes an event", "columns", "events/s", "CPU µs an event", "broker µs", "CPU ns a column")
        yield from table((*heads, "of fetch and drop's events/s"), map(_row, result["shapes"].items()))

    return Section(name, title, measure, lines)


def _measure(site: Site, shapes: Mapping[str, Shape]) -> Result:
    """Run the daemon and fetch and drop over each kind of traffic, by turns."""
    kernel, megabytes, rounds = best(), site.size(400, 100), site.size(2, 1)
    measured: dict[str, Any] = {}
    for label, shape in shapes.items():
        traffic = shape.traffic(megabytes)
        size = site.prepare(_topic(shape), traffic)
        watched = shape.features + shape.options.get("vector", 0) - shape.excluded + 1
        measured[label] = {"event_bytes": size, "columns": watched, "run": [], "fetch": []}
    for _ in range(rounds):
        for label, shape in shapes.items():
            topic, events = _topic(shape), shape.traffic(megabytes).events
            settings = {"exclude": list(shape.traffic(megabytes).names[: 2 * shape.excluded : 2])}
            setup = site.setup(topic, kernel=kernel, topic_settings=settings, sections=ROOM)
            measured[label]["fetch"].append(figures(site.contender("fetch", topic, events)))
            measured[label]["run"].append(figures(site.daemon_pace(setup, events)))
    return {"kernel": kernel, "rounds": rounds, "shapes": measured}


def _topic(shape: Shape) -> str:
    """Name a topic after what it holds; sections share those that hold the same."""
    said = "-".join(str(name) for name in shape.options)
    return f"shape-{shape.features}-{shape.models}-{shape.events_per_window}-{said}".strip("-")


def _row(item: tuple[str, dict[str, Any]]) -> list[str]:
    label, measured = item
    run, fetch = measured["run"], measured["fetch"]
    own = [one["own_us"] for one in run]
    return [
        label,
        f"{measured['event_bytes']:,}",
        f"{measured['columns']:,}",
        with_range([one["rate"] for one in run], ",.0f"),
        with_range(own, ".2f"),
        f"{median(one['broker_us'] for one in run):.2f}",
        f"{median(own) / measured['columns'] * 1000:.0f}",
        f"{median(one['rate'] / two['rate'] for one, two in zip(run, fetch, strict=True)):.2f}",
    ]


_READING = """\
`driftd run`, kernel {kernel}, by turns with fetch and drop (rounds: {rounds}). CPU is the daemon's own,
librdkafka's threads included; columns are those of one model, its prediction among them."""

SECTIONS = (
    _section("features", "Features of an event", FEATURES, "One model, 100,000 events a window."),
    _section("models", "Models", MODELS, "24 features an event; no window closes meanwhile."),
    _section("payload", "How the events are written", PAYLOADS, "One model, 100,000 events a window."),
    _section(
        "windows", "Events of a window", WINDOWS, "One model of 24 features: what closing a window costs its events."
    ),
)
