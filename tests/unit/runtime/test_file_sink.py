"""FileSink: what a killed process left behind, and what is appended to it."""

from pathlib import Path

import pytest

from driftd.errors import DataError
from driftd.runtime.outbox import Delivery
from driftd.runtime.sinks import BLOCK_BYTES, FileSink


def deliver(path: Path) -> bytes:
    """Open a file anew, deliver one drift event, and return what the file holds."""
    sink = FileSink(path)
    sink.deliver(Delivery(events=[{"id": "new"}]))
    sink.close()
    return path.read_bytes()


@pytest.mark.parametrize("kept", [b"", b'{"id":"old"}\n', b'{"id":"older"}\n{"id":"old"}\n'])
@pytest.mark.parametrize("unfinished", [b"", b"{", b'{"id":"torn', b"x" * (2 * BLOCK_BYTES + 1)])
def test_an_unfinished_line_is_cut_off(kept: bytes, unfinished: bytes, tmp_path: Path) -> None:
    """What a kill cut short would swallow the next document; every whole line stays."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(kept + unfinished)
    assert kept + b'{"id":"new"}\n' == deliver(path)


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    """The first start has nothing to append to."""
    assert deliver(tmp_path / "events.jsonl") == b'{"id":"new"}\n'


def test_what_is_no_regular_file_is_written_as_it_is() -> None:
    """A device or a pipe has no end to look at."""
    sink = FileSink(Path("/dev/null"))
    sink.deliver(Delivery(events=[{"id": "new"}]))
    sink.close()


def test_a_directory_cannot_be_written(tmp_path: Path) -> None:
    """The error names the path."""
    with pytest.raises(DataError, match="cannot be written: Is a directory"):
        FileSink(tmp_path)
