"""The snapshot's bytes: JSON lines with a header and a checksum.

The first line names the format and the release that wrote it, each further one is ``[name, record]``,
the last one carries the number of records and the BLAKE2b hash of all before it. The same records give
the same bytes. Lines, so that an operator can read a snapshot with the tools at hand, and no pickle, so
that reading one never runs anything.
"""

from collections.abc import Mapping
from hashlib import blake2b

import orjson

from driftd.errors import SnapshotFromFuture, SnapshotTorn
from driftd.values.state import State

FORMAT = 1
_RESET = "restore an older copy, or start afresh with `driftd state reset`"


def encode(records: Mapping[str, State], release: str) -> bytes:
    """Write records, sorted by name. Raises ValueError if a record holds what JSON has no form for."""
    lines = [_line({"driftd_snapshot": FORMAT, "release": release})]
    lines += [_line([name, records[name]]) for name in sorted(records)]
    body = b"".join(lines)
    return body + _trailer(body, len(records))


def decode(data: bytes, path: str) -> dict[str, State]:
    """Read records back.

    Raises SnapshotTorn if a byte is missing or changed, SnapshotFromFuture if a later release wrote it.
    """
    head, _, _ = data.partition(b"\n")
    header = _parse(head)
    if not isinstance(header, dict) or "driftd_snapshot" not in header:
        raise SnapshotTorn(path, "is not a driftd snapshot", _RESET)
    if header["driftd_snapshot"] != FORMAT:
        release = header.get("release", "unknown")
        reason = f"was written by release {release} in format {header['driftd_snapshot']}; this one reads {FORMAT}"
        raise SnapshotFromFuture(path, reason, f"run driftd {release} or later, or `driftd state reset`")
    cut = data.rfind(b"\n", 0, len(data) - 1) + 1
    body, lines = data[:cut], data[:cut].splitlines()[1:]
    if data[cut:] != _trailer(body, len(lines)):
        raise SnapshotTorn(path, "is torn: its checksum does not match its content", _RESET)
    return dict(orjson.loads(line) for line in lines)


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
