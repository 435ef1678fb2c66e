"""Resident memory of the daemon, and its time from exec to ready."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from made_up_events import Traffic
from proc_figures import MB
from speed.daemon import Daemon, imports_alone
from speed.kernels import best
from speed.section import Bar, Result, Section, at_most, table, with_range
from speed.site import Site, looks

LOOK_SECONDS = 0.25
BAR = "3 models of 200 columns"
ROOM = {"limits": {"models": 1_000, "monitors": 2_000, "columns": 2_000}}


@dataclass(frozen=True, slots=True)
class Load:
    """What a daemon watches: so many windows, each with so many events of each model."""

    models: int
    numeric: int
    categorical: int
    windows: int
    events: int = 300  # of a model in a window: more than windows.min_observations
    options: Mapping[str, Any] = field(default_factory=dict)

    def traffic(self, site: Site) -> Traffic:
        """Return events of the windows, and of some more by which they close."""
        per_window = self.events * self.models
        return Traffic(
            tuple(f"model-{number:03}" for number in range(self.models)),
            self.numeric,
            self.categorical,
            events=(self.to_close(site) + 3) * per_window,
            events_per_window=per_window,
            training_rows=site.size(10_240, 5_120),
            **self.options,
        )

    def to_close(self, site: Site) -> int:
        """Return how many windows of each model are closed before memory is read."""
        return site.size(self.windows, max(self.windows // 4, 1))


LOADS = {
    BAR: Load(3, 180, 19, windows=20),
    "1 model of 769 columns, 768 of them of one array": Load(1, 0, 0, windows=8, options={"vector": 768}),
    "1 model of 2,000 columns": Load(1, 1_800, 199, windows=4),
    # learning each column's dependence from its history would take minutes: see the detect stage
    "500 models of 25 columns, no history": Load(500, 20, 4, windows=3, events=220, options={"timed": False}),
}


def measure(site: Site) -> Result:
    """Let a daemon grow under each load, then start it again, and fresh ones beside it."""
    labels = list(LOADS)[: site.size(len(LOADS), 1)]
    loads = {label: _measured(site, label, LOADS[label]) for label in labels}
    return {"kernel": best(), "imports": imports_alone(), "loads": loads}


def _measured(site: Site, label: str, load: Load) -> dict[str, Any]:
    topic = f"footprint-{load.models}-{load.numeric}"
    event_bytes = site.prepare(topic, load.traffic(site))
    setup = site.setup(topic, kernel=best(), sections=ROOM)
    grown = site.daemon(setup)
    figures = _grow(site, grown, load)
    site.say(f"{label}: {figures['resident'] / MB:.0f} MB resident")
    starts = site.size(3, 1) if label == BAR else 1
    fresh = [grown.seconds_to_ready, *(_seconds_to_ready(site.daemon(setup)) for _ in range(starts - 1))]
    snapshot_bytes = grown.snapshot_bytes
    restored = [_seconds_to_ready(grown) for _ in range(starts)]
    site.say(f"{label}: ready after {with_range(fresh, '.2f')} s, restored {with_range(restored, '.2f')} s")
    return {
        **figures,
        "event_bytes": event_bytes,
        "snapshot_bytes": snapshot_bytes,
        "fresh": fresh,
        "restored": restored,
    }


def _grow(site: Site, daemon: Daemon, load: Load) -> dict[str, int]:
    """Run a daemon until it has read everything, closed its windows and saved; return its memory in bytes."""
    events = load.traffic(site).events
    with daemon:
        at_ready = daemon.memory()["VmRSS"]
        for read in looks(daemon, LOOK_SECONDS):
            if read < events:
                continue
            totals = daemon.totals()
            closed = int(totals.get("driftd_windows_closed_total", 0)) // load.models
            if closed >= load.to_close(site) and totals["driftd_checkpoint_duration_seconds_count"] >= 1:
                break
        now = daemon.memory()
    return {
        "windows": closed,
        "at_ready": at_ready,
        "resident": now["VmRSS"],
        "anonymous": now["RssAnon"],
        "peak": now["VmHWM"],
    }


def _seconds_to_ready(daemon: Daemon) -> float:
    with daemon:
        return daemon.seconds_to_ready


def lines(result: Result) -> Iterator[str]:
    """Print one row a load, of memory and of starts."""
    imports = result["imports"]
    alone = f"{imports['VmRSS'] / MB:.0f} MB and {imports['seconds']:.2f} s"
    yield f"""\
Kernel {result["kernel"]}. Megabytes are of 10⁶ bytes and resident; profiles are of rows in time order, with all the
history that they keep, unless it says otherwise.
The imports alone take {alone}.
"""
    heads = ("watched", "bytes an event", "ready, no snapshot", "windows closed of each model", "then")
    yield from table((*heads, "of it not backed by files", "peak"), map(_memory_row, result["loads"].items()))
    starts = ("watched", "exec to ready, no snapshot", "state directory", "exec to ready, state restored")
    yield from table(starts, map(_start_row, result["loads"].items()))


def _memory_row(item: tuple[str, dict[str, Any]]) -> list[str]:
    label, found = item
    sizes = {name: f"{found[name] / MB:.0f} MB" for name in ("at_ready", "resident", "anonymous", "peak")}
    return [
        label,
        f"{found['event_bytes']:,}",
        sizes["at_ready"],
        f"{found['windows']}",
        sizes["resident"],
        sizes["anonymous"],
        sizes["peak"],
    ]


def _start_row(item: tuple[str, dict[str, Any]]) -> list[str]:
    label, found = item
    return [
        label,
        f"{with_range(found['fresh'], '.2f')} s",
        f"{found['snapshot_bytes'] / MB:.1f} MB",
        f"{with_range(found['restored'], '.2f')} s",
    ]


def bars(result: Result) -> Iterator[Bar]:
    """Hold the load of the bars against them."""
    found = result["loads"][BAR]
    yield at_most(f"memory in MB: at most 200 at {BAR}", [found["resident"] / MB], ".0f", 200)
    yield at_most(f"start to ready in seconds: at most 3, state restored, at {BAR}", found["restored"], ".2f", 3)


SECTION = Section("footprint", "Memory, and start to ready", measure, lines, bars)
