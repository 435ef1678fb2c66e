"""How a file is to be read: whose events they are, and which column is what."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from driftd.errors import DataError

SHOWN = 10


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Whose events, and which column is what; every column not named is a feature.

    ``model`` None: the file's stem, ``version`` None: ``none``; for files of events see there.

    Event times come from the ``timestamp`` column, else rows are ``row_interval_ms`` apart, row 0 at the
    epoch. ``sort`` sorts by time, stably, and holds the whole file in memory; without it a row that is
    earlier than the row before is an error.
    """

    model: str | None = None
    version: str | None = None
    timestamp: str | None = None
    row_interval_ms: int = 1_000
    sort: bool = False
    prediction: str | None = None
    label: str | None = None
    ignore: tuple[str, ...] = ()

    def features(self, data: str, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that are features; DataError for a name that is not there or that is used twice."""
        roles = [name for name in (self.timestamp, self.prediction, self.label) if name is not None]
        for name in (*roles, *self.ignore):
            if name not in columns:
                close = get_close_matches(name, columns, n=1)
                others = ", ".join(map(repr, columns[:SHOWN])) + (", …" if len(columns) > SHOWN else "")
                hint = f"did you mean {close[0]!r}?" if close else f"there are {others}"
                raise DataError(data, f"there is no column {name!r}: {hint}")
        for name in roles:
            if roles.count(name) > 1 or name in self.ignore:
                raise DataError(data, f"column {name!r} can be only one of timestamp, prediction, label and ignored")
        return tuple(name for name in columns if name not in roles and name not in self.ignore)
