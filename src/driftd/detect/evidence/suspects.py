"""Which columns a page names (statistics, section 4): error over patience, by a weighted Benjamini-Hochberg rule."""

import numpy as np

from driftd.references.profile import Floats, Ints

_Q = 0.1
PATIENCE = 288  # windows over which evidence is expected to have grown without drift, at most


def suspects(evidence: Floats, weights: Floats, windows: Ints) -> Ints:
    """Return the columns to name, strongest first; empty if none stands out.

    ``evidence``: each column's e-process after so many ``windows``, ``weights`` sum to 1. e = evidence / min(windows,
    288) is expected to be 1 at most; the largest k with e_(k) >= J / (q k) are named, q = 0.1 (Wang, Ramdas,
    2022). They are suspects: expected errors are measured against patience, not a false discovery rate.
    """
    columns = len(evidence)
    e = evidence / np.clip(windows, 1, PATIENCE) * weights * columns
    order = np.argsort(-e, kind="stable")
    passed = np.flatnonzero(e[order] >= columns / (_Q * np.arange(1, columns + 1)))
    return np.asarray(order[: passed[-1] + 1] if len(passed) else order[:0], dtype=np.int64)
