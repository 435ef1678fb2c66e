"""What one writes by hand to watch features: river's ADWIN and Page-Hinkley, fed with every value of every event."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from river import drift


class Detectors:
    """Two detectors a feature; a category is fed as the number in which it first turned up."""

    def __init__(self) -> None:
        self._adwin: defaultdict[str, Any] = defaultdict(drift.ADWIN)
        self._page_hinkley: defaultdict[str, Any] = defaultdict(drift.PageHinkley)
        self._numbers: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.alarms = 0

    def feed(self, features: Mapping[str, Any]) -> None:
        """Take the features of one event."""
        for name, value in features.items():
            if isinstance(value, str):
                known = self._numbers[name]
                value = known.setdefault(value, float(len(known)))  # noqa: PLW2901  what is fed in its place
            first, second = self._adwin[name], self._page_hinkley[name]
            first.update(value)
            second.update(value)
            self.alarms += first.drift_detected or second.drift_detected
