"""Which reader a file takes: by its ending."""

from pathlib import Path

from driftd.errors import DataError
from driftd.files.events_file import EventsFile, ReadEvent
from driftd.files.options import ReadOptions
from driftd.files.table import Table

TABLE_ENDINGS = (".csv", ".csv.gz", ".parquet")
EVENT_ENDINGS = (".jsonl", ".jsonl.gz")


def open_table(path: Path, options: ReadOptions, read_event: ReadEvent) -> Table | EventsFile:
    """Open a data file; ``read_event`` decodes the lines of JSONL. Raises DataError, also for an unknown ending."""
    if not path.exists():
        raise DataError(str(path), "there is no such file")
    if not path.is_file():
        raise DataError(str(path), "is not a file")
    if path.name.endswith(TABLE_ENDINGS):
        return Table(path, options)
    if path.name.endswith(EVENT_ENDINGS):
        return EventsFile(path, options, read_event)
    endings = ", ".join((*TABLE_ENDINGS, *EVENT_ENDINGS))
    raise DataError(str(path), f"is of no known format: its name must end in one of {endings}")
