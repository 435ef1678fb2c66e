"""Snapshots as a bug or somebody's hand may leave them: restored, or refused with a SnapshotError."""

import contextlib
import json
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fuzzing import altered, corpus, damaged, examples
from hypothesis import given
from hypothesis import strategies as st

import upgrade_world as world
from driftd.cli import main
from driftd.errors import DriftdError, SnapshotError, SnapshotTorn
from driftd.references.book import ReferenceBook
from driftd.references.codec import profile_from_json
from driftd.references.profile import Profile
from driftd.runtime.build import build_pipeline
from driftd.runtime.inspection import overview
from driftd.runtime.pipeline import Pipeline
from driftd.runtime.records import references_of, restore
from driftd.snapshot.codec import decode, encode
from driftd.snapshot.restoring import restoring
from driftd.snapshot.store import StateDirectory
from driftd.summarise.settings import TopicSettings

FOLDER = Path(__file__).parents[1] / "data" / "state-format-1"
OLDER = (FOLDER / "snapshot.jsonl").read_bytes()


@cache
def whole() -> bytes:
    """A snapshot of this release."""
    return encode(world.half_way(), "1")


def signed(lines: list[bytes]) -> bytes:
    """Return a snapshot's lines with the trailer that makes them whole."""
    body = b"".join(line + b"\n" for line in lines)
    trailer = {"blake2b": blake2b(body, digest_size=32).hexdigest(), "records": len(lines) - 1}
    return body + json.dumps(trailer, separators=(",", ":")).encode() + b"\n"


def load(name: str) -> Profile:
    """Return a kept profile."""
    return profile_from_json(StateDirectory(FOLDER).reference(name), name)


def restored(data: bytes) -> Pipeline:
    """Restore as the daemon does."""
    with restoring("s"):
        records = decode(data, "s")
        book = ReferenceBook(references_of(records, load))
        pipeline = build_pipeline(world.settings(), {world.TOPIC: TopicSettings()}, book)
        restore(pipeline, records, {world.TOPIC}, 0)
    return pipeline


def shown(data: bytes, folder: Path) -> None:
    """Look at it as an operator does; a traceback would be an exception here."""
    (folder / "snapshot.jsonl").write_bytes(data)
    env = {"DRIFTD_STATE__DIRECTORY": str(folder), "DRIFTD_CONFIG": None}
    for options in ([], ["--json"]):
        result = CliRunner(env=env).invoke(main, ["state", "inspect", *options])
        assert (result.exit_code, result.exception) == (0, None) or isinstance(result.exception, SystemExit)
        assert len(result.stderr.splitlines()) == result.exit_code


def check(data: bytes, folder: Path) -> None:
    """Restore and inspect: nothing but errors that are meant."""
    with contextlib.suppress(DriftdError):
        restored(data)
    shown(data, folder)


@pytest.mark.parametrize("path", corpus("snapshots"), ids=lambda path: path.name)
def test_every_snapshot_of_the_corpus_is_refused(path: Path, tmp_path: Path) -> None:
    """Whole by their checksum or not: each is refused by a leaf of SnapshotError, with a remedy."""
    with pytest.raises(SnapshotError) as caught:
        restored(path.read_bytes())
    assert len(str(caught.value).splitlines()) == 1
    assert "driftd state reset" in caught.value.remedy
    shown(path.read_bytes(), tmp_path)


def test_what_is_damaged_here_is_sound(tmp_path: Path) -> None:
    """Both snapshots are restored and shown when nothing is changed."""
    for data in (whole(), OLDER, signed(whole().splitlines()[:-1])):
        assert restored(data).ledgers
        shown(data, tmp_path)


@examples(150)
@given(st.sampled_from((whole(), OLDER)).flatmap(damaged))
def test_a_damaged_snapshot_is_refused(data: bytes) -> None:
    """No damage goes unnoticed, of today's snapshots and of those of the release before."""
    if data not in {whole(), OLDER}:
        with pytest.raises(SnapshotError):
            decode(data, "s")


@examples(60)
@given(altered(decode(whole(), "s")))
def test_an_altered_snapshot_is_restored_or_refused(tmp_path_factory: pytest.TempPathFactory, records: Any) -> None:
    """Records replaced, doubled, taken away or of the wrong type, with a checksum that is right."""
    lines = [json.dumps([name, record]).encode() for name, record in records.items()]
    check(signed([whole().splitlines()[0], *lines]), tmp_path_factory.getbasetemp())


OLDER_RECORDS = dict(json.loads(line) for line in OLDER.splitlines()[1:-1])


@examples(60)
@given(altered(OLDER_RECORDS))
def test_an_altered_snapshot_of_the_release_before_is_restored_or_refused(
    tmp_path_factory: pytest.TempPathFactory, records: Any
) -> None:
    """Bringing old records up to date fails by name, too."""
    lines = [json.dumps([name, record]).encode() for name, record in records.items()]
    check(signed([OLDER.splitlines()[0], *lines]), tmp_path_factory.getbasetemp())


@examples(100)
@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=4))
def test_lines_that_are_no_records_are_refused_although_they_are_signed(lines: list[bytes]) -> None:
    """A checksum says who wrote last, not what."""
    data = signed([whole().splitlines()[0], *lines])
    if lines:
        with pytest.raises(SnapshotError):
            decode(data, "s")
    else:
        assert decode(data, "s") == {}


@pytest.mark.parametrize("head", [b"", b"{}", b"[]", b'{"driftd_snapshot":true}', b'{"driftd_snapshot":2.0}', b"\xff"])
def test_a_header_that_is_none_is_no_snapshot(head: bytes) -> None:
    """The format is a number; true and 2.0 are not, although Python takes them for one."""
    with pytest.raises(SnapshotTorn, match="is not a driftd snapshot"):
        decode(signed([head]), "s")


def test_an_overview_is_given_of_any_records() -> None:
    """Sections that cannot be told are left out, the others are told."""
    found = overview({"outbox": {"events": 3}, "sources": {"ledgers": []}, "monitor/x": {"key": 1}})
    assert ([], None, None, None) == tuple(found[name] for name in ("partitions", "monitors", "references", "outbox"))
