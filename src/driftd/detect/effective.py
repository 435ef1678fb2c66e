"""A window's effective observations: what a detector that expects single values is fed (statistics, section 3).

K values are drawn systematically from the window's counts: value i lies at position (i + 1/2) / K of the
cumulated counts. They come in the order of a van der Corput sequence, so that every run of them is spread
over the whole distribution, and the same counts give the same updates.
"""

from functools import lru_cache

import numpy as np

from driftd.references.profile import Ints

MOST = 200
_DIGITS = MOST.bit_length()


@lru_cache(maxsize=MOST)
def van_der_corput_order(size: int) -> Ints:
    """Return 0 … size-1 ordered by their binary digits read backwards."""
    reversed_digits = [int(format(i, f"0{_DIGITS}b")[::-1], 2) for i in range(size)]
    return np.argsort(reversed_digits, kind="stable")


def effective_size(n: int, deff: float) -> int:
    """Return K = min(n / deff, 200), at least 1; 0 where nothing was observed."""
    return max(1, min(int(n / deff), MOST)) if n > 0 else 0


def effective_bins(counts: Ints, size: int) -> Ints:
    """Return the bins of ``size`` systematic draws from counts per bin, in the order of feeding.

    Positions are compared in integers: (2i + 1) n against 2 K times the cumulated counts.
    """
    cumulated = np.cumsum(counts)
    positions = (2 * van_der_corput_order(size) + 1) * cumulated[-1]
    bins: Ints = np.searchsorted(2 * size * cumulated, positions)
    return bins
