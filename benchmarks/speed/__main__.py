"""Measure, and write the page.

    PYTHONPATH=benchmarks:tests python -m speed [--quick] [--only SECTION,...] [--output FILE]

A real broker and every contender run on this machine, over the loopback interface. What was measured is kept below
.cache/bench, and the page is made of all that is kept: so sections can be measured one by one. It goes to
benchmarks/results.md; with ``--quick``, which takes fewer events and rounds, it is printed instead.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from broker import local_broker
from kafka_jars import BrokerUnavailable
from proc_figures import load
from speed import detecting, footprint, profile, replays, scraped, shapes, tape, throughput
from speed.daemon import BENCHMARKS
from speed.page import page
from speed.site import Site
from speed.store import Store

PAGE = BENCHMARKS / "results.md"
SECTIONS = (
    throughput.SECTION,
    tape.SECTION,
    *shapes.SECTIONS,
    replays.SECTION,
    footprint.SECTION,
    scraped.SECTION,
    detecting.SECTION,
    profile.SECTION,
)


def main() -> None:
    """Measure the chosen sections."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # what was started is ended on the way out
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:4.0f} s  {line}", file=sys.stderr, flush=True)

    store = Store(quick=options.quick)
    chosen = [section for section in SECTIONS if section.name in options.only]
    try:
        with tempfile.TemporaryDirectory(prefix="driftd-bench-") as folder, local_broker() as broker:
            site = Site(broker, Path(folder), options.quick, say)
            for section in chosen:
                load_before = load()
                store.keep(section.name, section.measure(site), load_before)
    except BrokerUnavailable as reason:
        sys.exit(f"no broker to measure with: {reason}")
    _write(page(SECTIONS, store), options.output or (None if options.quick else PAGE))
    say("done")


def _write(written: str, output: Path | None) -> None:
    if output is None:
        print(written)
    else:
        output.write_text(written)


def _options() -> argparse.Namespace:
    names = [section.name for section in SECTIONS]
    parser = argparse.ArgumentParser(prog="python -m speed", description="Measure how fast driftd is.")
    parser.add_argument("--quick", action="store_true", help="fewer events and rounds, and only print: some 3 minutes")
    parser.add_argument("--only", type=_names_among(names), default=names, help=f"sections among {', '.join(names)}")
    parser.add_argument("--output", type=Path, help=f"write the page here  [default: {PAGE.name} beside this package]")
    return parser.parse_args()


def _names_among(names: list[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(names)}")
        return chosen

    return parse


if __name__ == "__main__":
    main()
