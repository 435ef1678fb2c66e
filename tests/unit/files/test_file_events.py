"""JSONL, batches, and JSON lines written."""

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from driftd.errors import DataError
from driftd.files.events_file import EventRow, EventsFile
from driftd.files.opening import open_table
from driftd.files.options import ReadOptions
from driftd.files.sinks import JsonLines
from driftd.files.source import TableSource
from driftd.files.table import Table
from driftd.references.rows import Row
from driftd.values.batch import RecordTime
from driftd.values.keys import SourcePartition


def read_event(value: bytes) -> EventRow:
    """Read the events of these tests."""
    event = orjson.loads(value)
    row = Row(event.get("features", {}), event.get("prediction"), event.get("label"), event.get("t"))
    return EventRow(event.get("model", "m"), event.get("version", "none"), row)


def events_file(tmp_path: Path, *lines: Any, **options: Any) -> EventsFile:
    """Write events, bytes as they are, and open them."""
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines))
    return EventsFile(path, ReadOptions(**options), read_event)


def test_events_pass_as_they_are(tmp_path: Path) -> None:
    """Lines are replayed byte for byte, broken ones too; blank lines do not count."""
    data = events_file(tmp_path, b'{"a": 1}\r', b"", b"broken", b"  ", b'{ "b":2}')
    assert list(data.events()) == [b'{"a": 1}', b"broken", b'{ "b":2}']
    assert list(data.events(1)) == [b"broken", b'{ "b":2}']


def test_compressed_events_are_read(tmp_path: Path) -> None:
    """JSONL that is compressed with gzip is read as the lines it was."""
    path = tmp_path / "events.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}\n{}\n"))
    data = open_table(path, ReadOptions(), read_event)
    assert list(data.events()) == [b"{}", b"{}"]


def test_rows_are_those_of_the_first_events_model(tmp_path: Path) -> None:
    """Without a choice, events of two models are an error that names both and the way out."""
    data = events_file(tmp_path, {"model": "a", "features": {"x": 1}}, {"model": "b"})
    assert (data.model, data.version) == ("a", "none")
    with pytest.raises(DataError) as caught:
        list(data.rows())
    assert str(caught.value) == (
        "events.jsonl: holds events of a/none and of b/none: choose with --model and --version (row 1)"
    )


def test_chosen_model_is_read_alone(tmp_path: Path) -> None:
    """With a model chosen the events of others are passed over; ignored features are left out."""
    lines = [{"model": "a"}, {"model": "b", "features": {"x": 1, "id": 2}, "prediction": 3, "label": 4, "t": 5}]
    data = events_file(tmp_path, *lines, model="b", version="none", ignore=("id",))
    assert list(data.rows()) == [Row({"x": 1}, 3, 4, 5)]


def test_order_is_checked_where_it_is_claimed(tmp_path: Path) -> None:
    """With a timestamp named, rows out of order are an error; without, events come as they come."""
    lines = [{"t": 2}, {"t": 1}]
    assert [row.time_ms for row in events_file(tmp_path, *lines).rows()] == [2, 1]
    with pytest.raises(DataError, match=r"is not in time order: this event is earlier.*\(row 1\)"):
        list(events_file(tmp_path, *lines, timestamp="t").rows())
    with pytest.raises(DataError, match=r"the event has no time.*\(row 1\)"):
        list(events_file(tmp_path, {"t": 2}, {}, timestamp="t").rows())
    ordered = events_file(tmp_path, *lines, timestamp="t", sort=True)
    assert [row.time_ms for row in ordered.rows()] == [1, 2]


def test_sorted_events_keep_broken_ones_in_place(tmp_path: Path) -> None:
    """Sorting is stable; a line without a readable time stays behind the one before it."""
    data = events_file(tmp_path, {"t": 5}, b"broken", {"t": 1}, {"t": 5, "n": 2}, sort=True)
    assert list(data.events()) == [b'{"t":1}', b'{"t":5}', b"broken", b'{"t":5,"n":2}']


def test_broken_event_cannot_become_a_row(tmp_path: Path) -> None:
    """A profile is not built from a line that cannot be read: it is named."""
    with pytest.raises(DataError, match=r"events.jsonl: broken event: .*\(row 1\)"):
        list(events_file(tmp_path, {}, b"broken").rows())


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (2, None), (2, 3)])
def test_span_beyond_the_end_of_events_is_refused(tmp_path: Path, start: int, stop: int | None) -> None:
    """A span that the file cannot fill is an error."""
    with pytest.raises(DataError, match="too few for rows"):
        list(events_file(tmp_path, {}, {}).rows(start, stop))


def test_unusable_event_files_are_refused(tmp_path: Path) -> None:
    """An empty file, and options that make no sense for events, are DataErrors."""
    with pytest.raises(DataError, match=r"events.jsonl: is empty: there are no events"):
        events_file(tmp_path)
    with pytest.raises(DataError, match="name their prediction and label themselves"):
        events_file(tmp_path, {}, label="y")


def test_unknown_files_are_refused(tmp_path: Path) -> None:
    """A file that is not there, a directory, and an unknown ending are DataErrors that say so."""
    (tmp_path / "data.xls").write_text("x")
    for name, reason in (
        ("none.csv", "there is no such file"),
        ("", "is not a file"),
        ("data.xls", "is of no known format: its name must end in one of .csv, .csv.gz, .parquet, .jsonl, .jsonl.gz"),
    ):
        with pytest.raises(DataError) as caught:
            open_table(tmp_path / name, ReadOptions(), read_event)
        assert caught.value.reason == reason


@pytest.mark.parametrize("rows", [1, 999, 1_000, 1_001, 2_000])
def test_batches_hold_every_row_once(tmp_path: Path, rows: int) -> None:
    """Batches of at most 1,000 rows carry row numbers as offsets; only the last one is drained, and has records."""
    path = tmp_path / "data.csv"
    path.write_text("x\n" + "".join(f"{k}\n" for k in range(rows + 5)))
    batches = list(TableSource(Table(path, ReadOptions()), 5))
    assert [offset for batch in batches for offset in batch.offsets] == list(range(5, rows + 5))
    assert [len(batch.values) <= 1_000 for batch in batches] == [True] * len(batches)
    assert [batch.drained for batch in batches] == [False] * (len(batches) - 1) + [True]
    assert all(batch.position == batch.offsets[-1] + 1 for batch in batches)
    assert {(batch.source, batch.record_time) for batch in batches} == {
        (SourcePartition("data.csv", 0), RecordTime.NONE)
    }
    assert [orjson.loads(v)["features"]["x"] for b in batches for v in b.values if v] == [
        str(k) for k in range(5, rows + 5)
    ]


def test_source_can_be_read_again(tmp_path: Path) -> None:
    """A second reading gives the same bytes."""
    data = events_file(tmp_path, {"t": 1}, {"t": 2})
    source = TableSource(data)
    assert [batch.values for batch in source] == [batch.values for batch in source]


def test_json_lines_are_canonical(tmp_path: Path) -> None:
    """Documents are written with sorted keys, one a line, and are in the file when write returns."""
    path = tmp_path / "out.jsonl"
    with JsonLines(path) as lines:
        lines.write([{"b": 1, "a": [None]}])
        assert path.read_bytes() == b'{"a":[null],"b":1}\n'
        lines.write([])
    with JsonLines(path) as lines:
        lines.write([2])
    assert path.read_bytes() == b'{"a":[null],"b":1}\n2\n'
    with JsonLines(path, append=False) as lines:
        lines.write([3])
    assert path.read_bytes() == b"3\n"


def test_json_lines_need_their_directory(tmp_path: Path) -> None:
    """A missing directory is not created but reported."""
    path = tmp_path / "none" / "out.jsonl"
    with pytest.raises(DataError) as caught:
        JsonLines(path)
    assert str(caught.value) == f"{path}: cannot be written: there is no directory {tmp_path / 'none'}"
