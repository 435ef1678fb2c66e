"""What pages on open data: every set through `driftd replay`, with one configuration.

    python benchmarks/real_data.py [--output FILE]

Prints a table in Markdown: docs/real-data.md says what it shows. Rows are 1 s apart and numbered from 0 in
the order in which they are replayed.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
BUDGET = "1 per 8640 windows"
# By default a column with fewer than 200 values in a window is carried over: 10 rows would never be a window.
CONFIGURATION = "windows: {min_observations: 10}\n"
DETECTORS = ("adwin", "page_hinkley", "gross")
NAMES_SHOWN = 4

CALENDAR_OF_BIKES = ("dteday", "season", "yr", "mnth", "hr", "holiday", "weekday", "workingday")
CALENDAR_OF_TRIPS = ("trip_start_month", "trip_start_day", "trip_start_hour", "trip_start_timestamp")
FLAG_FALL = 3.25  # dollars, before the first mile
PROCESS_COLUMNS = [f"xmeas_{i}" for i in range(1, 42)] + [f"xmv_{i}" for i in range(1, 12)]

Row = dict[str, Any]
Event = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A replay, and what is known of its data."""

    name: str
    known: str
    data: Path
    reference: str
    options: tuple[str, ...] = ()
    window_rows: int = 200


def main() -> None:
    parser = argparse.ArgumentParser(description="What pages on open data, as a table in Markdown.")
    parser.add_argument("--output", type=Path, help="write the table here instead of to stdout")
    output: Path | None = parser.parse_args().output
    if not DATA.is_dir():
        sys.exit(f"the open data sets are not there: {DATA}")
    with TemporaryDirectory() as scratch:
        table = table_of(measured(case, Path(scratch)) for case in cases(Path(scratch)))
    if output is None:
        print(table, end="")
    else:
        output.write_text(table)


def cases(scratch: Path) -> Iterator[Case]:
    """Yield the cases, each once its data lie ready."""
    yield Case(
        "weather",
        "dew point and others from row 12,000",
        DATA / "weather" / "rainfall.csv",
        "0:8000",
        ("--label", "rain", *ignore("unnamed_0")),
    )
    yield Case("adult", "none", DATA / "adult" / "adults.parquet", "0:10000", ("--label", "class"))
    trips = scratch / "chicago_taxi.csv"
    write_csv(trips, trips_in_order(read_csv(DATA / "chicago_taxi" / "trips.csv")))
    yield Case(
        "chicago_taxi",
        "fare_per_mile from row 14,169; payment_type slowly, all along",
        trips,
        "0:6000",
        ignore(*CALENDAR_OF_TRIPS),
    )
    yield Case(
        "bike_sharing",
        "seasons and growth, no known point",
        DATA / "bike_sharing" / "hour.csv",
        "0:4000",
        ("--label", "cnt", *ignore("instant", *CALENDAR_OF_BIKES)),
    )
    yield california_housing(scratch)
    yield from tennessee_eastman(scratch)


def california_housing(scratch: Path) -> Case:
    """Profile its reference, numbered as the replay numbers rows, and put the targets beside the rows.

    A row of it is an hour. Calibrated on hours and replayed at a row a second, the traffic would count as 3600
    times as dense as in training, and its design effects as that much larger.
    """
    source = DATA / "california_housing"
    columns = ("--prediction", "y_pred_proba", "--label", "clf_target", *ignore("id", "y_pred", "timestamp"))
    reference, profile = scratch / "california_reference.csv", scratch / "california_housing.json"
    write_csv(reference, ({"second": n, **row} for n, row in enumerate(read_csv(source / "reference.csv"))))
    driftd("profile", reference, "--timestamp", "second", "--window", "200s", *columns, "-o", profile)
    targets = {row["id"]: row["clf_target"] for row in read_csv(source / "analysis_ground_truth.csv")}
    labelled = scratch / "california_housing.csv"
    write_csv(labelled, ({**row, "clf_target": targets[row["id"]]} for row in read_csv(source / "analysis.csv")))
    return Case("california_housing", "many columns from row 0", labelled, str(profile), columns)


def tennessee_eastman(scratch: Path) -> Iterator[Case]:
    """Profile the fault-free run, which is stored transposed, and replay the others against it."""
    source = DATA / "tennessee_eastman"
    reference, profile, window_rows = scratch / "d00.csv", scratch / "d00.json", 10
    write_csv(reference, process_rows(zip(*read_numbers(source / "d00.dat"), strict=True)))
    timed = ("--timestamp", "second", "--window", f"{window_rows}s")
    driftd("profile", reference, *timed, "--model", "tennessee_eastman", "-o", profile)
    for run in ("d00", "d01", "d02", "d04", "d06"):
        data = scratch / f"{run}_te.csv"
        write_csv(data, process_rows(read_numbers(source / f"{run}_te.dat")))
        known = "none" if run == "d00" else "a fault from row 160"
        yield Case(f"tennessee_eastman {run}_te", known, data, str(profile), ignore("second"), window_rows)


def trips_in_order(rows: Iterable[Row]) -> Iterator[Row]:
    """Sort trips by their start, and add what a mile cost: the fare alone hides a rise behind the distance."""
    for row in sorted(rows, key=lambda row: int(row["trip_start_timestamp"])):
        miles = float(row["trip_miles"] or 0)
        per_mile = (float(row["fare"]) - FLAG_FALL) / miles if miles > 0 and row["fare"] else ""
        yield {**row, "fare_per_mile": per_mile}


def process_rows(rows: Iterable[Sequence[str]]) -> Iterator[Row]:
    """Name the columns of a process run, and number its rows."""
    for number, values in enumerate(rows):
        yield {"second": number, **dict(zip(PROCESS_COLUMNS, values, strict=True))}


def ignore(*columns: str) -> tuple[str, ...]:
    return tuple(word for column in columns for word in ("--ignore", column))


def measured(case: Case, scratch: Path) -> list[str]:
    """Replay a case; return its line of the table."""
    configuration, events_out = scratch / "driftd.yaml", scratch / "events.jsonl"
    configuration.write_text(CONFIGURATION)
    window = ("--window", f"{case.window_rows}s", "--budget", BUDGET)
    where = ("--config", configuration, "--reference", case.reference, "--events-out", events_out)
    summary = json.loads(driftd("replay", case.data, *where, *window, *case.options, "--json"))
    events = [json.loads(line) for line in events_out.read_text().splitlines()]
    detections: Counter[str] = Counter()
    for counts in summary["detections"].values():
        detections.update(counts)
    return [
        case.name,
        f"{summary['rows']:,}",
        f"{summary['windows']:,}",
        case.known,
        str(summary["pages"]),
        "<br>".join(pages(events)) or "none",
        "<br>".join(afterwards(events)) or "none",
        *(f"{detections[detector] * 10_000 / summary['rows']:.1f}" for detector in DETECTORS),
    ]


def kind_of(event: Event) -> str:
    kind: str = event["type"].removeprefix("io.driftd.incident.").removesuffix(".v1")
    return kind


def pages(events: Sequence[Event]) -> Iterator[str]:
    """Tell each page: the last row of its window, the first row of what it is about, and its suspects."""
    firing = [event for event in events if kind_of(event) == "firing"]
    for number, event in enumerate(firing, start=1):
        since = event["data"]["onset"]["sources"][0]["offset"]
        suspects = [f"{s['column']} ({s['channel']} {s['effect']:+.2f})" for s in event["data"]["suspects"]]
        yield f"#{number} at **{last_row(event):,}** since {since:,}: {listed(suspects)}"


def afterwards(events: Sequence[Event]) -> Iterator[str]:
    """Tell what became of each page: columns that joined (+) or left (-) its incident, and its end.

    A column that alarms again once its incident can no longer be joined leaves it for the newer one.
    """
    numbers: dict[str, int] = {}
    named: dict[str, dict[str, None]] = {}
    for event in events:
        incident = event["data"]["incident"]
        number, before = numbers.setdefault(incident, len(numbers) + 1), named.get(incident, {})
        now = named[incident] = dict.fromkeys(suspect["column"] for suspect in event["data"]["suspects"])
        moved = [f"+{column}" for column in now if column not in before]
        moved += [f"-{column}" for column in before if column not in now]
        if kind_of(event) == "updated":
            yield f"#{number} at {last_row(event):,}: {listed(moved)}"
        elif kind_of(event) != "firing":
            yield f"#{number} at {last_row(event):,}: {kind_of(event)}"


def last_row(event: Event) -> int:
    row: int = event["data"]["window"]["last_offset"]
    return row


def listed(names: Sequence[str]) -> str:
    hidden = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {hidden} more" if hidden > 0 else "")


def table_of(lines: Iterable[Sequence[str]]) -> str:
    """Write the table."""
    told = ["pages", "page at row, since row: suspects (channel, effect)", "afterwards, at row"]
    per_rows = [f"{detector} per 10,000 rows" for detector in DETECTORS]
    head = ["dataset", "rows", "windows", "known drift", *told, *per_rows]
    rule = ["---", "--:", "--:", "---", "--:", "---", "---", *["--:"] * len(DETECTORS)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *lines))


def driftd(*arguments: str | Path) -> str:
    """Run a command of driftd with no settings from the environment; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DRIFTD_")}
    command = [sys.executable, "-m", "driftd", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def read_csv(path: Path) -> list[Row]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    remaining = iter(rows)
    first = next(remaining)
    with path.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(remaining)


def read_numbers(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]


if __name__ == "__main__":
    main()
