"""The snapshot's bytes: JSON lines with a header and a checksum.

The first line names the format and the release that wrote it, each further one is ``[name, record]``,
the last one carries the number of records and the BLAKE2b hash of all before it. The same records give
the same bytes. Lines, so that an operator can read a snapshot with the tools at hand, and no pickle, so
that reading one never runs anything.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

import orjson

from driftd.errors import SnapshotFromFuture, SnapshotTorn
from driftd.snapshot.restoring import REMEDY, restoring
from driftd.snapshot.upgrade import UPGRADES
from driftd.values.state import State

FORMAT = 2
_RELEASE = re.compile(r"[\w.+-]{1,40}", re.ASCII)


class Snapshot(NamedTuple):
    """A snapshot as it was read: who wrote it in which format, and its records in today's."""

    release: str
    format: int
    records: dict[str, State]


def encode(records: Mapping[str, State], release: str) -> bytes:
    """Write records, sorted by name. Raises ValueError if a record holds what JSON has no form for."""
    lines = [_line({"driftd_snapshot": FORMAT, "release": release})]
    lines += [_line([name, records[name]]) for name in sorted(records)]
    body = b"".join(lines)
    return body + _trailer(body, len(records))


def decode(data: bytes, path: str) -> dict[str, State]:
    """Read records back, also those of the format before, as this release would have written them.

    Raises SnapshotTorn if a byte is missing or changed, SnapshotFromFuture if a later release wrote it,
    SnapshotUnusable if it is whole and yet no snapshot.
    """
    return read_snapshot(data, path).records


def read_snapshot(data: bytes, path: str) -> Snapshot:
    """Read all of a snapshot; raises as ``decode`` does."""
    written, release = _header(data, path)
    if written not in {FORMAT, *UPGRADES}:
        known = " and ".join(str(known) for known in sorted({FORMAT, *UPGRADES}))
        reason = f"was written by release {release} in format {written}; this one reads {known}"
        raise SnapshotFromFuture(path, reason, f"run driftd {release} or later, or `driftd state reset`")
    cut = data.rfind(b"\n", 0, len(data) - 1) + 1
    lines = data[:cut].split(b"\n")[1:-1]
    if data[cut:] != _trailer(data[:cut], len(lines)):
        raise SnapshotTorn(path, "is torn: its checksum does not match its content", REMEDY)
    with restoring(path):
        records = _records(lines)
        for older in range(written, FORMAT):
            records = UPGRADES[older](records)
    return Snapshot(release, written, records)


def _header(data: bytes, path: str) -> tuple[int, str]:
    """Return the format and the release; neither is trusted further than to be shown."""
    header = _parse(data.partition(b"\n")[0])
    if not isinstance(header, dict) or type(header.get("driftd_snapshot")) is not int:
        raise SnapshotTorn(path, "is not a driftd snapshot", REMEDY)
    release = header.get("release")
    known = isinstance(release, str) and _RELEASE.fullmatch(release)
    return header["driftd_snapshot"], str(release) if known else "unknown"


def _records(lines: Sequence[bytes]) -> dict[str, State]:
    records: dict[str, State] = {}
    for line in lines:
        name, record = orjson.loads(line)
        if not isinstance(name, str) or not isinstance(record, dict) or name in records:
            raise ValueError("a line is no record with a name of its own")
        records[name] = record
    return records


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _trailer(body: bytes, records: int) -> bytes:
    return _line({"records": records, "blake2b": blake2b(body, digest_size=32).hexdigest()})


def _parse(line: bytes) -> object:
    try:
        value: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return value
