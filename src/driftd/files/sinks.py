"""Files that are written: JSON lines."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import orjson

from driftd.errors import DataError


class JsonLines:
    """Writes one JSON document a line: sorted keys, so the same documents give the same bytes.

    With ``append`` behind what the file holds already, else in its place.
    ``write`` returns when the lines are with the operating system. Raises DataError when the file cannot be
    opened or written. A context manager: leaving it closes the file.
    """

    def __init__(self, path: Path, *, append: bool = True) -> None:
        self._path = path
        try:
            self._file = path.open("ab" if append else "wb")
        except FileNotFoundError:
            raise DataError(str(path), f"cannot be written: there is no directory {path.parent}") from None
        except OSError as error:
            raise DataError(str(path), f"cannot be written: {error.strerror}") from None

    def write(self, documents: Iterable[Any]) -> None:
        """Append documents and flush."""
        try:
            for document in documents:
                self._file.write(orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE))
            self._file.flush()
        except OSError as error:
            raise DataError(str(self._path), f"cannot be written: {error.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
