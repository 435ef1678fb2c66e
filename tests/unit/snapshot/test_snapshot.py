from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftd.errors import SnapshotError, SnapshotFromFuture, SnapshotTorn, SnapshotUnusable, StateLocked
from driftd.snapshot.codec import decode, encode
from driftd.snapshot.restoring import restoring
from driftd.snapshot.store import StateDirectory
from driftd.values.state import State

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
records = st.dictionaries(st.text(), st.dictionaries(st.text(), plain, max_size=4), max_size=5)


@given(records)
def test_a_snapshot_reads_back_as_it_was_written(content: dict[str, State]) -> None:
    """Encoding and decoding lose nothing, not one bit of a float."""
    assert content == decode(encode(content, "1"), "s")
    assert encode(content, "1") == encode(decode(encode(content, "1"), "s"), "1")


@given(records, st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_noticed(content: dict[str, State], place: int, flip: int) -> None:
    """No single damaged byte goes unnoticed."""
    data = bytearray(encode(content, "1"))
    data[place % len(data)] ^= flip
    with pytest.raises(SnapshotError):
        decode(bytes(data), "s")


@given(records, st.integers(0, 10**6))
def test_a_cut_snapshot_is_torn(content: dict[str, State], length: int) -> None:
    """A file that lost its end is refused."""
    data = encode(content, "1")
    with pytest.raises(SnapshotTorn):
        decode(data[: length % len(data)], "s")


def test_a_snapshot_of_a_later_release_is_refused_by_name() -> None:
    """The message names the release that can read it."""
    data = b'{"driftd_snapshot":99,"release":"9.1.0"}\n'
    with pytest.raises(SnapshotFromFuture) as caught:
        decode(data, "s")
    expected = "s: was written by release 9.1.0 in format 99; this one reads 1 and 2; "
    assert expected + "run driftd 9.1.0 or later, or `driftd state reset`" == str(caught.value)


@pytest.mark.parametrize("number", [0, 3, -1, 10**30])
def test_a_snapshot_of_any_other_format_is_refused(number: int) -> None:
    """The own format is read and the one before; whatever else there may be is not guessed at."""
    with pytest.raises(SnapshotError):
        decode(b'{"driftd_snapshot":%d,"release":"1.0"}\n' % number, "s")


def test_a_release_that_is_no_release_is_not_shown() -> None:
    """What is told of a file that nobody vouches for must not reach the terminal as it is."""
    data = b'{"driftd_snapshot":99,"release":"\\u001b[2J"}\n'
    with pytest.raises(SnapshotFromFuture, match="was written by release unknown in format 99"):
        decode(data, "s")


def test_what_restoring_stumbles_over_is_named_with_the_file_and_a_remedy() -> None:
    """Whatever a stage raises over records of another form is one error, of one line."""
    for error in (KeyError("window"), TypeError("'int' object\nis not iterable"), ValueError("x" * 5_000)):
        with pytest.raises(SnapshotUnusable, match=r"^s: is whole, but holds what this release cannot") as caught:
            _restore(error)
        assert caught.value.__cause__ is error
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 500


def test_errors_that_are_meant_pass_through_restoring() -> None:
    """They say more than that something is wrong."""
    torn = SnapshotTorn("r", "is torn", "restore it")
    with pytest.raises(SnapshotTorn) as caught:
        _restore(torn)
    assert caught.value is torn


def _restore(error: Exception) -> None:
    with restoring("s"):
        raise error


def test_a_second_process_cannot_have_the_directory(tmp_path: Path) -> None:
    """Two daemons never write one snapshot."""
    with StateDirectory(tmp_path), pytest.raises(StateLocked, match=r"is in use by process [0-9]+"):
        StateDirectory(tmp_path).open()


def test_a_released_directory_can_be_opened_again(tmp_path: Path) -> None:
    """The lock goes with its holder."""
    with StateDirectory(tmp_path):
        pass
    with StateDirectory(tmp_path) as state:
        assert state.read() is None


def test_writing_replaces_the_snapshot_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a write the directory holds the new snapshot only."""
    with StateDirectory(tmp_path) as state:
        state.write(b"one")
        state.write(b"two")
        assert b"two" == state.read()
    assert {"lock", "references", "snapshot.jsonl"} == {path.name for path in tmp_path.iterdir()}


def test_a_directory_that_cannot_be_written_is_a_named_error(tmp_path: Path) -> None:
    """The error says what a state directory must be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SnapshotError, match=r"state.directory must be a writable directory"):
        StateDirectory(tmp_path / "file").open()


def test_kept_references_come_back_by_id_until_forgotten(tmp_path: Path) -> None:
    """The snapshot's references outlive the files they were loaded from."""
    with StateDirectory(tmp_path) as state:
        state.keep_reference("abc", b"{}")
        state.keep_reference("def", b"[]")
        state.forget_references(frozenset({"abc"}))
        assert b"{}" == state.reference("abc")
        with pytest.raises(SnapshotError, match=r"is named by the snapshot but cannot be read"):
            state.reference("def")
