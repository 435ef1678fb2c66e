"""All that detecting remembers of one column, and its verdict on each window."""

from collections import deque
from collections.abc import Iterable, Sequence

from driftd.detect.bank import Bank
from driftd.detect.baseline import Baseline
from driftd.detect.effect import describe
from driftd.detect.gross import GrossRule
from driftd.detect.observed import Observed
from driftd.detect.recent import KEPT, MEANS, Recent, find_change, recent
from driftd.detect.river_adapter import DetectorKit
from driftd.detect.settings import GROSS, GrossSettings
from driftd.values.closed import ColumnSums
from driftd.values.keys import Channel
from driftd.values.layout import INVALID, MISSING, UNSEEN
from driftd.values.settings import PageRule
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

    def observe(
        self,
        sums: ColumnSums,
        observed: Observed,
        distances: Distances,
        baseline: Baseline,
        *,
        page_on: Sequence[PageRule],
    ) -> ColumnVerdict:
        """Judge a window. At most 200 updates per channel and detector."""
        spoken = self._bank.observe(observed, baseline, self._recent)
        self._recent.append(recent(sums.span, observed, baseline))
        gross, gross_risen = self._gross.observe(observed, distances, baseline)
        exceeded = frozenset(str(rule) for rule in page_on if _exceeds(distances, rule))
        exceeded_risen, self._exceeded = exceeded - self._exceeded, exceeded

        detections = (
            *spoken,
            *(Detection(channel, GROSS) for channel in sorted(gross_risen)),
            *(Detection(Channel.SHAPE, rule) for rule in sorted(exceeded_risen)),
        )
        # The effect is told over the stretch of the first detector that spoke, before a new one begins.
        stretch_ms = self._since.get(spoken[0]) if spoken else None
        paging = {detection.detector for detection in spoken if self._pages(detection, baseline)}
        alarming = paging | exceeded_risen | ({GROSS} if gross_risen else set())
        holding = alarming | exceeded | ({GROSS} if gross else set())
        speaking = tuple(rule for rule in map(str, page_on) if rule in holding)
        effect = None
        if detections or speaking:
            changes = (find_change(self._recent, channel, stretch_ms, baseline) for channel in MEANS)
            effect = describe(
                [change for change in changes if change is not None],
                start_ms=sums.span.start_ms,
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
            alarms=tuple(rule for rule in map(str, page_on) if rule in alarming),
            speaking=speaking,
            effect=effect,
            unseen_texts=tuple(sorted(((u.text, u.events) for u in sums.unseen), key=lambda pair: (-pair[1], pair[0]))),
        )

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
            "recent": [[w.start_ms, w.end_ms, list(w.header), w.valid, w.location, w.scale] for w in self._recent],
        }

    def restore(self, state: State, names: Iterable[str]) -> None:
        """Take back what ``to_state`` gave; of the detectors only those named, the others begin anew."""
        kept = set(names)
        self._bank.restore(state["detectors"], kept)
        self._gross.restore(state["gross"])
        self._exceeded = frozenset(state["exceeded"])
        self._since = {
            Detection(Channel(channel), detector): onset_ms
            for channel, detectors in state["since"].items()
            for detector, onset_ms in detectors.items()
            if detector in kept
        }
        self._recent.extend(
            Recent(start_ms, end_ms, tuple(header), valid, location, scale)
            for start_ms, end_ms, header, valid, location, scale in state["recent"]
        )

    def _pages(self, detection: Detection, baseline: Baseline) -> bool:
        """Tell whether a detection stands for a change worth a page, and begin the detector's next stretch there.

        As the detector itself, what is asked at its next alarm looks back no further than to this change.
        """
        change = find_change(self._recent, detection.channel, self._since.get(detection), baseline)
        if change is None:
            return False
        self._since[detection] = change.onset_ms
        return change.pages


def _exceeds(distances: Distances, rule: PageRule) -> bool:
    if rule.threshold is None:
        return False
    value: float = getattr(distances, rule.name)
    return value > rule.threshold


def _shift(window: Recent) -> float:
    """Return the mean of u minus 1/2, 0 where there is no usable value."""
    return window.location / window.valid - 0.5 if window.valid else 0.0
