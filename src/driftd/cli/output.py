"""Files that commands write where they are told to."""

from pathlib import Path

from driftd.errors import DataError


def write_file(path: Path, content: bytes) -> None:
    """Write a whole file; DataError where that is not possible."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DataError(str(path), f"cannot be written: {error.strerror}") from None
