"""Events per second, memory and time to ready of ``driftd run``, side by side with what one would write by hand.

    python benchmarks/throughput.py [--quick] [--output FILE]

A real broker and every contender run on this machine, over the loopback interface; the contenders take turns
and each is a process of its own. The page goes to benchmarks/results.md; with ``--quick``, which takes fewer
events and rounds, it is printed instead.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))  # the broker and its topics

from broker import local_broker
from daemon_under_test import imports_alone, references_of
from kafka_jars import BrokerUnavailable
from made_up_events import Traffic
from measurements import Bench
from proc_figures import Pace, load, machine
from results_page import CONTENDERS, FETCH, LOOP, RUN, SUMMARISER, Results, page

PAGE = Path(__file__).resolve().with_name("results.md")
WINDOWS = 20  # of each model, closed before the memory is read
NARROW, WIDE = "narrow", "wide"


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    narrow: Traffic
    wide: Traffic
    loop_events: int
    summariser_events: int
    rounds: int
    snapshots: int  # before the memory is read
    starts: int


FULL = Size(
    narrow=Traffic(("fraud",), 20, 4, events=400_000, events_per_window=20_000, training_rows=51_200),
    wide=Traffic(("fraud", "churn", "search"), 180, 19, events=21_600, events_per_window=900, training_rows=51_200),
    loop_events=60_000,
    summariser_events=95_000,
    rounds=3,
    snapshots=2,
    starts=3,
)
QUICK = Size(
    narrow=Traffic(("fraud",), 20, 4, events=120_000, events_per_window=20_000, training_rows=10_240),
    wide=Traffic(("fraud", "churn", "search"), 180, 19, events=21_600, events_per_window=900, training_rows=10_240),
    loop_events=20_000,
    summariser_events=25_000,
    rounds=2,
    snapshots=1,
    starts=1,
)


def main() -> None:
    """Measure everything, in rounds, and write the page."""
    parser = argparse.ArgumentParser(description="Events per second, memory and time to ready of driftd run.")
    parser.add_argument("--quick", action="store_true", help="fewer events and rounds, and only print: under 90 s")
    parser.add_argument("--output", type=Path, help=f"write the page here  [default: {PAGE.name} beside this file]")
    options = parser.parse_args()
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:4.0f} s  {line}", file=sys.stderr, flush=True)

    size = QUICK if options.quick else FULL
    output = options.output or (None if options.quick else PAGE)
    load_before = load()
    try:
        with tempfile.TemporaryDirectory(prefix="driftd-bench-") as folder, local_broker() as broker:
            results = measure(Bench(broker, Path(folder), say), size)
    except BrokerUnavailable as reason:
        sys.exit(f"no broker to measure with: {reason}")
    written = page(results, machine(), f"{load_before} before, {load()} at the end")
    if output is None:
        print(written, end="")
    else:
        output.write_text(written)
    say("done")


def measure(bench: Bench, size: Size) -> Results:
    """Take all figures, the contenders by turns."""
    # 1. events per second
    narrow_bytes = bench.prepare(NARROW, size.narrow)
    paces: dict[str, list[Pace]] = {name: [] for name in CONTENDERS}
    profile = str(references_of(NARROW, bench.folder) / f"{size.narrow.models[0]}.json")
    bench.contender("fetch", NARROW, size.narrow.events)  # the broker warms up
    for _ in range(size.rounds):
        paces[FETCH].append(bench.contender("fetch", NARROW, size.narrow.events))
        paces[RUN].append(bench.daemon_pace(NARROW, size.narrow.events))
        paces[SUMMARISER].append(bench.contender("summariser", NARROW, size.summariser_events, "--profile", profile))
        paces[LOOP].append(bench.contender("loop", NARROW, size.loop_events))
    # 2. where the time goes
    samples_to = bench.folder / "samples.json"
    bench.daemon_pace(NARROW, size.narrow.events, samples_to=samples_to)
    # 3. memory, and start to ready, with many columns
    wide_bytes = bench.prepare(WIDE, size.wide)
    grown = bench.daemon(WIDE)
    memory = bench.memory(grown, size.wide, windows=WINDOWS, snapshots=size.snapshots)
    return Results(
        narrow=size.narrow,
        narrow_bytes=narrow_bytes,
        paces=paces,
        samples=json.loads(samples_to.read_text()),
        wide=size.wide,
        wide_bytes=wide_bytes,
        memory=memory,
        imports=imports_alone(),
        fresh_starts=bench.seconds_to_ready([bench.daemon(WIDE) for _ in range(size.starts)]),
        snapshot_bytes=sum(file.stat().st_size for file in (grown.folder / "state").rglob("*") if file.is_file()),
        restarts=bench.seconds_to_ready([grown] * size.starts),
    )


if __name__ == "__main__":
    main()
