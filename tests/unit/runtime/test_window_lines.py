"""What ``--windows-out`` holds."""

from dataclasses import replace

import orjson
from hypothesis import given
from hypothesis import strategies as st

from driftd.runtime.lines import window_lines
from driftd.values.closed import SourceSpan
from driftd.values.keys import Channel, ColumnKey, MonitorKey, Role
from driftd.values.verdict import ColumnVerdict, Detection, Distances, Effect, WindowVerdict
from driftd.values.windows import Window

FRAUD = MonitorKey("fraud", "3")
WINDOW = Window(1_790_000_040_000, 1_790_000_100_000)
AMOUNT, COLOUR = ColumnKey(Role.FEATURE, "amount"), ColumnKey(Role.LABEL, "colour")


def column(key: ColumnKey, psi: float = 0.5) -> ColumnVerdict:
    """A column with something in every place."""
    return ColumnVerdict(
        column=0,
        key=key,
        span=Window(WINDOW.start_ms - 60_000, WINDOW.end_ms),
        windows=2,
        n=10,
        missing=1,
        invalid=2,
        unseen=3,
        counts=(4, 3),
        distances=Distances(psi, 0.1, 0.2, 0.3, 4.0, 0.05),
        shift=-0.25,
        detections=(Detection(Channel.SHAPE, "adwin"),),
        alarms=("adwin",),
        speaking=("adwin", "psi>0.2"),
        effect=Effect(Channel.SHAPE, "changed", 0.5, WINDOW.start_ms, {}, {}, ()),
        unseen_texts=(("mauve", 2), ("teal", 1)),
        evidence=2.5,
        weight=0.125,
    )


def verdict(monitor: MonitorKey = FRAUD, *columns: ColumnVerdict) -> WindowVerdict:
    """A window with these columns."""
    return WindowVerdict(
        monitor=monitor,
        window=WINDOW,
        reference_id="r1",
        events=12,
        incomplete=True,
        sources=(SourceSpan("predictions", 0, 5, 16),),
        columns=columns or (column(AMOUNT), column(COLOUR)),
        starved=(ColumnKey(Role.FEATURE, "rare"),),
        evidence=1.75,
        threshold=4.5,
    )


def test_line_holds_all_that_is_said_about_a_column() -> None:
    """One document a column that had enough observations, in their order; starved ones have none."""
    amount, colour = window_lines(verdict())
    assert (amount["column"], colour["column"]) == ("amount", "colour")
    del colour["id"]
    assert colour == {
        "model": "fraud",
        "version": "3",
        "segment": "all",
        "role": "label",
        "column": "colour",
        "window": {"start_ms": 1_790_000_040_000, "end_ms": 1_790_000_100_000},
        "span": {"start_ms": 1_789_999_980_000, "end_ms": 1_790_000_100_000, "windows": 2},
        "reference_id": "r1",
        "incomplete": True,
        "events": 12,
        "n": 10,
        "missing": 1,
        "invalid": 2,
        "unseen": 3,
        "unseen_texts": [["mauve", 2], ["teal", 1]],
        "counts": [4, 3],
        "distances": {"psi": 0.5, "js": 0.1, "ks": 0.2, "wasserstein": 0.3, "chi2": 4.0, "chi2_p": 0.05},
        "shift": -0.25,
        "evidence": 2.5,
        "weight": 0.125,
        "monitor_evidence": 1.75,
        "monitor_evidence_threshold": 4.5,
        "calibrating": 0,
        "detections": [{"channel": "shape", "detector": "adwin"}],
        "alarms": ["adwin"],
        "speaking": ["adwin", "psi>0.2"],
    }


def test_lines_are_plain_json() -> None:
    """Writing and reading a line changes nothing: no tuples, no enumerations, no NaN."""
    lines = window_lines(verdict())
    assert lines == orjson.loads(orjson.dumps(lines))
    assert all(type(value) is not tuple for line in lines for value in line.values())


def test_id_does_not_depend_on_what_was_measured() -> None:
    """A line that is repeated is recognised, whatever its figures."""
    first, second = (window_lines(verdict(MonitorKey("m"), column(AMOUNT, psi)))[0] for psi in (0.5, 0.25))
    assert first["id"] == second["id"]
    assert first != second


def test_id_depends_on_window_and_reference() -> None:
    """The same column in another window, or held against another reference, is another line."""
    windows = [verdict(), replace(verdict(), window=Window(0, 60_000)), replace(verdict(), reference_id="r2")]
    ids = {line["id"] for window in windows for line in window_lines(window)}
    assert len(ids) == 6


names = st.text(alphabet="ab\x1f\x00,\"'[]/ ", min_size=1, max_size=3) | st.text(min_size=1, max_size=3)
keys = st.tuples(names, names, names, st.sampled_from(Role), names)


@given(st.sets(keys, min_size=2, max_size=4))
def test_two_columns_never_share_an_id(several: set[tuple[str, str, str, Role, str]]) -> None:
    """Whatever is in the names of models, versions and columns: separators too."""
    ids = [
        window_lines(verdict(MonitorKey(model, version, segment), column(ColumnKey(role, name))))[0]["id"]
        for model, version, segment, role, name in several
    ]
    assert len(several) == len(set(ids))


def test_a_separator_in_a_name_moves_nothing() -> None:
    """The very names that a joined text would confuse."""
    pair = (MonitorKey("a\x1fb", "c"), MonitorKey("a", "b\x1fc"))
    first, second = (window_lines(verdict(key))[0]["id"] for key in pair)
    assert first != second
