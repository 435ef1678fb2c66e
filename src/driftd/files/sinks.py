"""Files that are written: JSON lines."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import orjson

from driftd.errors import DataError


class JsonLines:
    """Writes one JSON document a line: sorted keys, so the same documents give the same bytes.

    With ``append`` behind what the file holds already, else in its place.
    ``write`` returns when the lines are with the operating system, all of them: where some do not fit (a full
    disk) none is left behind. Raises DataError when the file cannot be opened or written. A context manager:
    leaving it closes the file.
    """

    def __init__(self, path: Path, *, append: bool = True) -> None:
        self._path = path
        try:
            mode = os.O_APPEND if append else os.O_TRUNC
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | mode, 0o666)
            self._end = os.fstat(self._file).st_size
        except FileNotFoundError:
            raise DataError(str(path), f"cannot be written: there is no directory {path.parent}") from None
        except OSError as error:
            raise DataError(str(path), f"cannot be written: {error.strerror}") from None

    def write(self, documents: Iterable[Any]) -> None:
        """Append documents and flush."""
        option = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
        try:
            self._append(b"".join(orjson.dumps(document, option=option) for document in documents))
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._end)
            raise DataError(str(self._path), f"cannot be written: {error.strerror}") from None

    def _append(self, data: bytes) -> None:
        written = 0
        while written < len(data):
            written += os.write(self._file, data[written:])
        self._end += written

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
