"""The kernel alone against simd-json's tape parse of the same bytes: src/kernel/benches/against_tape.rs."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from driftd.references.profile import Profile
from driftd.values.keys import Kind
from speed.daemon import BENCHMARKS
from speed.section import Bar, Result, Section, at_most, table, with_range
from speed.site import Site
from speed.throughput import narrow

EVENTS = 20_000
_CRATE = BENCHMARKS.parent / "src" / "kernel"
_BUILD_SECONDS = 600.0


def measure(site: Site) -> Result:
    """Build the program and run it, where there is a toolchain."""
    if shutil.which("cargo") is None:
        return {"skipped": "no cargo"}
    traffic = narrow(EVENTS)
    events, profile = site.folder / "events.jsonl", site.folder / "columns.json"
    events.write_bytes(b"\n".join(record.value or b"" for record in traffic.records()))
    _write_columns(next(traffic.profiles()), profile)
    command = ["cargo", "bench", "--quiet", "--no-default-features", "--bench", "against_tape", "--"]
    done = subprocess.run(
        [*command, str(events), str(profile), str(site.size(100, 20))],
        cwd=_CRATE,
        capture_output=True,
        text=True,
        check=False,
        timeout=_BUILD_SECONDS,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the program against the tape ended with {done.returncode}: {done.stderr[-2000:]}")
    rounds = [[float(figure) for figure in line.split()] for line in done.stdout.splitlines()]
    site.say(f"kernel alone: {with_range([kernel / tape for tape, kernel in rounds], '.2f')} times the tape")
    return {"event_bytes": events.stat().st_size // EVENTS, "rounds": rounds}


def _write_columns(profile: Profile, file: Path) -> None:
    """Write what the program needs to know of a profile's columns."""
    columns = [
        {
            "role": str(column.key.role),
            "name": column.key.name,
            "position": position,
            "start": layout.start,
            "edges": list(column.edges) if column.kind is Kind.NUMERIC else None,
            "categories": list(column.categories),
        }
        for position, (column, layout) in enumerate(zip(profile.columns, profile.layout.columns, strict=True))
    ]
    file.write_text(json.dumps({"size": profile.layout.size, "columns": columns}))


def lines(result: Result) -> Iterator[str]:
    """Print what each takes of an event."""
    if "skipped" in result:
        yield f"Skipped: {result['skipped']}.\n"
        return
    tape, kernel = zip(*result["rounds"], strict=True)
    size = result["event_bytes"]
    yield f"""\
{EVENTS:,} events of {size} bytes, 20 numbers, 4 texts and a prediction, in memory; one core, {len(tape)} rounds by
turns. The kernel scans, bins and sums; simd-json writes a tape, into the same buffers again and again.
"""
    yield from table(
        ("", "ns an event", "GB/s", "times the tape"),
        iter(
            [name, with_range(took, ",.0f"), with_range([size / one for one in took], ".2f"), of_tape]
            for name, took, of_tape in (
                ("simd-json's tape parse", tape, "1"),
                ("kernel", kernel, with_range(_of_tape(result), ".2f")),
            )
        ),
    )


def bars(result: Result) -> Iterator[Bar]:
    """Hold the kernel against the tape."""
    if "skipped" not in result:
        yield at_most("the kernel alone: at most 0.7 times simd-json's tape parse", _of_tape(result), ".2f", 0.7)


def _of_tape(result: Result) -> list[float]:
    return list(itertools.starmap(lambda tape, kernel: kernel / tape, result["rounds"]))


SECTION = Section("tape", "The kernel alone", measure, lines, bars)
