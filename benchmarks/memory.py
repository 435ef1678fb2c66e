"""Resident memory of the daemon while nine events of ten are made to fill it.

    python benchmarks/memory.py [--seed N] [--trace]

Two million events, the names of models, versions, columns and categories drawn anew for each, once with small
limits and once with the defaults; see tests/attack_traffic.py for what is sent, tests/attacked_daemon.py for what
runs. Each in a process of its own, without a broker. Prints a table in Markdown; ends with exit code 1 if memory has
not stayed within 5 % of what it was after 200,000 events, or if a sound event was miscounted. ``--trace`` runs
500,000 events several times slower, and tells where memory was allocated that has grown.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from proc_figures import MB, load

DAEMON = Path(__file__).resolve().parent.parent / "tests" / "attacked_daemon.py"
MARKS = (200_000, 500_000, 1_000_000, 2_000_000)
TRACED = (200_000, 500_000)
ALLOWED = 1.05

Line = dict[str, Any]


def attacked(limits: str, seed: int, *, trace: bool) -> tuple[list[Line], Line]:
    """Run a daemon; return its marks, and what became of the events."""
    marks = TRACED if trace else MARKS
    command = [sys.executable, str(DAEMON), f"--seed={seed}", f"--limits={limits}", *(["--trace"] if trace else [])]
    done = subprocess.run([*command, *map(str, marks)], stdout=subprocess.PIPE, text=True, check=True)
    *measured, end = map(json.loads, done.stdout.splitlines())
    return measured, end


def table(marks: list[Line]) -> str:
    """Write the marks as a table."""
    lines = [
        "| events | resident | of the first | snapshot | samples on /metrics | shed | longest API answer | monitors |",
        "|---|---|---|---|---|---|---|---|",
    ]
    first = marks[0]["rss_bytes"]
    lines += [
        f"| {mark['events']:,} | {mark['rss_bytes'] / MB:.1f} MB | {mark['rss_bytes'] / first:.1%} "
        f"| {mark['snapshot_bytes'] / MB:.2f} MB | {mark['samples']:,} | {mark['shed']:,} "
        f"| {mark['api_bytes'] / MB:.2f} MB | {mark['monitors']:,} |"
        for mark in marks
    ]
    return "\n".join(lines)


def sound(end: Line) -> bool:
    """Tell whether every event was accounted for, and the sound ones were counted exactly."""
    return bool(
        end["read"] == end["accounted_for"]
        and end["sent"] == end["observed"]
        and end["countries_sent"] == end["countries_counted"]
    )


def main() -> None:
    """Run both, and print the tables."""
    parser = argparse.ArgumentParser(description="Resident memory of the daemon under an attack on it.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trace", action="store_true", help="tell where what has grown was allocated; slow")
    options = parser.parse_args()
    failed = False
    for limits in ("small", "default"):
        began = time.monotonic()
        marks, end = attacked(limits, options.seed, trace=options.trace)
        print(f"\n{limits} limits, seed {options.seed}\n\n{table(marks)}\n")
        print(
            f"sound events {end['sent']:,} sent, {end['observed']:,} observed; "
            f"{end['read']:,} read, {end['accounted_for']:,} accounted for; rejected {end['rejected']}, "
            f"late {end['late']:,}; {end['monitors_seen']:,} monitors came and went. "
            f"{time.monotonic() - began:.0f} s, load {load()}."
        )
        flat = marks[-1]["rss_bytes"] <= ALLOWED * marks[0]["rss_bytes"]
        failed |= not sound(end) or not (flat or options.trace)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
