"""Rows per second of ``driftd replay``, from CSV and from Parquet."""

import csv
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import parquet

from driftd.references.codec import profile_to_json
from made_up_events import Traffic
from speed.kernels import best
from speed.section import Result, Section, table, with_range
from speed.site import STEP_SECONDS, Site

FORMS = ("csv", "parquet")


def measure(site: Site) -> Result:
    """Replay the same rows from either kind of file, and an eighth of them, by turns."""
    rows = site.size(800_000, 80_000)
    traffic = Traffic(("fraud",), 20, 4, rows, 20_000, training_rows=10_240, distinct=min(rows, 80_000))
    (profile,) = traffic.profiles()
    (site.folder / "fraud.json").write_bytes(profile_to_json(profile))
    files = {(form, count): site.folder / f"rows-{count}.{form}" for form in FORMS for count in (rows // 8, rows)}
    for (form, count), file in files.items():
        {"csv": _write_csv, "parquet": _write_parquet}[form](file, itertools.islice(_rows(traffic), count))
    site.say(f"files of {rows:,} rows")
    seconds: dict[str, list[list[float]]] = {form: [] for form in FORMS}
    for _ in range(site.size(3, 1)):
        for form in FORMS:
            seconds[form].append([_replay(site, files[form, count], count) for count in (rows // 8, rows)])
            site.say(f"replay of {form}: {seconds[form][-1][1]:.1f} s")
    sizes = {form: files[form, rows].stat().st_size for form in FORMS}
    return {"kernel": best(), "rows": rows, "bytes": sizes, "seconds": seconds}


def _rows(traffic: Traffic) -> Iterator[dict[str, Any]]:
    for record in traffic.records():
        event = orjson.loads(record.value or b"")
        yield {"timestamp": event["timestamp"], **event["features"], "prediction": event["prediction"]}


def _write_csv(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    with file.open("w", newline="") as out:
        remaining = iter(rows)
        first = next(remaining)
        writer = csv.DictWriter(out, list(first))
        writer.writeheader()
        writer.writerows(itertools.chain([first], remaining))


def _write_parquet(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    writer = None
    remaining = iter(rows)
    while chunk := list(itertools.islice(remaining, 50_000)):
        piece = pa.Table.from_pylist(chunk)
        writer = writer or parquet.ParquetWriter(file, piece.schema)
        writer.write_table(piece)
    if writer is not None:
        writer.close()


def _replay(site: Site, file: Path, rows: int) -> float:
    """Return the seconds of a whole command, from its start to its end."""
    command = [sys.executable, "-m", "driftd", "replay", str(file), "--timestamp=timestamp", "--prediction=prediction"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--model=fraud", "--reference", str(site.folder / "fraud.json"), "--json"],
        env={**os.environ, "DRIFTD_KERNEL": best()},
        capture_output=True,
        text=True,
        check=True,
        timeout=STEP_SECONDS,
    )
    took = time.monotonic() - began
    if json.loads(done.stdout)["events"] != rows:
        raise RuntimeError(f"the replay did not read {rows:,} rows: {done.stdout[:500]}")
    return took


def lines(result: Result) -> Iterator[str]:
    """Print one row a kind of file."""
    rows = result["rows"]
    yield f"""\
{rows:,} rows of 20 numbers and 4 texts, a time and a prediction, 20,000 rows a window; kernel {result["kernel"]}. Each
command is timed from its start to its end; the last column leaves the start out: it is what the last {rows * 7 // 8:,}
rows took longer than the first {rows // 8:,} alone.
"""
    yield from table(
        ("file", "MB", "seconds", "rows/s", "rows/s without the start"),
        (
            [
                form,
                f"{result['bytes'][form] / 1e6:.0f}",
                with_range([whole for _, whole in taken], ".1f"),
                with_range([rows / whole for _, whole in taken], ",.0f"),
                with_range([rows * 7 / 8 / (whole - part) for part, whole in taken], ",.0f"),
            ]
            for form, taken in result["seconds"].items()
        ),
    )


SECTION = Section("replay", "Replay", measure, lines)
