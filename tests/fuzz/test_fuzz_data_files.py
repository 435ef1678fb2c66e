"""Data files as nobody should write them: rows, or a DataError, in bounded memory."""

import contextlib
import gzip
import io
import json
import tracemalloc
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from fuzzing import corpus, damaged, examples
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from driftd.errors import DataError, DriftdError
from driftd.files.bounded_lines import LONGEST_LINE
from driftd.files.opening import open_table
from driftd.files.options import ReadOptions
from driftd.files.timestamps import cell_time_ms, event_time
from driftd.references.build import build_profile
from driftd.runtime.event_rows import EventRows

EVENTS = b"".join(b'{"model":"m","timestamp":%d,"features":{"a":%d}}\n' % (1_790_000_000 + i, i % 9) for i in range(60))
CSV = b"timestamp,a,b\n" + b"".join(b'%d,%d,"x,%d"\n' % (1_790_000_000 + i, i % 9, i % 3) for i in range(60))


def arrow(**columns: Any) -> bytes:
    """Return a Parquet file."""
    file = io.BytesIO()
    parquet.write_table(pa.table(dict(columns)), file)
    return file.getvalue()


PARQUET = arrow(
    timestamp=pa.array(range(1_790_000_000, 1_790_000_060)),
    a=pa.array([float(i % 9) for i in range(60)]),
    b=pa.array([[{"x": "y"}]] * 60),
)
WHOLE = {
    "d.csv": CSV,
    "d.csv.gz": gzip.compress(CSV, mtime=0),
    "d.jsonl": EVENTS,
    "d.jsonl.gz": gzip.compress(EVENTS, mtime=0),
    "d.parquet": PARQUET,
}
OPTIONS = (ReadOptions(), ReadOptions(timestamp="timestamp"), ReadOptions(timestamp="timestamp", sort=True))


def check(path: Path) -> int:
    """Read events and rows in every way; return how many events there were without options."""
    events = 0
    for options in OPTIONS:
        with contextlib.suppress(DriftdError):
            events = events or len(list(open_table(path, options, EventRows().read).events()))
        with contextlib.suppress(DriftdError):
            table = open_table(path, options, EventRows().read).typed_by_rows()
            build_profile(lambda table=table: table.rows(), model="m", version="1")  # type: ignore[misc]
    return events


@pytest.mark.parametrize("path", corpus("data"), ids=lambda path: path.name)
def test_every_file_of_the_corpus_is_read_or_refused(path: Path) -> None:
    """What once ended in a traceback does not again."""
    check(path)


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_damaged_here_is_sound(tmp_path: Path, name: str) -> None:
    """All rows are read when nothing is changed."""
    path = tmp_path / name
    path.write_bytes(WHOLE[name])
    assert 60 == check(path)


@pytest.mark.parametrize("name", WHOLE)
@examples(25)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    """Flipped bits, cuts, repeats and odd bytes, in what is compressed as well."""
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data.draw(damaged(WHOLE[name])))
    check(path)


@pytest.mark.parametrize(
    ("name", "head"), [("bomb.csv.gz", b"a,b\n1,2\n"), ("bomb.csv.gz", b""), ("bomb.jsonl.gz", b"")]
)
def test_a_bomb_without_line_ends_is_refused_before_it_has_unfolded(tmp_path: Path, name: str, head: bytes) -> None:
    """A few compressed bytes take no more memory than a line may be long."""
    path = tmp_path / name
    path.write_bytes(gzip.compress(head + b"0" * (12 * LONGEST_LINE)))
    tracemalloc.start()
    with pytest.raises(DataError, match=f"is longer than {LONGEST_LINE} characters"):
        list(open_table(path, ReadOptions(), EventRows().read).events())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * LONGEST_LINE


def test_a_header_of_many_columns_is_read_in_the_time_of_its_bytes(tmp_path: Path) -> None:
    """Looking for a name that occurs twice is linear: 100,000 names would otherwise take minutes."""
    path = tmp_path / "wide.csv"
    names = [f"c{number}" for number in range(100_000)]
    path.write_text(f"{','.join(names)}\n{','.join('1' for _ in names)}\n")
    assert tuple(names) == open_table(path, ReadOptions(), EventRows().read).typed_by_rows()._raw.columns  # type: ignore[union-attr]
    path.write_text(f"{','.join([*names, 'c7'])}\n{'1,' * len(names)}1\n")
    with pytest.raises(DataError, match="column 'c7' occurs twice in the header"):
        open_table(path, ReadOptions(), EventRows().read)


UNFIT = {
    "bytes in a list of objects": pa.array([[{"x": b"1"}]]),
    "bytes of a fixed length": pa.array([b"x"], pa.binary(1)),
    "decimals in a list": pa.array([[Decimal("1.5")]]),
    "a map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
    "a duration in an object": pa.array([{"x": 1}], pa.struct({"x": pa.duration("s")})),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_parquet_column_that_no_event_can_hold_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """Also where the type is hidden inside another one: the file is refused before anything is read of it."""
    path = tmp_path / "d.parquet"
    path.write_bytes(arrow(unfit=UNFIT[name]))
    with pytest.raises(DataError, match=r"column 'unfit' is of type .*, which no event can hold: ignore it"):
        open_table(path, ReadOptions(), EventRows().read)


FIT = {
    "objects in a list": (pa.array([[{"x": 1.5}]]), [{"x": 1.5}]),
    "times in a list": (pa.array([[datetime(2026, 1, 1)]]), ["2026-01-01T00:00:00"]),  # noqa: DTZ001 -- as stored
    "nothing": (pa.array([None]), None),
    "words of a dictionary": (pa.array(["x"]).dictionary_encode(), "x"),
}


@pytest.mark.parametrize("name", FIT)
def test_a_parquet_column_of_json_is_read(tmp_path: Path, name: str) -> None:
    """Whatever has a form in JSON passes."""
    path = tmp_path / "d.parquet"
    path.write_bytes(arrow(fit=FIT[name][0]))
    (event,) = open_table(path, ReadOptions(), EventRows().read).events()
    assert FIT[name][1] == orjson.loads(event)["features"]["fit"]


@pytest.mark.parametrize(
    "dates", [pa.array([2**31 - 1], pa.date32()), pa.array([2**50], pa.timestamp("s"))], ids=["date", "time"]
)
def test_a_date_beyond_the_calendar_is_refused(tmp_path: Path, dates: Any) -> None:
    """Parquet can hold dates that no event and no datetime can."""
    path = tmp_path / "d.parquet"
    path.write_bytes(arrow(day=dates))
    with pytest.raises(DataError, match="cannot be read"):
        list(open_table(path, ReadOptions(), EventRows().read).events())


def test_rows_that_reach_beyond_the_calendar_are_refused(tmp_path: Path) -> None:
    """An interval between rows may be long, but not so long that the last row lies behind the year 9999."""
    path = tmp_path / "d.csv"
    path.write_bytes(CSV)
    century_ms = 36_500 * 86_400_000
    assert 60 == len(list(open_table(path, ReadOptions(row_interval_ms=century_ms), EventRows().read).events()))
    table = open_table(path, ReadOptions(row_interval_ms=2 * century_ms), EventRows().read)
    with pytest.raises(DataError, match="go on beyond the year 9999: take a shorter interval"):
        list(table.events())


CELLS = st.text() | st.integers() | st.floats() | st.sampled_from(["9" * 5_000, "1e999", "-inf", "٣", True, None])
EDGES = st.sampled_from(["0001-01-01T00:00:00", "9999-12-31T23:59:59", "2026-02-29", "2026-W01-1", "0000-01-01"])
ZONES = st.sampled_from(["", "Z", "+23:59", "-23:59", "+00:00:00.5", "+24:00"])


@examples(200)
@given(CELLS | st.tuples(EDGES, ZONES).map("".join))
def test_a_cell_that_is_a_time_can_be_written_into_an_event(cell: Any) -> None:
    """A time is one that an event can hold, or none."""
    ms = cell_time_ms(cell)
    assert ms is None or cell_time_ms(event_time(ms)) == ms
    assert json.dumps(ms)
