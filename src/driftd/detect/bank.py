"""river's detectors of one column, on each of its channels, fed with effective observations."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from math import ceil

import numpy as np

from driftd.detect.baseline import Baseline
from driftd.detect.effective import effective_bins, effective_size
from driftd.detect.evidence.foreseen import NO_FORECAST, Forecast, Foreseen, OfTraining
from driftd.detect.observed import RATES, Observed
from driftd.detect.recent import Recent
from driftd.detect.river_adapter import BINARY, Detector, DetectorKit
from driftd.values.hashing import text_hash
from driftd.values.keys import Channel
from driftd.values.state import State
from driftd.values.verdict import Detection

_NO_COUNTS = np.zeros(0, dtype=np.int64)


class Bank:
    """The detectors of one column. No two columns share one.

    A detector is made at the first window of its channel and fed the reference's windows, its alarms there
    ignored. A rate that was 0 in training and ever since has no detectors: they are made at the first
    window in which it is not, and fed the reference's windows and those lived through.

    Ranks are fed less what could be foreseen of them, the reference's likewise. Values of 0 and 1 are fed as they are.
    """

    def __init__(self, kit: DetectorKit, owner: str) -> None:
        self._kit = kit
        self._owner = owner  # names the column; the seed of random detectors
        self._detectors: dict[Channel, dict[str, Detector]] = {}

    def observe(
        self,
        observed: Observed,
        baseline: Baseline,
        earlier: Sequence[Recent],
        rows: float,
        forecast: Forecast = NO_FORECAST,
    ) -> list[Detection]:
        """Feed a window to every detector; return those that alarmed.

        ``rows`` is what its design effect is taken for (Baseline.rows_per_block). ``earlier`` are the newest
        windows before it, for a rate that wakes up.
        """
        awake = list(self._awake(observed, baseline))
        self._begin_all(awake, baseline, earlier, forecast)
        return [
            Detection(channel, name)
            for channel in awake
            for name in self._alarms(channel, observed, baseline, rows, forecast.of_window.get(channel))
        ]

    def to_state(self) -> State:
        """Return every detector's memory, by channel and name."""
        return {
            channel.value: {name: detector.to_state() for name, detector in sorted(detectors.items())}
            for channel, detectors in sorted(self._detectors.items())
        }

    def adopt(self, kit: DetectorKit) -> frozenset[str]:
        """Take on other detectors; return those that go on, having the same options. All others begin anew."""
        kept = self._kit.shared(kit)
        self._kit = kit
        going_on = {
            channel: {name: detector for name, detector in detectors.items() if name in kept}
            for channel, detectors in self._detectors.items()
        }
        self._detectors = {channel: detectors for channel, detectors in going_on.items() if detectors}
        return kept

    def restore(self, state: State, names: Iterable[str]) -> None:
        """Take back the memory of the detectors named; the others begin anew at the next window."""
        kept = set(names)
        for channel, detectors in state.items():
            for name, memory in detectors.items():
                if name in kept:
                    detector = self._make(Channel(channel), name)
                    detector.restore(memory)
                    self._detectors.setdefault(Channel(channel), {})[name] = detector

    def _awake(self, observed: Observed, baseline: Baseline) -> Iterator[Channel]:
        if observed.valid:
            yield from (Channel.LOCATION, Channel.SCALE)
        for channel in RATES:
            if channel in self._detectors or observed.rate_count(channel) or baseline.levels[channel].mean:
                yield channel

    def _begin_all(
        self, channels: Iterable[Channel], baseline: Baseline, earlier: Sequence[Recent], forecast: Forecast
    ) -> None:
        """Make the detectors that these channels lack."""
        trained: OfTraining | None = None  # asked for once, and only where a detector has to learn
        for channel in channels:
            lacking = [name for name in self._names(channel, baseline) if name not in self._detectors.get(channel, ())]
            if not lacking:
                continue
            trained = forecast.of_training() if trained is None else trained
            for name in lacking:
                made = self._begin(channel, name, baseline, earlier, trained.get(channel, ()))
                self._detectors.setdefault(channel, {})[name] = made

    def _names(self, channel: Channel, baseline: Baseline) -> tuple[str, ...]:
        return self._kit.on_binary if _holds_bits(channel, baseline) else self._kit.everywhere

    def _alarms(
        self, channel: Channel, observed: Observed, baseline: Baseline, rows: float, foreseen: Foreseen | None
    ) -> list[str]:
        names = self._names(channel, baseline)
        if not names:
            return []
        detectors = self._detectors[channel]
        ranks = _values(channel, observed, baseline, rows, foreseen)
        bits = ranks if channel in RATES or names is self._kit.everywhere else _bits(observed, baseline, rows)
        return [name for name in names if detectors[name].feed(bits if name in BINARY else ranks)]

    def _begin(
        self,
        channel: Channel,
        name: str,
        baseline: Baseline,
        earlier: Sequence[Recent],
        foreseen: Sequence[Foreseen],
    ) -> Detector:
        """Make a detector and feed it the reference's windows; a rate's also what was seen of it since."""
        detector = self._make(channel, name)
        as_bits = name in BINARY and channel not in RATES
        fed: list[list[float]] = []
        left = detector.memory
        windows = baseline.windows()
        for (window, rows, times), of_it in zip(windows[::-1], foreseen[::-1] or repeat(None), strict=False):
            values = _bits(window, baseline, rows) if as_bits else _values(channel, window, baseline, rows, of_it)
            fed.extend([values] * min(times, ceil(left / max(len(values), 1))))
            left -= len(values) * times
            if left <= 0:
                break
        for values in reversed(fed):
            detector.learn(values)
        for past in earlier if channel in RATES else ():
            lived_through = Observed(past.header, _NO_COUNTS)  # a rate needs no more
            rows = baseline.rows_per_block(lived_through.n, past.end_ms - past.start_ms)
            detector.learn(_values(channel, lived_through, baseline, rows))
        return detector

    def _make(self, channel: Channel, name: str) -> Detector:
        return self._kit.make(name, text_hash(f"{self._owner}\x1f{channel}\x1f{name}"))


def _holds_bits(channel: Channel, baseline: Baseline) -> bool:
    return channel in RATES or (channel is Channel.LOCATION and baseline.bin_of_one is not None)


def _values(
    channel: Channel, observed: Observed, baseline: Baseline, rows: float, foreseen: Foreseen | None = None
) -> list[float]:
    """Return a window's effective observations on a channel: mid-ranks u, |2u - 1|, or 0 and 1."""
    deff = baseline.deff(channel, rows) if foreseen is None else foreseen.design_effect
    size = effective_size(observed.size(channel), deff)
    if size == 0:
        return []
    if channel in RATES:
        ones = observed.rate_count(channel)
        bits: list[float] = effective_bins(np.array([observed.n - ones, ones]), size).astype(np.float64).tolist()
        return bits
    ranks = baseline.ranks[channel][effective_bins(observed.counts, size)]
    values: list[float] = (ranks if foreseen is None else ranks - foreseen.shift).tolist()
    return values


def _bits(observed: Observed, baseline: Baseline, rows: float) -> list[float]:
    """Return the effective observations of a column of 0 and 1 in its own values."""
    size = effective_size(observed.valid, baseline.deff(Channel.LOCATION, rows))
    if size == 0:
        return []
    ones: list[float] = (effective_bins(observed.counts, size) == baseline.bin_of_one).astype(np.float64).tolist()
    return ones
