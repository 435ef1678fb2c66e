"""CSV and Parquet as training rows and events."""

import gzip
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet

from driftd.errors import DataError
from driftd.files.options import ReadOptions
from driftd.files.table import Table
from driftd.files.timestamps import TIME_FORMS
from driftd.references.build import build_profile
from driftd.references.rows import Row


def csv_file(tmp_path: Path, text: str, name: str = "data.csv") -> Path:
    """Write a CSV file."""
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def features_of(path: Path, start: int = 0, stop: int | None = None, **options: Any) -> list[dict[str, Any]]:
    """Read a table's features, typed by its rows."""
    table = Table(path, ReadOptions(**options)).typed_by_rows(start, stop)
    return [dict(row.features) for row in table.rows(start, stop)]


def test_csv_columns_of_numbers_are_numeric(tmp_path: Path) -> None:
    """A column is numeric if each value in it is a number; empty, NA, NaN and nan are missing everywhere."""
    path = csv_file(tmp_path, "a,b,c\n1,x,1_0\n,NA,2\n nan, NaN,\n\n-2.5e3,1,3\n")
    assert features_of(path) == [
        {"a": 1.0, "b": "x", "c": "1_0"},
        {"a": None, "b": None, "c": "2"},
        {"a": None, "b": None, "c": None},
        {"a": -2500.0, "b": "1", "c": "3"},
    ]


def test_csv_infinity_is_invalid_in_a_numeric_column(tmp_path: Path) -> None:
    """An infinity leaves its column numeric, and is text there: invalid."""
    assert features_of(csv_file(tmp_path, "a\n1\ninf\n-Infinity\n")) == [{"a": 1.0}, {"a": "inf"}, {"a": "-Infinity"}]


def test_csv_kinds_come_from_the_span_alone(tmp_path: Path) -> None:
    """Text behind the span does not make its column text; read on, it is text among numbers."""
    path = csv_file(tmp_path, "a\n" + "1\n" * 1_500 + "x\n")
    assert features_of(path, 0, 1_500) == [{"a": 1.0}] * 1_500
    events = list(Table(path, ReadOptions()).typed_by_rows(0, 1_500).events(1_499))
    assert [orjson.loads(event)["features"]["a"] for event in events] == [1.0, "x"]


def test_profile_decides_the_kinds(tmp_path: Path) -> None:
    """Numbers are text where the profile has categories, and numbers where it has numbers, roles included."""
    rows = [Row({"zip": "01", "x": 1.0}, 0.5, "yes"), Row({"zip": "02", "x": 2.0}, 0.5, "no")]
    profile = build_profile(lambda: rows, model="m")
    path = csv_file(tmp_path, "zip,x,score,truth,new\n01,1,0.5,1,7\n")
    table = Table(path, ReadOptions(prediction="score", label="truth")).typed_by_profile(profile)
    (row,) = table.rows()
    assert row == Row({"zip": "01", "x": 1.0, "new": "7"}, 0.5, "1", 0)


def test_event_is_canonical(tmp_path: Path) -> None:
    """A row's event holds model, version, time, features and what is known of prediction and label; keys sorted."""
    path = csv_file(tmp_path, "t,x,p,y,id\n2026-11-23T10:00:00.123Z,1,0.5,,u1\n", "fraud.csv")
    options = ReadOptions(timestamp="t", prediction="p", label="y", ignore=("id",))
    assert list(Table(path, options).typed_by_rows().events()) == [
        b'{"features":{"x":1.0},"label":null,"model":"fraud","prediction":0.5,"timestamp":1795428000123,"version":"none"}'
    ]


def test_rows_without_times_are_an_interval_apart(tmp_path: Path) -> None:
    """Row n lies n intervals after the epoch, written so that no magnitude can be mistaken."""
    path = csv_file(tmp_path, "x\n1\n2\n")
    events = Table(path, ReadOptions(row_interval_ms=1_500)).events()
    assert [orjson.loads(event)["timestamp"] for event in events] == [
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:01.500Z",
    ]


def test_column_without_a_name_gets_one(tmp_path: Path) -> None:
    """An index column, as pandas writes it, is called by its place; a byte order mark is no part of a name."""
    assert features_of(csv_file(tmp_path, "\ufeff,x\n0,1\n")) == [{"unnamed_0": 0.0, "x": 1.0}]


def test_gzip_is_read(tmp_path: Path) -> None:
    """A CSV file that is compressed with gzip is read as the file it was; its stem is the model."""
    path = tmp_path / "fraud.csv.gz"
    path.write_bytes(gzip.compress(b"x\n1\n"))
    table = Table(path, ReadOptions())
    assert (table.model, [row.features for row in table.typed_by_rows().rows()]) == ("fraud", [{"x": 1.0}])


def test_sort_is_stable(tmp_path: Path) -> None:
    """Sorted rows come in time order, rows of the same time as they stood; their numbers are the sorted ones."""
    path = csv_file(tmp_path, "t,x\n3,a\n1,b\n3,c\n1,d\n")
    table = Table(path, ReadOptions(timestamp="t", sort=True))
    assert [row.features["x"] for row in table.rows()] == ["b", "d", "a", "c"]
    assert [orjson.loads(event)["features"]["x"] for event in table.events(1)] == ["d", "a", "c"]


def test_times_and_order_across_chunks(tmp_path: Path) -> None:
    """Order is checked over the whole file, and the first row out of order is named."""
    path = csv_file(tmp_path, "t\n" + "".join(f"{k}\n" for k in (*range(1_000), 998, 1)))
    with pytest.raises(DataError) as caught:
        list(Table(path, ReadOptions(timestamp="t")).rows())
    assert str(caught.value) == (
        "data.csv: is not in time order by column 't': this row is earlier than the row before; "
        "use --sort, or sort the file (row 1000)"
    )


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "data.csv: is empty: there is no header"),
        ("a,b\n", {}, "data.csv: has a header but no rows"),
        ("a,a\n1,2\n", {}, "data.csv: column 'a' occurs twice in the header"),
        ("a,b\n1,2\n1\n", {}, "data.csv: 1 fields where the header has 2 (row 1)"),
        ("a,b\n1,2\n1,2,3\n", {}, "data.csv: 3 fields where the header has 2 (row 1)"),
        ('a,b\n1,2\n"1"x,2\n', {}, "data.csv: broken row: ',' expected after '\"' (row 1)"),
        ("a\n1\n", {"timestamp": "when"}, "data.csv: there is no column 'when': there are 'a'"),
        ("amount\n1\n", {"ignore": ("amonut",)}, "data.csv: there is no column 'amonut': did you mean 'amount'?"),
        (
            "a\n1\n",
            {"prediction": "a", "label": "a"},
            "data.csv: column 'a' can be only one of timestamp, prediction, label and ignored",
        ),
        (
            "t\n1\nsoon\n",
            {"timestamp": "t"},
            f"data.csv: the time in column 't' is 'soon', expected {TIME_FORMS} (row 1)",
        ),
    ],
)
def test_broken_csv_says_what_is_wrong(tmp_path: Path, text: str, options: dict[str, Any], message: str) -> None:
    """Whatever is wrong with a file or its columns is a DataError in one sentence."""
    with pytest.raises(DataError) as caught:
        list(Table(csv_file(tmp_path, text), ReadOptions(**options)).rows())
    assert str(caught.value) == message


def test_missing_time_is_named(tmp_path: Path) -> None:
    """A row without a time is an error, sorted or not."""
    path = csv_file(tmp_path, "t,x\n1,1\n,2\n")
    for sort in (False, True):
        with pytest.raises(DataError, match=r"the time in column 't' is missing.*\(row 1\)"):
            list(Table(path, ReadOptions(timestamp="t", sort=sort)).rows())


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8, or no gzip although it is called so, is a DataError."""
    latin = tmp_path / "latin.csv"
    latin.write_bytes(b"a\nx\n\xe9\n")
    with pytest.raises(DataError, match="is not UTF-8"):
        list(Table(latin, ReadOptions()).rows())
    fake = tmp_path / "fake.csv.gz"
    fake.write_bytes(b"a\n1\n")
    with pytest.raises(DataError, match="cannot be read"):
        Table(fake, ReadOptions())


@pytest.mark.parametrize(("start", "stop", "asked"), [(0, 4, "rows 0:4"), (3, None, "row 3"), (5, 7, "rows 5:7")])
def test_span_beyond_the_end_is_refused(tmp_path: Path, start: int, stop: int | None, asked: str) -> None:
    """A span that the file cannot fill is an error that says how many rows there are."""
    with pytest.raises(DataError) as caught:
        list(Table(csv_file(tmp_path, "a\n1\n2\n3\n"), ReadOptions()).rows(start, stop))
    assert str(caught.value) == f"data.csv: has 3 rows, too few for {asked}"


def test_span_over_chunks(tmp_path: Path) -> None:
    """A span that starts and stops inside chunks gives its rows alone, with their times."""
    path = csv_file(tmp_path, "a\n" + "".join(f"{k}\n" for k in range(3_000)))
    rows = list(Table(path, ReadOptions()).typed_by_rows().rows(999, 2_001))
    assert [row.features["a"] for row in rows] == list(range(999, 2_001))
    assert [rows[0].time_ms, rows[-1].time_ms] == [999_000, 2_000_000]


def parquet_file(tmp_path: Path, columns: dict[str, pa.Array]) -> Path:
    """Write a Parquet file."""
    path = tmp_path / "data.parquet"
    parquet.write_table(pa.table(columns), path)
    return path


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    """Numbers, texts, booleans, lists and dictionaries are as they are; NaN misses, infinities are invalid text."""
    path = parquet_file(
        tmp_path,
        {
            "i": pa.array([1, None]),
            "f": pa.array([float("nan"), float("inf")]),
            "b": pa.array([True, None]),
            "s": pa.array(["x", "1"]).dictionary_encode(),
            "v": pa.array([[1.0, 2.0], None]),
            "d": pa.array([Decimal("1.5"), None]),
            "day": pa.array([date(2026, 1, 2), None]),
        },
    )
    assert features_of(path) == [
        {"i": 1, "f": None, "b": True, "s": "x", "v": [1.0, 2.0], "d": 1.5, "day": "2026-01-02"},
        {"i": None, "f": "inf", "b": None, "s": "1", "v": None, "d": None, "day": None},
    ]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_are_read(tmp_path: Path, unit: str) -> None:
    """Timestamps of any unit, with a zone or without, are times."""
    moment = datetime(2026, 11, 23, 10, 0, 1, tzinfo=UTC)
    for zone in (None, "UTC", "Europe/Berlin"):
        path = parquet_file(tmp_path, {"t": pa.array([moment], pa.timestamp(unit, zone)), "x": pa.array([1])})
        (row,) = Table(path, ReadOptions(timestamp="t")).rows()
        assert row.time_ms == 1_795_428_001_000


def test_parquet_type_that_no_event_holds_is_refused(tmp_path: Path) -> None:
    """A column of bytes is an error that says what to do."""
    with pytest.raises(DataError, match="column 'x' is of type binary, which no event can hold: ignore it"):
        Table(parquet_file(tmp_path, {"x": pa.array([b"1"])}), ReadOptions())


def test_broken_parquet_is_refused(tmp_path: Path) -> None:
    """A file that is no Parquet, or one without rows, is a DataError."""
    path = tmp_path / "data.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="is not Parquet"):
        Table(path, ReadOptions())
    with pytest.raises(DataError, match="has no rows"):
        Table(parquet_file(tmp_path, {"x": pa.array([], pa.int64())}), ReadOptions())


def test_missing_pyarrow_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow a Parquet file is a DataError with the command that mends it."""
    monkeypatch.setitem(sys.modules, "driftd.files.parquet_file", None)
    with pytest.raises(DataError) as caught:
        Table(tmp_path / "data.parquet", ReadOptions())
    assert str(caught.value) == "data.parquet: Parquet needs pyarrow: pip install driftd[parquet]"
