"""All that detecting remembers of one column, and its verdict on each window."""

from collections import deque
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from driftd.detect.bank import Bank
from driftd.detect.baseline import Baseline
from driftd.detect.effect import describe
from driftd.detect.evidence.foreseen import NO_FORECAST, Forecast
from driftd.detect.evidence.monitor import Said
from driftd.detect.gross import GrossRule
from driftd.detect.observed import Observed
from driftd.detect.recent import KEPT, MEANS, Change, Recent, find_change, recent
from driftd.detect.river_adapter import DetectorKit
from driftd.detect.settings import GROSS, GrossSettings
from driftd.detect.told import Told, tell, told_from
from driftd.values.closed import ColumnSums
from driftd.values.keys import Channel
from driftd.values.layout import INVALID, MISSING, UNSEEN
from driftd.values.settings import CALIBRATION, EVIDENCE, PageRule
from driftd.values.state import State
from driftd.values.verdict import ColumnVerdict, Detection, Distances


class ColumnWatch:
    """Watches one column of one monitor. Two watches share nothing."""

    def __init__(self, kit: DetectorKit, gross: GrossSettings, owner: str) -> None:
        self._bank = Bank(kit, owner)
        self._gross = GrossRule(gross)
        self._recent: deque[Recent] = deque(maxlen=KEPT)
        self._since: dict[Detection, int] = {}  # onset of the last change that a detector told
        self._exceeded: frozenset[str] = frozenset()  # the distance rules that held in the last window
        self._told: Told | None = None  # the drift that has been paged and goes on

    def observe(
        self,
        sums: ColumnSums,
        observed: Observed,
        distances: Distances,
        baseline: Baseline,
        *,
        page_on: Sequence[PageRule],
        said: Said | None = None,
        forecast: Forecast = NO_FORECAST,
        unsteady: bool = False,
    ) -> ColumnVerdict:
        """Judge a window. At most 200 updates per channel and detector.

        ``said`` is what the evidence says about it, ``forecast`` what could be foreseen of it, ``unsteady`` that the
        column moved while its dependence was learnt.
        """
        rows = baseline.rows_per_block(observed.n, sums.span.end_ms - sums.span.start_ms)
        spoken = self._bank.observe(observed, baseline, self._recent, rows, forecast)
        self._recent.append(recent(sums.span, observed, distances.psi, baseline))
        gross, gross_risen = self._gross.observe(observed, distances, baseline)
        exceeded = frozenset(str(rule) for rule in page_on if _exceeds(distances, rule))
        exceeded_risen, self._exceeded = exceeded - self._exceeded, exceeded

        detections = (
            *spoken,
            *(Detection(channel, GROSS) for channel in sorted(gross_risen)),
            *(Detection(Channel.SHAPE, rule) for rule in sorted(exceeded_risen)),
            *([Detection(Channel.LOCATION, CALIBRATION)] if unsteady else []),
        )
        # The effect is told over the stretch of the first detector that spoke, before a new one begins.
        stretch_ms = self._since.get(spoken[0]) if spoken else None
        if said is not None and said.alarm and self._told is not None:
            stretch_ms = self._told.window_ms  # a further drift: it began after the one that has been told
        changes = [change for change in (self._news(detection, baseline) for detection in spoken) if change]
        alarming = {detection.detector for detection, _ in changes}
        if self._told is None:
            alarming |= exceeded_risen | ({GROSS} if gross_risen else set())
        elif self._told.gross_again(gross, self._recent, baseline, self._gross.settings):
            alarming.add(GROSS)
        paging = said if PageRule(EVIDENCE) in page_on else None  # where it pages nothing it decides nothing
        if paging is not None and paging.alarm:
            alarming.add(EVIDENCE)
        alarms = tuple(rule for rule in map(str, page_on) if rule in alarming)
        if alarms:
            onsets = [change.onset_ms for detection, change in changes if detection.detector in alarms]
            self._told = tell(self._recent, max(onsets, default=self._gross_since_ms()), baseline)
        elif self._told is not None and not gross and not exceeded and self._told.ended(self._recent, baseline):
            self._told = None
        holding = alarming | exceeded | ({GROSS} if gross else set())
        if paging is not None and paging.holding:
            holding.add(EVIDENCE)
        speaking = tuple(rule for rule in map(str, page_on) if rule in holding)
        effect = None
        if detections or speaking:
            moves = (find_change(self._recent, channel, stretch_ms, baseline) for channel in MEANS)
            effect = describe(
                [move for move in moves if move is not None],
                spoken_of=_channels(changes, alarming, gross, paging) or _channels_of(detections, gross),
                onset_ms=self._gross_since_ms() if gross else sums.span.start_ms,
                observed=observed,
                sums=sums.sums,
                distances=distances,
                baseline=baseline,
            )
        return ColumnVerdict(
            column=sums.column,
            key=baseline.column.key,
            span=sums.span,
            windows=sums.windows,
            n=observed.n,
            missing=observed.header[MISSING],
            invalid=observed.header[INVALID],
            unseen=observed.header[UNSEEN],
            counts=tuple(observed.counts.tolist()),
            distances=distances,
            shift=_shift(self._recent[-1]),
            detections=detections,
            evidence=None if said is None else said.log10,
            weight=None if said is None else said.weight,
            recovered=paging is not None and paging.recovered,
            alarms=alarms,
            speaking=speaking,
            effect=effect,
            unseen_texts=tuple(sorted(((u.text, u.events) for u in sums.unseen), key=lambda pair: (-pair[1], pair[0]))),
        )

    def adopt(self, kit: DetectorKit, gross: GrossSettings) -> None:
        """Judge by other settings from the next window on: only what they change begins anew."""
        kept = self._bank.adopt(kit)
        self._gross.adopt(gross)
        self._since = {detection: onset_ms for detection, onset_ms in self._since.items() if detection.detector in kept}

    def to_state(self) -> State:
        """Return all that is remembered."""
        since: dict[str, dict[str, int]] = {}
        for (channel, detector), onset_ms in sorted(self._since.items()):
            since.setdefault(channel.value, {})[detector] = onset_ms
        return {
            "detectors": self._bank.to_state(),
            "gross": self._gross.to_state(),
            "exceeded": sorted(self._exceeded),
            "since": since,
            "told": self._told.to_state() if self._told else None,
            "recent": [[w.start_ms, w.end_ms, list(w.header), *w[3:]] for w in self._recent],
        }

    def restore(self, state: State, names: Iterable[str]) -> None:
        """Take back what ``to_state`` gave; of the detectors only those named, the others begin anew."""
        kept = set(names)
        self._bank.restore(state["detectors"], kept)
        self._gross.restore(state["gross"])
        self._exceeded = frozenset(state["exceeded"])
        self._told = told_from(state["told"])
        self._since = {
            Detection(Channel(channel), detector): onset_ms
            for channel, detectors in state["since"].items()
            for detector, onset_ms in detectors.items()
            if detector in kept
        }
        self._recent.extend(
            Recent(start_ms, end_ms, tuple(header), *sums) for start_ms, end_ms, header, *sums in state["recent"]
        )

    def _news(self, detection: Detection, baseline: Baseline) -> tuple[Detection, Change] | None:
        """Return a detection with its change if it is worth a page, and begin the detector's next stretch there.

        As the detector itself, what is asked at its next alarm looks back no further than to this change,
        and never beyond the window that has told of the drift that goes on.
        """
        look_back = [
            at for at in (self._since.get(detection), self._told.window_ms if self._told else None) if at is not None
        ]
        change = find_change(self._recent, detection.channel, max(look_back, default=None), baseline)
        if change is None:
            return None
        self._since[detection] = change.onset_ms
        return (detection, change) if change.pages else None

    def _gross_since_ms(self) -> int:
        """Return the start of the windows running that made the gross rule speak, or a distance exceed its level."""
        return list(self._recent)[-self._gross.settings.windows :][0].start_ms


def _channels(
    news: Iterable[tuple[Detection, Change]],
    alarming: AbstractSet[str],
    gross: AbstractSet[Channel],
    said: Said | None,
) -> set[Channel]:
    """Return the channels that what alarms is about; a distance that is exceeded is about the shape."""
    channels = {detection.channel for detection, _ in news} | (gross if GROSS in alarming else set())
    if said is not None and said.holding and said.channel is not None:
        channels.add(said.channel)
    return channels | ({Channel.SHAPE} if any(">" in rule for rule in alarming) else set())


def _channels_of(detections: Iterable[Detection], gross: AbstractSet[Channel]) -> set[Channel]:
    """Return the channels that were detected, or that are at a gross level, where nothing alarms."""
    return {detection.channel for detection in detections} or set(gross) or {Channel.SHAPE}


def _exceeds(distances: Distances, rule: PageRule) -> bool:
    if rule.threshold is None:
        return False
    value: float = getattr(distances, rule.name)
    return value > rule.threshold


def _shift(window: Recent) -> float:
    """Return the mean of u minus 1/2, 0 where there is no usable value."""
    return window.location / window.valid - 0.5 if window.valid else 0.0
