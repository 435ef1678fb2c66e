"""Lines of a file, none of which can fill the memory: a few compressed bytes may unfold to gigabytes."""

from collections.abc import Iterator
from typing import IO, AnyStr

from driftd.errors import DataError

LONGEST_LINE = 16 * 2**20  # characters, or bytes


def bounded_lines(file: IO[AnyStr], data: str) -> Iterator[AnyStr]:
    """Yield the lines with their ends. Raises DataError, naming the data, for one longer than ``LONGEST_LINE``."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise DataError(data, f"line {number} is longer than {LONGEST_LINE} characters")
        yield line
