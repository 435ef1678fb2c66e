"""Measure everything and write the page."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from detection import cost, delays, false_pages, incidents, rivals, single, whitened
from detection.report import Row, acceptance

PAGE = Path(__file__).resolve().parents[1] / "detection-results.md"
ROWS: tuple[Callable[..., Iterator[Row]], ...] = (
    false_pages.many_columns,
    delays.shifts,
    false_pages.finite_reference,
    false_pages.season,
    delays.shape,
    single.labels,
    single.stream_mean,
    incidents.short_references,
    false_pages.families,
    incidents.second_drifts,
    delays.missing,
    incidents.recovery,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m detection", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes: small sizes, printed and not written")
    quick: bool = parser.parse_args().quick
    rows = [row for measure in ROWS for row in measure(quick=quick)]
    compared, whitening, costs = (f(quick=quick) for f in (rivals.comparison, whitened.whitening, cost.costs))
    page = _PAGE.format(
        rows=acceptance(rows),
        compared=compared,
        whitening=whitening,
        costs=costs,
        minutes=time.process_time() / 60,
        size=" --quick" if quick else "",
    )
    if not quick:
        PAGE.write_text(page)
    sys.stdout.write(page)


_PAGE = """\
# Detection: false pages and delays

Written by `make bench-detection` in {minutes:.1f} minutes of CPU time, which is
`PYTHONPATH=benchmarks python -m detection{size}`; with `BENCH_ARGS=--quick` it takes two and prints only. Seeds are
fixed. Intervals are of 95 %: exact for counts (Poisson) and shares (Clopper and Pearson), order statistics for medians,
bootstrap for means.

* *Channel alone*: the product's classes for learning, prediction and bets, fed with standardised series. After a
  page all evidence begins anew at once; levels are kept.
* *Whole product*: `MonitorEvidence` on tables of counts, 20 bins, windows of 200 rows unless it says otherwise, with
  all channels, the gate for small effects, and what follows a page.
* A is the threshold, in windows to a false page; C the training windows. "sd" is that of a row, "window-sd" that of
  a window's mean. Delays count windows from the first changed one, that one included.
* A bar is met if the measured value is not on its wrong side; "within the interval" says that the bar is no less
  likely than what was measured.

## Held against the bars

{rows}
## Others on the same windows

One column, windows of 200 rows; river's defaults, but alpha = 1 for Page-Hinkley. 6,000 clean windows; medians of 10
runs with 100 windows before the change, of which those that alarm before it are left out. The last column is what the
channel alone takes at the threshold that is as seldom false, measured on 100 streams of the same kind, and how far its
false pages then lie apart. A rival without a false alarm is taken as one in 6,000 windows.

{compared}
## River's detectors, the predictable part taken out

The effective observations of dependent windows as they are (K = n / design effect), and less the Kalman forecast of the
window's mean (K = n / variance of the prediction error). 20 runs for each delay.

{whitening}
## Cost

One monitor, 100 training windows, 20 bins a column; CPU time. The slowest window is one in which dependence is learnt.

{costs}"""

if __name__ == "__main__":
    main()
