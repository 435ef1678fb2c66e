"""Where drift events and window lines go: files of JSON lines, or nowhere."""

from pathlib import Path

from driftd.files.sinks import JsonLines
from driftd.runtime.engine import Delivery


class FileSink:
    """Appends documents to ``--events-out`` and ``--windows-out``, each where given.

    A document has left the process when ``deliver`` returns, so it outlives a kill.
    Raises DataError if a file cannot be written.
    """

    def __init__(self, events_out: Path | None = None, windows_out: Path | None = None, *, append: bool = True) -> None:
        self._events = JsonLines(events_out, append=append) if events_out else None
        self._windows = JsonLines(windows_out, append=append) if windows_out else None
        self.wants_windows = windows_out is not None

    def deliver(self, delivery: Delivery) -> None:
        """Write documents out."""
        if self._events is not None and delivery.events:
            self._events.write(delivery.events)
        if self._windows is not None and delivery.windows:
            self._windows.write(delivery.windows)

    def close(self) -> None:
        """Close the files."""
        for lines in (self._events, self._windows):
            if lines is not None:
                lines.close()
