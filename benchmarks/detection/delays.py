"""How long a change takes to page: shifts among 1,000 columns, shapes, missing values."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from detection.channel import WIDTH, Pager, Walk, fold
from detection.false_pages import LONG, A
from detection.product import Monitored, baselines
from detection.report import CHANNEL, PRODUCT, Row, mean_row, tell
from detection.streams import BINS, EDGES, ROWS, counts, effects, mixed, series, tables
from driftd.detect.evidence.shape import ShapeBets, log_e_values, null_of
from driftd.references.profile import Floats

_COLUMNS, _BEFORE, _AFTER = 1_000, 60, 120
_BARS = {(1, 2.0): 18.0, (1, 3.0): 6.7, (1, 5.0): 3.8, (100, 2.0): 5.2, (100, 3.0): 3.3, (100, 5.0): 3.0}
_LIMIT = float(A) * 1_000  # one column's part of the budget of 1,000


def shifts(*, quick: bool) -> Iterator[Row]:
    """A lasting shift in 1 and in 100 of 1,000 columns."""
    families, runs = mixed(_COLUMNS), 8 if quick else 60
    sd = np.array([family.sd for family in families])
    rng = np.random.default_rng(11)
    walk = Walk.of_one_monitor(series(families, LONG, rng))
    found: dict[tuple[int, float], list[float]] = {case: [] for case in _BARS}
    early = 0
    for run in range(runs):
        rng = np.random.default_rng([12, run])
        whole = series(families, _BEFORE + _AFTER, rng)
        order = rng.permutation(_COLUMNS)
        before, pager = walk.copy(), Pager.one(_COLUMNS // WIDTH, A)
        paged = [_pages(before, pager, whole[:, window]) for window in range(_BEFORE)]
        if any(paged):
            early += 1
            continue
        for many, shift in _BARS:
            moved = whole[:, _BEFORE:].copy()
            moved[order[:many]] += (shift * sd[order[:many]])[:, None]
            found[many, shift].append(_delay(before.copy(), pager, moved))
        if run % 10 == 9:
            tell(f"shifts among 1,000 columns: {run + 1} runs")
    for case, bar in _BARS.items():
        test = f"shift of {case[1]:g} window-sd in {case[0]} of 1,000 columns"
        size = f"A = {A:,}; {runs} runs, {early} of them left out: paged before it"
        yield mean_row(test, CHANNEL, size, found[case], bar)
    yield from _shifts_whole(2 if quick else 10)


def _pages(walk: Walk, pager: Pager, z: Floats) -> bool:
    walk.step(fold(z))
    return pager.observe(walk)


def _delay(walk: Walk, before: Pager, z: Floats) -> float:
    """Return the windows to the page of a monitor whose bets stand where those of another one do."""
    pager = Pager.one(_COLUMNS // WIDTH, A)
    pager.bets.capital = before.bets.capital.copy()
    return float(next((at + 1 for at in range(z.shape[1]) if _pages(walk, pager, z[:, at])), z.shape[1]))


def _shifts_whole(runs: int) -> Iterator[Row]:
    families, rng = mixed(_COLUMNS), np.random.default_rng(13)
    sd, blocks, before = np.array([family.sd for family in families]), 256, 20
    whole = effects(families, blocks + before, rng)
    monitor = Monitored(baselines(whole[:, :blocks], rng), A)
    monitor.live(tables(whole[:, blocks:], rng))
    assert not monitor.pages
    for (many, shift), bar in _BARS.items():
        delays = []
        for run in range(runs):
            rng = np.random.default_rng([14, run])
            live, who = effects(families, 60, rng), rng.permutation(_COLUMNS)[:many]
            live[who] += (shift * sd[who])[:, None]
            delays.append(min(monitor.copy().until_page(tables(live, rng)), 61.0))
        test = f"shift of {shift:g} window-sd in {many} of 1,000 columns"
        size = f"A = {A:,}; {runs} runs after the same {blocks} training windows"
        yield mean_row(test, PRODUCT, size, delays, bar)
        tell(f"{test}, whole product")


def shape(*, quick: bool) -> Iterator[Row]:
    """A change of PSI .24 or .06, of the mean and without any move of mean and spread."""
    runs, rows, before = 50 if quick else 200, 1_000, 20
    even = np.full(BINS, 1 / BINS)
    for name, changed in (("shifted", _shifted), ("two humps, same mean and sd", _two_humps)):
        for psi, bar in ((0.24, 2.0), (0.06, 6.0)):
            drifted = _of_psi(changed, psi)
            rng = np.random.default_rng(21)
            reference = np.full((runs, BINS), 5_000, dtype=np.int64)
            live = np.ones((runs, BINS), dtype=bool)
            null = null_of(reference, live, np.ones(runs), np.ones(runs), np.full(runs, float(rows)))
            bets, cap, seen = ShapeBets(runs), np.full(runs, np.log(_LIMIT) / 2), np.ones(runs, dtype=bool)
            delay = np.full(runs, np.inf)
            for window in range(before + 60):
                table = rng.multinomial(rows, drifted if window >= before else even, size=runs)
                bets.step(log_e_values(table, live, null), null, cap, seen)
                paging = np.isinf(delay) & (bets.evidence >= _LIMIT)
                delay[paging] = window - before + 1
            test = f"shape, PSI {psi:g}: {name}"
            size = f"A x columns = {_LIMIT:,.0f}; windows of {rows:,} rows, {runs} runs"
            late = np.minimum(delay, 61)
            yield mean_row(test, CHANNEL, size, late, bar)
            yield _shape_whole(test, size, bar, drifted, 10 if quick else 50)
    tell("shape")


def _shape_whole(test: str, size: str, bar: float, drifted: Floats, runs: int) -> Row:
    rows, delays = 1_000, []
    for run in range(runs):
        rng = np.random.default_rng([22, run])
        monitor = Monitored(baselines(np.zeros((1, 100)), rng, rows=rows), _LIMIT)
        monitor.live(tables(np.zeros((1, 20)), rng, rows))
        delays.append(min(monitor.until_page(rng.multinomial(rows, drifted, size=(60, 1))), 61.0))
    size = f"{size.rsplit(',', 1)[0]}, {runs} runs"
    return mean_row(test, PRODUCT, size, delays, bar)


def _shifted(size: float) -> Floats:
    return np.diff(ndtr(EDGES - size), prepend=0.0, append=1.0)


def _two_humps(size: float) -> Floats:
    width = np.sqrt(1 - size**2)
    both = (ndtr((EDGES - size) / width) + ndtr((EDGES + size) / width)) / 2
    return np.diff(both, prepend=0.0, append=1.0)


def _of_psi(changed: Callable[[float], Floats], psi: float) -> Floats:
    """Return the shares that lie so far from even ones."""

    def apart(size: float) -> float:
        shares = changed(size)
        return float(((shares - 1 / BINS) * np.log(shares * BINS)).sum()) - psi

    return changed(float(brentq(apart, 1e-3, 0.95)))


def missing(*, quick: bool) -> Iterator[Row]:
    """A missing rate that rises from .05, in one of 30 columns that all have it."""
    runs, columns = 10 if quick else 60, 30
    rng = np.random.default_rng(31)
    monitor = Monitored(baselines(np.zeros((columns, 100)), rng, missing=0.05), A)
    for _ in range(20):
        _gone(monitor, np.full(columns, 0.05), rng)
    for rate, bar in ((0.10, 6.0), (0.25, 1.0)):
        delays = []
        for run in range(runs):
            rng, one = np.random.default_rng([32, run]), monitor.copy()
            rates = np.where(np.arange(columns) == run % columns, rate, 0.05)
            while not one.pages and one.window < 80:
                _gone(one, rates, rng)
            delays.append(float(one.window - 20))
        test = f"missing rate .05 → {rate:g}"
        size = f"A = {A:,}; one of {columns} columns, windows of {ROWS} rows, 100 training windows, {runs} runs"
        yield mean_row(test, PRODUCT, size, delays, bar)
    tell("missing rate")


def _gone(monitor: Monitored, rates: Floats, rng: np.random.Generator) -> None:
    lost = rng.binomial(ROWS, rates)
    table = np.stack([counts(np.zeros(1), rng, ROWS - int(n))[0] for n in lost])
    monitor.observe(table, lost)
