"""What the evidence of a monitor costs: time by window, time of the first one, size of its state."""

import json
import time
from statistics import median

import numpy as np

from detection.product import WINDOW_MS, baselines
from detection.report import table, tell
from detection.streams import counts
from driftd.detect.evidence.monitor import MonitorEvidence
from driftd.detect.observed import Observed
from driftd.values.windows import Window

_TRAINED = 100


def costs(*, quick: bool) -> str:
    """Measure monitors of 1,000 and 10,000 columns; return the table."""
    lines = [_cost(columns, windows) for columns, windows in ((1_000, 70), (10_000, 12 if quick else 70))]
    head = ["columns", "construction, s", "window, ms", "slowest window, ms", "state, bytes a column (JSON)"]
    return table(head, lines)


def _cost(columns: int, windows: int) -> list[str]:
    rng, none = np.random.default_rng(81), np.zeros(columns)
    references = baselines(np.zeros((columns, _TRAINED)), rng)
    begun = time.process_time()
    monitor = MonitorEvidence(references, WINDOW_MS)
    built = time.process_time() - begun
    took = []
    for number in range(windows):
        observed = [(at, Observed((int(row.sum()), 0, 0, 0), row)) for at, row in enumerate(counts(none, rng))]
        span = Window(number * WINDOW_MS, (number + 1) * WINDOW_MS)
        begun = time.process_time()
        monitor.observe(observed, span, 8_640.0, 0)
        took.append(time.process_time() - begun)
    tell(f"cost of {columns:,} columns")
    size = len(json.dumps(monitor.to_state())) / columns
    figures = [f"{built:.2f}", f"{1e3 * median(took):.1f}", f"{1e3 * max(took):.0f}", f"{size:,.0f}"]
    return [f"{columns:,}", *figures]
