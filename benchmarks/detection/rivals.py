"""What else one could run on the same windows: river's detectors fed in four ways, thresholds, dummies.

One column, windows of 200 rows. Each rival as it comes, with what it costs in false alarms; beside it the channel
alone at the threshold that, measured on the same kind of windows, is as seldom false.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from river import drift
from scipy.special import ndtr
from scipy.stats import kstwo

from detection.channel import WIDTH, Pager, Paths, Walk
from detection.product import baselines
from detection.report import poisson, table, tell
from detection.streams import AR_9, BINS, INDEPENDENT, ROWS, Family, effects, series
from driftd.detect.bank import Bank
from driftd.detect.baseline import Baseline
from driftd.detect.distances import distances
from driftd.detect.observed import observed_row
from driftd.detect.river_adapter import DetectorKit
from driftd.detect.settings import DetectorSettings
from driftd.references.profile import Floats
from driftd.values.keys import Channel

STRONG = Family("AR .9, three times as large", gain=9.0, decay=0.9)
KINDS = (INDEPENDENT, AR_9, STRONG)
SHIFTS = (0.25, 0.5, 1.0)
BEFORE, AFTER, TRAINED = 100, 60, 300
_NO_USE = 5  # windows between false alarms: with fewer there is nothing to compare
_LOCATION, _SCALE = 1_000.0, 100.0  # of the raw values
Spoken = list[int]
Feed = Callable[[Floats], dict[str, Spoken]]


def adwin() -> Any:
    return drift.ADWIN()  # type: ignore[no-untyped-call]


def page_hinkley() -> Any:
    return drift.PageHinkley(alpha=1.0)


def river_on(rows: Iterable[Floats]) -> dict[str, Spoken]:
    """Return the windows in which ADWIN and Page-Hinkley alarm, fed with each window's values one by one."""
    detectors, spoken = {"ADWIN": adwin(), "Page-Hinkley": page_hinkley()}, {"ADWIN": [0] * 0, "Page-Hinkley": [0] * 0}
    for window, values in enumerate(rows):
        for name, detector in detectors.items():
            said = False
            for value in values.tolist():
                detector.update(value)
                said |= detector.drift_detected
            if said:
                spoken[name].append(window)
    return spoken


def windows(kind: Family, count: int, seed: int, shift: float = 0.0) -> Floats:
    """Return the rows of windows (count, ROWS), normal, shifted by so many of their sd from window BEFORE on."""
    rng = np.random.default_rng([71, seed])
    effect = effects([kind], count, rng)[0] / np.sqrt(ROWS)
    effect[BEFORE:] += shift
    return np.asarray(rng.normal(size=(count, ROWS)) + effect[:, None], dtype=np.float64)


def counted_rows(rows: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return windows of normal rows as runs of sums over bins: (windows, header and bins)."""
    bins = np.minimum((ndtr(rows) * BINS).astype(np.int64), BINS - 1)
    out = np.zeros((len(rows), 4 + BINS), dtype=np.int64)
    out[:, 0] = rows.shape[1]
    for number in range(BINS):
        out[:, 4 + number] = (bins == number).sum(axis=1)
    return out


def effective(reference: Baseline, rows: Floats) -> dict[str, Spoken]:
    """Return the windows in which the product's own bank of detectors alarms on location."""
    bank, spoken = Bank(DetectorKit(DetectorSettings()), "benchmark"), {"ADWIN": [0] * 0, "Page-Hinkley": [0] * 0}
    names = {"adwin": "ADWIN", "page_hinkley": "Page-Hinkley"}
    for window, run in enumerate(counted_rows(rows).tolist()):
        for channel, detector in bank.observe(observed_row(tuple(run)), reference, (), ROWS):
            if channel is Channel.LOCATION:
                spoken[names[detector]].append(window)
    return spoken


def thresholds(rows: Floats, reference: Baseline) -> dict[str, Spoken]:
    """Return the windows in which a fixed threshold is passed, and those of the dummies."""
    counts = counted_rows(rows)[:, 4:]
    even = np.full_like(counts, 500)
    ranks = np.repeat(reference.ranks[Channel.LOCATION][None], len(counts), axis=0)
    psi = np.array([apart.psi for apart in distances(counts, even, ranks)])
    u = np.sort(ndtr(rows), axis=1)
    place = np.arange(ROWS) / ROWS
    ks = np.maximum((u - place).max(axis=1), (place + 1 / ROWS - u).max(axis=1))
    critical = float(kstwo.isf(0.05 / 1_000, ROWS))
    return {
        "PSI > .2": np.flatnonzero(psi > 0.2).tolist(),
        "KS, p < .05 / 1,000 (Bonferroni)": np.flatnonzero(ks > critical).tolist(),
        "always": list(range(len(rows))),
        "never": [],
    }


def standardised(rows: Floats) -> Floats:
    """Return each window's mean of u in standard errors of independent rows: what the channel is fed."""
    return np.asarray((ndtr(rows).mean(axis=1) - 0.5) * np.sqrt(12 * ROWS), dtype=np.float64)


def feeds(kind: Family) -> dict[str, Feed]:
    """Return the ways to feed the rivals, by what they are fed."""
    rng = np.random.default_rng(72)
    (reference,) = baselines(effects([kind], TRAINED, rng), rng, design=True)
    deff = reference.deff(Channel.LOCATION, ROWS)
    return {
        "raw values by row": lambda rows: river_on(_LOCATION + _SCALE * rows),
        "u by row": lambda rows: river_on(ndtr(rows)),
        "standardised window means": lambda rows: river_on(standardised(rows)[:, None]),
        f"effective observations (deff {deff:.1f})": partial(effective, reference),
        "windows": lambda rows: thresholds(rows, reference),
    }


def comparison(*, quick: bool) -> str:
    """Measure all rivals on independent and on dependent windows; return the table."""
    clean, runs = (1_000, 4) if quick else (6_000, 10)
    head = ["windows", "detector", "fed with", "false alarms: windows apart", "delay .25 / .5 / 1 sd"]
    return table([*head, "the channel alone, as seldom false"], _lines(clean, runs))


def _lines(clean: int, runs: int) -> Iterator[list[str]]:
    for kind in KINDS:
        null, changed = _channel_paths(kind)
        for fed, run in feeds(kind).items():
            for name, (false, apart, delays) in reactions(kind, clean, runs, run).items():
                yield [kind.name, name, fed, apart, delays, _matched(null, changed, clean / max(false, 1))]
            tell(f"rivals: {kind.name}, {fed}")


def reactions(kind: Family, clean: int, runs: int, run: Feed) -> dict[str, tuple[int, str, str]]:
    """Return the false alarms of each detector, how far they lie apart, and its delays, written out."""
    false = run(windows(kind, clean, 0))
    shifted = [[run(windows(kind, BEFORE + AFTER, 1 + at, shift)) for at in range(runs)] for shift in SHIFTS]
    return {
        name: (len(spoken), _apart(len(spoken), clean), " / ".join(_delay([one[name] for one in of]) for of in shifted))
        for name, spoken in false.items()
    }


def _apart(false: int, clean: int) -> str:
    low, high = poisson(false)
    most = f"to {clean / low:,.0f}" if low else "and more"
    return (
        f"{false}: {clean / false:,.0f} ({clean / high:,.0f} {most})" if false else f"none ({clean / high:,.0f} {most})"
    )


def _delay(runs: list[Spoken]) -> str:
    """Return the median windows to the first alarm, and how many runs alarm before the change, which are left out."""
    early = [spoken for spoken in runs if any(number < BEFORE for number in spoken)]
    left = [next((n - BEFORE + 1 for n in spoken), AFTER + 1) for spoken in runs if spoken not in early]
    if not left:
        return "all early"
    middle = median(left)
    told = f">{AFTER}" if middle > AFTER else f"{middle:g}"
    return f"{told} ({len(early)} early)" if early else told


def _matched(null: Paths, changed: dict[float, Paths], apart: float) -> str:
    threshold = null.threshold_for(apart)
    if apart < _NO_USE or not np.isfinite(threshold):
        return "-"
    measured, _ = null.apart(threshold)
    delays = [paths.delays(threshold, BEFORE)[0] for paths in changed.values()]
    if not all(map(len, delays)):
        return "all early"
    told = " / ".join(f">{AFTER}" if np.isinf(np.median(late)) else f"{np.median(late):g}" for late in delays)
    return f"{told} at {measured:,.0f} (A = {threshold:,.0f})"


def _channel_paths(kind: Family) -> tuple[Paths, dict[float, Paths]]:
    """Return the channel's evidence on 100 clean streams and on as many for each shift, each with its own reference."""
    streams, clean = 100, 3_000
    z = series([kind] * streams, TRAINED + clean, np.random.default_rng(73))
    null = _path(z, TRAINED)
    changed = {}
    for shift in SHIFTS:
        moved = z[:, : TRAINED + BEFORE + AFTER].copy()
        moved[:, TRAINED + BEFORE :] += shift * np.sqrt(ROWS)
        changed[shift] = _path(moved, TRAINED)
    return null, changed


def _path(z: Floats, trained: int) -> Paths:
    folded = z.reshape(-1, WIDTH, z.shape[1])
    walk, pager = Walk.of_five_monitors(folded[..., :trained]), Pager.each(len(folded), np.inf)
    out = np.empty((z.shape[1] - trained, len(z)), dtype=np.float32)
    for window in range(trained, z.shape[1]):
        walk.step(folded[..., window])
        pager.observe(walk)
        out[window - trained] = np.log10(pager.bets.evidence(walk.independence).sum(axis=2).ravel() + 1e-30)
    return Paths(out)
