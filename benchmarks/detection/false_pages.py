"""False pages against the budget: many columns, finite references, seasons, dependence on short references."""

from collections.abc import Iterator, Sequence

import numpy as np

from detection.channel import WIDTH, Pager, Walk, fold
from detection.product import Monitored, baselines
from detection.report import CHANNEL, PRODUCT, Row, counted, mean, pages_row, tell, within
from detection.streams import DEPENDENT, INDEPENDENT, ROWS, SEASONAL, Family, effects, mixed, series, tables
from driftd.references.profile import Floats

A = 8_640
LONG = 2_016  # windows of training rows: a week of five minutes
_CHUNK = 1_000
_KEPT = 256  # blocks that a profile keeps


def many_columns(*, quick: bool) -> Iterator[Row]:
    """1,000 columns, half of them dependent, calibrated on a week."""
    test, windows = "1,000 mixed columns, no drift", 3_000 if quick else 24_000
    families, rng = mixed(1_000), np.random.default_rng(1)
    whole = effects(families, LONG + windows, rng)
    walk = Walk.of_one_monitor(whole[:, :LONG] + rng.normal(size=(1_000, LONG)))
    bars = {100.0: 240, 300.0: 80, float(A): 3}
    pagers = {threshold: Pager.one(1_000 // WIDTH, threshold) for threshold in bars}
    for start in range(LONG, LONG + windows, _CHUNK):
        part = whole[:, start : start + _CHUNK]
        part = part + rng.normal(size=part.shape)
        for window in range(part.shape[1]):
            walk.step(fold(part[:, window]))
            for pager in pagers.values():
                pager.observe(walk)
        tell(f"{test}: {start + part.shape[1] - LONG:,} windows")
    for threshold, bar in bars.items():
        pages, allowed = int(pagers[threshold].pages.sum()), bar * windows / 24_000
        size = f"A = {threshold:,.0f}; {LONG:,} training windows, {windows:,} windows"
        yield pages_row(test, CHANNEL, size, pages, allowed)
    yield _many_columns_whole(families, 100 if quick else 600)


def _many_columns_whole(families: Sequence[Family], windows: int) -> Row:
    rng, threshold = np.random.default_rng(2), 100.0
    whole = effects(families, _KEPT + windows, rng)
    monitor = Monitored(baselines(whole[:, :_KEPT], rng), threshold)
    monitor.live(tables(whole[:, _KEPT:], rng))
    tell("1,000 mixed columns, whole product")
    size = f"A = 100; {_KEPT} training windows of {ROWS} rows, {windows:,} windows"
    return pages_row("1,000 mixed columns, no drift", PRODUCT, size, len(monitor.pages), windows / threshold)


def finite_reference(*, quick: bool) -> Iterator[Row]:
    """One independent column, judged for ten budgets against training rows of 1k, 10k and 100k."""
    test, windows = "finite reference, one independent column", 10 * A // (10 if quick else 1)
    sizes, rng = np.array((1_000, 10_000, 100_000)), np.random.default_rng(3)
    unknown = np.repeat((ROWS / sizes)[:, None], WIDTH, axis=1)
    level = rng.normal(size=unknown.shape) * np.sqrt(unknown)
    walk, pager = Walk.independent(unknown), Pager.each(len(sizes), A)
    for _ in range(0, windows, _CHUNK):
        for noise in rng.normal(size=(_CHUNK, *unknown.shape)):
            walk.step(noise - level)
            pager.observe(walk)
    for number, size in enumerate(sizes.tolist()):
        pages = pager.pages[number].tolist()
        told = f"{counted(sum(pages))} pages; by run {', '.join(map(str, pages))}"
        yield Row(
            test,
            CHANNEL,
            f"{size:,} training rows; A = {A:,}, {WIDTH} runs of {windows:,} windows",
            told,
            f"0 in each (expected at most {WIDTH * windows / A:.0f} in all)",
            not any(pages),
        )
    tell(test)
    windows //= 4  # it takes half a millisecond for each
    for size in sizes.tolist():
        rng = np.random.default_rng(size)
        monitor = Monitored(baselines(np.zeros((1, size // ROWS)), rng), A)
        monitor.live(tables(np.zeros((1, windows)), rng))
        setting = f"{size:,} training rows; A = {A:,}, {windows:,} windows"
        yield pages_row(test, PRODUCT, setting, len(monitor.pages), 0)
        tell(f"{test}, whole product, {size:,} rows")


def season(*, quick: bool) -> Iterator[Row]:
    """A daily sine of one window-sd in every column."""
    test, windows, columns = "sine season of 1 window-sd, a day", 2_880 if quick else 17_280, 30
    rng = np.random.default_rng(4)
    z = series([SEASONAL] * (columns * WIDTH), LONG + windows, rng).reshape(columns, WIDTH, -1)
    counts = _five_monitors(z, LONG, (100.0, float(A)))
    for threshold, pages in counts.items():
        expected = WIDTH * windows / threshold
        size = f"A = {threshold:,.0f}; {columns} columns, a week of training, {WIDTH} runs of {windows:,} windows"
        yield pages_row(test, CHANNEL, size, sum(pages), expected)
    tell(test)


def families(*, quick: bool) -> Iterator[Row]:
    """Dependent columns on training tables of 40 to 2,016 windows: pages against what the budget allows."""
    test, thresholds = "dependent columns, no drift", (100.0, float(A))
    lengths = (40, 200) if quick else (40, 100, 200, LONG)
    for blocks in lengths:
        windows, seeds = 400 if quick else 2_000, 2 if quick else 5
        found: dict[float, list[list[int]]] = {threshold: [] for threshold in thresholds}
        for seed in range(seeds):
            rng = np.random.default_rng([blocks, seed])
            z = np.stack([series([family] * 30, blocks + windows, rng) for family in DEPENDENT], axis=1)
            for threshold, pages in _five_monitors(z, blocks, thresholds).items():
                found[threshold].append(pages)
        for threshold in thresholds:
            pages = np.sum(found[threshold], axis=0).tolist()
            expected = seeds * windows / threshold
            told = "; ".join(f"{family.name} {counted(k)}" for family, k in zip(DEPENDENT, pages, strict=True))
            size = f"A = {threshold:,.0f}, C = {blocks:,}; 30 columns of one kind, {seeds} x {windows:,} windows each"
            bar = f"each ≤ {expected:.2g} within its interval"
            yield Row(test, CHANNEL, size, told, bar, all(within(k, expected) for k in pages))
        tell(f"{test}: 30 columns, C = {blocks}")
        yield from _thousand(test, blocks, 150 if quick else 1_000, thresholds)
    yield from _whole(test, quick=quick)


def _thousand(test: str, blocks: int, windows: int, thresholds: Sequence[float]) -> Iterator[Row]:
    """1,000 mixed columns, dependent kinds and independent ones, five seeds side by side."""
    rng = np.random.default_rng([blocks, 1_000])
    kinds = _blend(1_000)
    z = np.stack([series(kinds, blocks + windows, rng) for _ in range(WIDTH)], axis=1)
    for threshold, pages in _five_monitors(z, blocks, thresholds).items():
        expected = WIDTH * windows / threshold
        size = f"A = {threshold:,.0f}, C = {blocks:,}; 1,000 columns of all kinds, {WIDTH} x {windows:,} windows"
        yield Row(
            test,
            CHANNEL,
            size,
            f"{counted(sum(pages))} pages",
            f"≤ {expected:.2g} within its interval",
            within(sum(pages), expected),
        )
    tell(f"{test}: 1,000 columns, C = {blocks}")


def _blend(columns: int) -> list[Family]:
    """Return columns half independent, the others of the dependent kinds in turn."""
    return [INDEPENDENT if at % 2 else DEPENDENT[at // 2 % len(DEPENDENT)] for at in range(columns)]


def _whole(test: str, *, quick: bool) -> Iterator[Row]:
    """30 columns of all kinds through the whole product, and its delays on each kind."""
    windows, seeds = 300 if quick else 1_200, 2 if quick else 5
    kinds = _blend(30)
    for blocks in (40,) if quick else (40, 100, 200):
        delays: dict[tuple[str, float], list[float]] = {}
        for threshold in (100.0, float(A)):
            pages, early = 0, 0
            for seed in range(seeds):
                rng = np.random.default_rng([blocks, seed, 7])
                whole = effects(kinds, blocks + windows, rng)
                monitor = Monitored(baselines(whole[:, :blocks], rng), threshold)
                live = whole[:, blocks:]
                monitor.live(tables(live[:, :60], rng))
                early += bool(monitor.pages)
                if threshold == A and not monitor.pages:
                    _delays(monitor, kinds, live[:, 60:120], rng, delays)
                monitor.live(tables(live[:, 60:], rng))
                pages += len(monitor.pages)
            expected = seeds * windows / threshold
            size = f"A = {threshold:,.0f}, C = {blocks}; 30 columns of all kinds, {seeds} x {windows:,} windows"
            bar = f"≤ {expected:.2g} within its interval"
            yield Row(test, PRODUCT, size, f"{counted(pages)} pages", bar, within(pages, expected))
        told = "; ".join(f"{kind} {shift:g} sd: {mean(np.minimum(d, 61))}" for (kind, shift), d in delays.items())
        size = f"A = {A:,}, C = {blocks}; one of 30 columns, {2 * (seeds - early)} runs of each "
        size += f"({early} of {seeds} monitors left out: paged before it); never counts as 61 windows"
        yield Row("delay of a shift in row-sd among dependent columns", PRODUCT, size, told)
        tell(f"{test}: whole product, C = {blocks}")


def _delays(
    monitor: Monitored,
    kinds: Sequence[Family],
    live: Floats,
    rng: np.random.Generator,
    delays: dict[tuple[str, float], list[float]],
) -> None:
    for family in (INDEPENDENT, *DEPENDENT):
        for column in [at for at, kind in enumerate(kinds) if kind == family][:2]:
            for shift in (0.5, 1.0):
                moved = live.copy()
                moved[column] += shift * np.sqrt(ROWS)
                found = monitor.copy().until_page(tables(moved, rng), naming=column)
                delays.setdefault((family.name, shift), []).append(found)


def _five_monitors(z: Floats, blocks: int, thresholds: Sequence[float]) -> dict[float, list[int]]:
    """Return the pages of five monitors (columns, 5, windows) after their training blocks, for each threshold."""
    walk = Walk.of_five_monitors(z[..., :blocks])
    pagers = {threshold: Pager.five(len(z), threshold) for threshold in thresholds}
    for window in range(blocks, z.shape[2]):
        walk.step(z[..., window])
        for pager in pagers.values():
            pager.observe(walk)
    return {threshold: pager.pages.ravel().tolist() for threshold, pager in pagers.items()}
