"""Where drift events and window lines go: files of JSON lines, or nowhere."""

import os
from pathlib import Path
from typing import BinaryIO

from driftd.errors import DataError
from driftd.files.sinks import JsonLines
from driftd.runtime.outbox import Delivery

BLOCK_BYTES = 65_536


class FileSink:
    """Appends documents to ``--events-out`` and ``--windows-out``, each where given.

    A document has left the process when ``deliver`` returns, so it outlives a kill. A line that a kill left
    unfinished is cut off: it was not delivered, so the snapshot still holds it and it is written again.
    Raises DataError if a file cannot be written.
    """

    def __init__(self, events_out: Path | None = None, windows_out: Path | None = None, *, append: bool = True) -> None:
        if append:
            for path in (events_out, windows_out):
                if path is not None and path.is_file():
                    _cut_unfinished_line(path)
        self._events = JsonLines(events_out, append=append) if events_out else None
        self._windows = JsonLines(windows_out, append=append) if windows_out else None
        self.wants_windows = windows_out is not None

    def deliver(self, delivery: Delivery) -> None:
        """Write documents out. Where one file takes them and the other does not, they are repeated in the one."""
        if self._events is not None and delivery.events:
            self._events.write(delivery.events)
        if self._windows is not None and delivery.windows:
            self._windows.write(delivery.windows)

    def close(self) -> None:
        """Close the files."""
        for lines in (self._events, self._windows):
            if lines is not None:
                lines.close()


def _cut_unfinished_line(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            file.truncate(_end_of_last_line(file))
    except OSError as error:
        raise DataError(str(path), f"cannot be written: {error.strerror}") from None


def _end_of_last_line(file: BinaryIO) -> int:
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(end - BLOCK_BYTES, 0)
        file.seek(start)
        feed = file.read(end - start).rfind(b"\n")
        if feed >= 0:
            return start + feed + 1
        end = start
    return 0
