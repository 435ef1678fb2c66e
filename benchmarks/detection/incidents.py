"""What follows a page: second jumps, other columns, recovery; and drift on short references."""

from collections.abc import Iterator

import numpy as np
from river import drift
from scipy.special import ndtr

from detection.false_pages import A
from detection.product import Monitored, baselines
from detection.report import CHANNEL, PRODUCT, Row, mean, mean_row, median, pages_row, share, tell
from detection.streams import ROWS, tables
from driftd.detect.evidence.recovery import Recovery
from driftd.references.profile import Floats

_COLUMNS = 29
_SHIFTS = {0.25: 3.0, 0.5: 1.5, 1.0: 1.0}
_PATIENCE = 30  # windows in which a shift must be found


def short_references(*, quick: bool) -> Iterator[Row]:
    """Independent rows, 40 to 100 windows of training, 29 columns of which one shifts."""
    runs, before, live = 6 if quick else 40, 30, 190
    for blocks in (40, 50, 100):
        delays: dict[float, list[float]] = {shift: [] for shift in _SHIFTS}
        false = 0
        for run in range(runs):
            rng = np.random.default_rng([61, blocks, run])
            monitor = Monitored(baselines(np.zeros((_COLUMNS, blocks)), rng), A)
            monitor.live(tables(np.zeros((_COLUMNS, before)), rng))
            for shift, found in delays.items():
                moved = np.zeros((_COLUMNS, _PATIENCE))
                moved[run % _COLUMNS] = shift * np.sqrt(ROWS)
                found.append(monitor.copy().until_page(tables(moved, rng), naming=run % _COLUMNS))
            monitor.live(tables(np.zeros((_COLUMNS, live - before)), rng))
            false += len(monitor.pages)
        test = f"{blocks} training windows of {ROWS} rows, {_COLUMNS} independent columns"
        for shift, bar in _SHIFTS.items():
            hit = [d for d in delays[shift] if np.isfinite(d)]
            told = f"{share(len(hit), runs)} named within {_PATIENCE} windows; median {median(delays[shift])} windows"
            met = len(hit) == runs and float(np.median(delays[shift])) <= bar
            size = f"A = {A:,}; {runs} runs"
            yield Row(f"{test}: one + {shift:g} sd", PRODUCT, size, told, f"all, median ≤ {bar:g}", met)
        setting = f"A = {A:,}; {runs} x {live} clean windows"
        yield pages_row(f"{test}: no drift", PRODUCT, setting, false, 2 * max(runs * live / 7_500, 1))
        tell(test)
    yield from _by_row(runs, before)


def _by_row(runs: int, before: int) -> Iterator[Row]:
    """The strongest rival on the same: river's ADWIN on every row's u, which also reads the training rows."""
    for blocks in (40, 100):
        delays: dict[float, list[float]] = {shift: [] for shift in _SHIFTS}
        false, rows = 0, 0
        for run in range(runs):
            for shift, found in delays.items():
                rng, rival = np.random.default_rng([62, blocks, run]), drift.ADWIN()  # type: ignore[no-untyped-call]
                clean, delay = rng.random((blocks + before) * ROWS), np.inf
                for place, value in enumerate(clean.tolist()):
                    rival.update(value)  # type: ignore[no-untyped-call]
                    false += rival.drift_detected and place >= blocks * ROWS
                rows += before * ROWS
                for place, value in enumerate(_moved(rng, shift).tolist()):
                    rival.update(value)  # type: ignore[no-untyped-call]
                    if rival.drift_detected:
                        delay = place // ROWS + 1.0
                        break
                found.append(delay)
        told = "; ".join(f"+ {shift:g} sd: median {median(found)}" for shift, found in delays.items())
        size = f"{runs} runs; {false} false alarms of one column in {rows:,} rows ({rows // ROWS:,} windows)"
        yield Row(f"{blocks} training windows: one column", "river ADWIN on u by row", size, f"{told} windows")
    tell("short references: ADWIN by row")


def _moved(rng: np.random.Generator, shift: float) -> Floats:
    return np.asarray(ndtr(rng.normal(size=_PATIENCE * ROWS) + shift), dtype=np.float64)


def second_drifts(*, quick: bool) -> Iterator[Row]:
    """A column that jumps and stays, and jumps again; another column that drifts while the first stays."""
    runs, columns, first, second, end = 4 if quick else 20, 30, 20, 220, 260
    for test, other in (("jumps and stays, again 200 windows later", 0), ("two drifts, another column's 200 later", 1)):
        for size in (0.5, 1.0):
            right, told = 0, []
            for run in range(runs):
                rng = np.random.default_rng([63, other, run])
                effect = np.zeros((columns, end))
                effect[0, first:] += size * np.sqrt(ROWS)
                effect[other, second:] += size * np.sqrt(ROWS)
                monitor = Monitored(baselines(np.zeros((columns, 100)), rng), A)
                monitor.live(tables(effect, rng))
                told.append(len(monitor.pages))
                named = [columns_named for _, columns_named in monitor.pages]
                right += len(named) == 2 and 0 in named[0] and other in named[1] and monitor.pages[1][0] >= second
            measured = f"{share(right, runs)} with exactly these; pages by run: {', '.join(map(str, told))}"
            what = f"A = {A:,}; {columns} columns, jumps of {size:g} sd, {runs} runs"
            yield Row(test, PRODUCT, what, measured, "two pages, the second naming its column", right == runs)
        tell(test)


def recovery(*, quick: bool) -> Iterator[Row]:
    """How long a column that has come back stays in its incident, and how often one that has not is let go."""
    runs = 500 if quick else 4_000
    for sd, bar in ((2.0, 7.0), (3.0, 4.0)):
        back = _first_back(sd, 0.0, 0, runs, 60)
        test = f"resolved after recovery from {sd:g} window-sd"
        size = f"{runs:,} columns, back at once"
        yield mean_row(test, CHANNEL, size, np.minimum(back, 60), bar)
        for held in (12, 50, 200):
            late = np.minimum(_first_back(sd, 0.0, held, runs, 1_500), 1_500)
            yield Row(test, CHANNEL, f"{runs:,} columns, back after {held} windows", f"{mean(late)} windows")
        for kept, what in ((sd, "all of it"), (sd / 2, "half of it")):
            false = int(np.isfinite(_first_back(sd, kept, 0, runs, 2_000)).sum())
            test_false = f"resolved while {what} of {sd:g} window-sd stays"
            told = share(false, runs)
            yield Row(test_false, CHANNEL, f"{runs:,} columns, 2,000 windows", told, "≤ 5 %", false <= runs * 0.05)
        yield from _recovery_whole(test, sd, bar, 4 if quick else 20)
        tell(test)


def _first_back(before: float, after: float, held: int, runs: int, windows: int) -> Floats:
    """Return the windows until columns are back whose effect was there for ``held`` windows, infinite: never."""
    rng, follower = np.random.default_rng(64), Recovery(runs)
    for column in range(runs):
        follower.follow(column, 0, before)
    seen, nothing, delay = np.ones((runs, 5), dtype=bool), np.zeros(runs), np.full(runs, np.inf)
    for window in range(held + windows):
        z = np.zeros((runs, 5))
        z[:, 0] = rng.normal(before if window < held else after, 1, size=runs)
        delay[follower.observe(z, seen.astype(np.float64), nothing, seen)] = window - held + 1
        if not follower.followed.any():
            break
    return delay


def _recovery_whole(test: str, sd: float, bar: float, runs: int) -> Iterator[Row]:
    for held in (0, 20, 100):
        delays: list[float] = []
        left_out = 0
        for run in range(runs):
            rng = np.random.default_rng([65, run])
            monitor = Monitored(baselines(np.zeros((30, 100)), rng), A)
            effect = np.zeros((30, 80))
            effect[0, 20:] = sd
            monitor.until_page(tables(effect, rng), naming=0)
            if not monitor.pages or 0 not in monitor.pages[-1][1] or monitor.window <= 20:
                left_out += 1
                continue
            staying = np.zeros((30, held))
            staying[0] = sd
            monitor.live(tables(staying, rng))
            gone, begun = False, monitor.window
            for table in tables(np.zeros((30, 300)), rng):
                monitor.observe(table)
                if any(column == 0 for _, column in monitor.recovered):
                    gone = True
                    break
            delays.append(monitor.window - begun if gone else 300.0)
        size = (
            f"A = {A:,}; 30 columns, {runs - left_out} runs ({left_out} without the page), back {held} windows after it"
        )
        yield mean_row(test, PRODUCT, size, delays, bar)
