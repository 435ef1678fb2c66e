"""A reference that does not fit the traffic: mostly columns without one usable value."""

from collections.abc import Sequence
from typing import NamedTuple

from driftd.values.keys import ColumnKey
from driftd.values.verdict import WindowVerdict


class Misfit(NamedTuple):
    """The columns of a window that had no usable value: never there, or never of the profile's kind."""

    absent: tuple[ColumnKey, ...]
    wrong_kind: tuple[ColumnKey, ...]

    @property
    def explanation(self) -> str:
        """Say which columns, and what they were."""
        told = (("are in no event", self.absent), ("are of another kind than in the profile", self.wrong_kind))
        return "; ".join(f"{_named(columns)} {what}" for what, columns in told if columns)


def misfit(verdict: WindowVerdict) -> Misfit | None:
    """Return the columns without a usable value if they are half of all or more, else None.

    A single column that went missing is drift; if it is most of them, the profile is of other data.
    """
    absent = tuple(c.key for c in verdict.columns if c.missing == c.n)
    wrong_kind = tuple(c.key for c in verdict.columns if c.missing < c.n == c.missing + c.invalid)
    if not verdict.columns or 2 * (len(absent) + len(wrong_kind)) < len(verdict.columns):
        return None
    return Misfit(absent, wrong_kind)


def _named(columns: Sequence[ColumnKey], shown: int = 5) -> str:
    more = f" and {len(columns) - shown} more" if len(columns) > shown else ""
    return ", ".join(map(str, columns[:shown])) + more
