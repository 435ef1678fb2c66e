"""One column of one window, as detecting sees it: counts per test bin, and its channels' sums."""

from dataclasses import dataclass

import numpy as np

from driftd.references.profile import Ints
from driftd.values.keys import Channel
from driftd.values.layout import HEADER, INVALID, MISSING, UNSEEN, N

#: The channels that are a share of all events; each counts what the header of the sums counts.
RATES = {Channel.MISSING: MISSING, Channel.UNSEEN: UNSEEN, Channel.INVALID: INVALID}


@dataclass(frozen=True, slots=True)
class Observed:
    """The header of a column's sums (values.layout) and its counts per test bin."""

    header: tuple[int, ...]
    counts: Ints

    @property
    def n(self) -> int:
        """Events in which the column was looked at."""
        return self.header[N]

    @property
    def valid(self) -> int:
        """Events with a usable value: the sum of the bins."""
        return self.header[N] - self.header[MISSING] - self.header[INVALID]

    def size(self, channel: Channel) -> int:
        """Return the number of observations of a channel."""
        return self.header[N] if channel in RATES else self.valid

    def rate_count(self, channel: Channel) -> int:
        """Return the numerator of a rate channel."""
        return self.header[RATES[channel]]


def observed_row(row: tuple[int, ...]) -> Observed:
    """Read a run of sums whose bins are test bins already, as a profile's blocks are kept."""
    return Observed(row[:HEADER], np.asarray(row[HEADER:], dtype=np.int64))
