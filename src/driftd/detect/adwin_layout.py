"""The memory of river's ADWIN as named fields, and back, to the bit.

river keeps ADWIN in Rust and gives its memory as bytes (``__getstate__``: serde's bincode, little-endian,
fixed width; river's rust_src/adwin.rs). In that order:

* the parameters delta, clock, max_buckets, min_window_length, grace_period,
* total, variance, width, total_width (f64), n_buckets, max_n_buckets, tick, n_detections (i32),
* the rows of the exponential histogram (u64 how many); row i holds buckets of 2**i values: its limit, its
  filled buckets (u64), then totals and variances (u64 length, f64 each); what is not filled is 0,
* the parameters once more, as Python gave them.

The parameters are settings, not memory: they are checked on the way out and written anew on the way in.
Any other layout is refused.
"""

import struct
from functools import lru_cache
from typing import Any, NamedTuple

from driftd.values.state import State

_HEAD = struct.Struct("<diQdd")  # the parameters
_SCALARS = struct.Struct("<ddddiiii")
_NAMES = ("total", "variance", "width", "total_width", "n_buckets", "max_n_buckets", "tick", "n_detections")
_COUNT = struct.Struct("<Q")
_TAIL = struct.Struct("<diQii")  # the parameters
_MOST_ROWS = 64


class AdwinParameters(NamedTuple):
    """What ``__getnewargs__`` of river's ADWIN gives."""

    delta: float
    clock: int
    max_buckets: int
    min_window_length: int
    grace_period: int


class _Reader:
    """Reads one struct after the other; ValueError where the bytes end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, form: struct.Struct) -> tuple[Any, ...]:
        if self._at + form.size > len(self._data):
            raise ValueError("the bytes end too soon")
        self._at += form.size
        return form.unpack_from(self._data, self._at - form.size)

    def left(self) -> int:
        return len(self._data) - self._at


def adwin_fields(data: bytes, parameters: AdwinParameters) -> State:
    """Name the fields of ADWIN's bytes; ValueError if they are laid out in another way."""
    reader = _Reader(data)
    _require(reader.read(_HEAD) == tuple(parameters), "the parameters are not where they were")
    fields: State = dict(zip(_NAMES, reader.read(_SCALARS), strict=True))
    (rows,) = reader.read(_COUNT)
    _require(rows <= _MOST_ROWS, "too many rows")
    fields["rows"] = [_read_row(reader, parameters.max_buckets) for _ in range(rows)]
    _require(reader.read(_TAIL) == tuple(parameters), "the parameters are not where they were")
    _require(reader.left() == 0, "bytes are left over")
    return fields


def adwin_bytes(fields: State, parameters: AdwinParameters) -> bytes:
    """Write named fields as ADWIN's bytes; ValueError if a field is missing, unknown or of the wrong type."""
    _require(fields.keys() == {*_NAMES, "rows"}, "the fields are not those of ADWIN")
    rows = fields["rows"]
    try:
        parts = [_HEAD.pack(*parameters), _SCALARS.pack(*(fields[name] for name in _NAMES)), _COUNT.pack(len(rows))]
        parts.extend(_row_bytes(row, parameters.max_buckets) for row in rows)
    except (struct.error, KeyError, TypeError) as error:
        raise ValueError(f"a field of ADWIN cannot be read: {error}") from error
    return b"".join((*parts, _TAIL.pack(*parameters)))


@lru_cache
def _row_form(max_buckets: int) -> struct.Struct:
    """Return limit, filled, length, totals, length, variances; one bucket more fits than is kept."""
    return struct.Struct(f"<QQQ{max_buckets + 1}dQ{max_buckets + 1}d")


def _read_row(reader: _Reader, max_buckets: int) -> State:
    length = max_buckets + 1
    limit, filled, many, *values = reader.read(_row_form(max_buckets))
    totals, many_again, variances = values[:length], values[length], values[length + 1 :]
    _require(limit == max_buckets and filled <= length == many == many_again, "a row's length is not where it was")
    _require(not any(totals[filled:]) and not any(variances[filled:]), "an empty bucket holds something")
    return {"totals": totals[:filled], "variances": variances[:filled]}


def _row_bytes(row: State, max_buckets: int) -> bytes:
    filled, length = len(row["totals"]), max_buckets + 1
    _require(filled == len(row["variances"]) <= length, "a row holds too many buckets")
    padding = [0.0] * (length - filled)
    return _row_form(max_buckets).pack(
        max_buckets, filled, length, *row["totals"], *padding, length, *row["variances"], *padding
    )


def _require(condition: bool, otherwise: str) -> None:  # noqa: FBT001 -- reads as a sentence at every call
    if not condition:
        raise ValueError(f"not the layout of ADWIN's memory that is known: {otherwise}")
