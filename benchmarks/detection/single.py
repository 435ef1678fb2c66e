"""Single values instead of windows: errors of labelled events, the mean of a stream; river's detectors on both."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from river import drift
from scipy.special import ndtr

from detection.channel import WIDTH, Pager, Paths, Walk
from detection.report import CHANNEL, Row, mean, mean_row, median, poisson, tell
from driftd.detect.baseline import Baseline
from driftd.detect.evidence.bets import BETS
from driftd.detect.evidence.scores import Scores
from driftd.references.profile import ColumnProfile, Floats, Ints
from driftd.values.keys import ColumnKey, Kind, Role

_RATE, _WORSE, _TRAINED = 0.1, 0.15, 10_000
_BEFORE, _LATEST = 2_000, 8_000  # labels before the change, and after it
_BLOCK = 10  # labels a window
_LABEL_BAR, _STREAM_BARS = 261, {0.25: 246, 0.5: 76}
_APART = 100_000.0  # observations between false alarms to compare at

Maker = Callable[[], Any]
LABEL_RIVALS: dict[str, Maker] = {
    "river ADWIN": drift.ADWIN,
    "river Page-Hinkley, alpha 1": lambda: drift.PageHinkley(alpha=1.0),
    "river DDM": drift.binary.DDM,
    "river HDDM_A": drift.binary.HDDMA,
}
#: On the ranks u, and on standardised values z. Tuned by trial to about 100,000 observations between false alarms;
#: what they come to is measured.
STREAM_RIVALS: dict[str, tuple[Maker, bool]] = {
    "river ADWIN on u": (lambda: drift.ADWIN(delta=0.1), True),  # type: ignore[no-untyped-call]
    "river ADWIN on z": (lambda: drift.ADWIN(delta=0.02), False),  # type: ignore[no-untyped-call]
    "river Page-Hinkley on u": (lambda: drift.PageHinkley(alpha=1.0, delta=0.036, threshold=10.2), True),
    "river Page-Hinkley on z": (lambda: drift.PageHinkley(alpha=1.0, delta=0.125, threshold=34.0), False),
}


def alarms(rival: Any, values: Floats) -> list[int]:
    """Return the places at which one of river's detectors alarms; it begins anew after each by itself."""
    places = []
    for place, value in enumerate(values.tolist()):
        rival.update(value)
        if rival.drift_detected:
            places.append(place)
    return places


def labels(*, quick: bool) -> Iterator[Row]:
    """An error rate that rises from .1 to .15, in windows of 1 and of 10 labels."""
    runs, clean, scale = 20 if quick else 60, 100_000 if quick else 300_000, 4 if quick else 1
    paths = {size: _label_paths(size, 40_000 // scale, 200) for size in (1, _BLOCK)}
    tell("labels: channel alone")
    for labels_a_window, (null, changed) in paths.items():
        threshold = null.threshold_for(10_000 / labels_a_window)
        yield _label_row(f"{labels_a_window} a window", labels_a_window, null, changed, threshold)
    for name, make in LABEL_RIVALS.items():
        found = alarms(make(), (np.random.default_rng(41).random(clean) < _RATE).astype(float))
        delays, early = [], 0
        for run in range(runs):
            rng = np.random.default_rng([42, run])
            stream = np.concatenate((rng.random(_BEFORE) < _RATE, rng.random(_LATEST) < _WORSE)).astype(float)
            places = alarms(make(), stream)
            if any(place < _BEFORE for place in places):
                early += 1
            else:
                delays.append(float(next((place - _BEFORE + 1 for place in places), np.inf)))
        low, high = poisson(len(found))
        apart = clean / max(len(found), 1)
        told = f"{median(delays)} labels; {apart:,.0f} between false alarms ({clean / high:,.0f} to "
        told += f"{clean / low:,.0f})" if low else "more)"
        size = f"{clean:,} clean labels, {runs} runs, {early} of them left out: paged before it"
        yield Row("error rate .1 → .15", name, size, told)
        null, changed = paths[_BLOCK]
        matched = null.threshold_for(apart / _BLOCK)
        yield _label_row(f"{_BLOCK} a window, as seldom false as {name}", _BLOCK, null, changed, matched, judge=False)
        tell(f"labels: {name}")


def _label_row(what: str, size: int, null: Paths, changed: Paths, threshold: float, *, judge: bool = True) -> Row:
    apart, pages = null.apart(threshold)
    delays, early = changed.delays(threshold, _BEFORE // size)
    middle = float(np.median(delays)) * size
    told = f"{median(delays * size)} labels (mean {mean(np.minimum(delays * size, _LATEST))}); "
    told += f"{apart * size:,.0f} between false alarms, from {pages} of them"
    sizes = f"{what}; A = {threshold:,.0f} windows; {len(delays)} runs, {early} left out: paged before it"
    bar = f"median ≤ {_LABEL_BAR} labels" if judge else ""
    return Row("error rate .1 → .15", CHANNEL, sizes, told, bar, middle <= _LABEL_BAR if judge else None)


def _label_paths(size: int, clean: int, runs: int) -> tuple[Paths, Paths]:
    """Return the evidence on clean labels, and on labels whose error rate rises, in windows of so many labels."""
    column = ColumnProfile(
        ColumnKey(Role.ERROR, "error"),
        Kind.NUMERIC,
        _TRAINED,
        0,
        0,
        (round(_TRAINED * (1 - _RATE)), round(_TRAINED * _RATE)),
        (0.5,),
        (0, 1),
        moments={"min": 0.0, "max": 1.0},
    )
    scores = Scores([Baseline(column, None)], float(size))
    rng = np.random.default_rng([43, size])
    steps = clean // size
    null = rng.binomial(size, _RATE, size=(steps, runs))
    rates = np.repeat((_RATE, _WORSE), (_BEFORE // size, 2_000 // size))
    changed = rng.binomial(size, rates[:, None], size=(len(rates), runs))
    return _error_path(scores, null, size), _error_path(scores, changed, size)


def _error_path(scores: Scores, errors: Ints, size: int) -> Paths:
    """Follow the location of a 0/1 column, priced by the reference's own distribution as the product does it."""
    low, high = scores.ranks[0, 0].tolist()
    y = (low + (high - low) * errors / size) / scores.unit[0, 0]
    walk = Walk.independent(np.full((errors.shape[1] // WIDTH, WIDTH), scores.level_variance[0, 0]))
    n, price = np.full(scores.unit.shape, float(size)), np.zeros(0)
    path = np.empty(errors.shape, dtype=np.float64)
    pager = Pager.each(errors.shape[1] // WIDTH, np.inf)
    for step, window in enumerate(y):
        if step % 50 == 0:  # the variance of the level falls slowly
            variance = np.full(scores.unit.shape, walk.innovations.level_variance[0, 0] + 1)
            exact = scores.cumulants(BETS / np.sqrt(variance)[..., None], n)[:, 0, 0]
            price = BETS**2 / 2 + np.maximum(exact - BETS**2 / 2 / variance[0, 0], 0.0)
        walk.step(window.reshape(-1, WIDTH))
        pager.observe(walk, price)
        path[step] = np.log10(pager.bets.evidence(walk.independence).sum(axis=2).ravel() + 1e-30)
    return Paths(path)


def stream_mean(*, quick: bool) -> Iterator[Row]:
    """A shift of the mean of single values, at 100,000 observations between false alarms."""
    steps, streams, changed_at = 5_000 if quick else 20_000, 500, 1_000
    rng = np.random.default_rng(51)
    null = _value_path(rng.normal(size=(steps, streams)))
    threshold = null.threshold_for(_APART)
    apart, pages = null.apart(threshold)
    tell("event-level mean: channel alone")
    for shift, bar in _STREAM_BARS.items():
        moved = rng.normal(size=(changed_at + 1_500, streams))
        moved[changed_at:] += shift
        delays, early = _value_path(moved).delays(threshold, changed_at)
        late = np.minimum(delays, 1_500)
        size = f"A = {threshold:,.0f}; {apart:,.0f} observations between false alarms, from {pages} of them; "
        size += f"{len(delays)} runs, {early} left out: paged before it"
        yield mean_row(f"mean of single values, + {shift:g} sd", CHANNEL, size, late, bar, unit="observations")
    yield from _stream_rivals(300_000 if quick else 2_000_000, 20 if quick else 60, changed_at)


def _stream_rivals(clean: int, runs: int, changed_at: int) -> Iterator[Row]:
    for name, (make, by_rank) in STREAM_RIVALS.items():
        values = np.random.default_rng(52).normal(size=clean)
        found = len(alarms(make(), ndtr(values) if by_rank else values))
        low, high = poisson(found)
        apart = f"{clean / max(found, 1):,.0f} between false alarms ({clean / high:,.0f} to "
        apart += f"{clean / low:,.0f})" if low else "more)"
        for shift in _STREAM_BARS:
            delays = []
            for run in range(runs):
                stream = np.random.default_rng([53, run]).normal(size=changed_at + 4_000)
                stream[changed_at:] += shift
                places = alarms(make(), ndtr(stream) if by_rank else stream)
                if not any(place < changed_at for place in places):
                    delays.append(float(next((place - changed_at + 1 for place in places), 4_000)))
            size = f"{apart}; {len(delays)} runs, {runs - len(delays)} left out: paged before it"
            yield Row(f"mean of single values, + {shift:g} sd", name, size, f"{mean(delays)} observations")
        tell(f"event-level mean: {name}")


def _value_path(values: Floats) -> Paths:
    """Follow standardised values one by one, against a reference of 10,000."""
    walk = Walk.independent(np.full((values.shape[1] // WIDTH, WIDTH), 1 / _TRAINED))
    pager = Pager.each(values.shape[1] // WIDTH, np.inf)
    price = walk.price()
    path = np.empty(values.shape, dtype=np.float64)
    for step, row in enumerate(values):
        walk.step(row.reshape(-1, WIDTH))
        pager.observe(walk, price)
        path[step] = np.log10(pager.bets.evidence(walk.independence).sum(axis=2).ravel() + 1e-30)
    return Paths(path)
