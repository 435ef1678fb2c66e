"""The only place that knows river: its drift detectors, made, fed, written down and restored.

river.drift imports scipy.stats and river's data sets on the way (its package file does); no public path
to the detectors avoids that, so this module is imported only by who runs detectors.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from river import drift
from river.__version__ import __version__

from driftd.detect.adwin_layout import AdwinParameters, adwin_bytes, adwin_fields
from driftd.detect.river_fields import FHDDM_SHORT_FIELDS, FIELDS, fields_of, set_fields
from driftd.detect.settings import DetectorSettings, FhddmOptions, KswinOptions
from driftd.errors import SnapshotError
from driftd.values.settings import Section
from driftd.values.state import State

#: The release of river whose detectors run.
RIVER_VERSION = __version__

ADWIN, KSWIN, FHDDM = "adwin", "kswin", "fhddm"
_CLASSES: dict[str, Callable[..., Any]] = {
    ADWIN: drift.ADWIN,
    "page_hinkley": drift.PageHinkley,
    KSWIN: drift.KSWIN,
    "ddm": drift.binary.DDM,
    "eddm": drift.binary.EDDM,
    FHDDM: drift.binary.FHDDM,
    "hddm_a": drift.binary.HDDMA,
    "hddm_w": drift.binary.HDDMW,
}
#: Detectors for 0/1 values only.
BINARY = frozenset({"ddm", "eddm", FHDDM, "hddm_a", "hddm_w"})


class RiverDetector(Protocol):
    """What all of river's drift detectors have in common."""

    @property
    def drift_detected(self) -> bool:
        """Whether the last update alarmed. The next one then starts the detector anew."""
        ...

    def update(self, x: float) -> None:
        """Take in one value."""
        ...


class Detector:
    """One of river's detectors on one channel of one column."""

    __slots__ = ("_inverted", "_river", "name", "options")

    def __init__(self, name: str, options: Section, seed: int) -> None:
        parameters = options.model_dump() | ({"seed": seed} if name == KSWIN else {})
        self.name = name
        self.options = options
        self._river: RiverDetector = _CLASSES[name](**parameters)
        self._inverted = name == FHDDM  # it looks for fewer ones, the others for more

    def learn(self, values: Sequence[float]) -> None:
        """Take in values one by one, whatever is said about them."""
        update = self._river.update
        for value in [1.0 - value for value in values] if self._inverted else values:
            update(value)

    def feed(self, values: Sequence[float]) -> bool:
        """Take in values one by one; return whether any of them alarmed."""
        river, spoke = self._river, False
        for value in [1.0 - value for value in values] if self._inverted else values:
            river.update(value)
            if river.drift_detected:
                spoke = True
        return spoke

    @property
    def memory(self) -> int:
        """How many values of the reference are worth feeding to a fresh detector.

        ADWIN's bound narrows with all it keeps: with 4,000 values it saw a slow change of real data later.
        The others need a mean, or the last values only, and take several times as long for each.
        """
        if self.name == ADWIN:
            return 10_000
        return self.options.window_size if isinstance(self.options, KswinOptions) else 2_000

    def to_state(self) -> State:
        """Return the memory as named fields; SnapshotError if river lays it out in an unknown way."""
        try:
            if self.name == ADWIN:
                fields = fields_of(self._river, ("_drift_detected",))
                return fields | adwin_fields(bytes(self._helper.__getstate__()), self._adwin_parameters)
            return fields_of(self._river, self._paths)
        except (ValueError, AttributeError) as error:
            raise _unknown_layout(self.name, error) from error

    def restore(self, state: State) -> None:
        """Take back what ``to_state`` gave, in a fresh detector; SnapshotError if it does not fit."""
        try:
            if self.name == ADWIN:
                rest = {name: value for name, value in state.items() if name != "_drift_detected"}
                set_fields(self._river, ("_drift_detected",), {"_drift_detected": state["_drift_detected"]})
                self._helper.__setstate__(adwin_bytes(rest, self._adwin_parameters))
            else:
                set_fields(self._river, self._paths, state)
        except (ValueError, AttributeError, KeyError, TypeError) as error:
            raise _unknown_layout(self.name, error) from error

    @property
    def _helper(self) -> Any:
        """ADWIN's memory in Rust."""
        return self._river._helper  # type: ignore[attr-defined]  # noqa: SLF001 -- river offers no other way to it

    @property
    def _adwin_parameters(self) -> AdwinParameters:
        return AdwinParameters(*self._helper.__getnewargs__())

    @property
    def _paths(self) -> tuple[str, ...]:
        short = isinstance(self.options, FhddmOptions) and self.options.short_window_size is not None
        return FIELDS[self.name] + (FHDDM_SHORT_FIELDS if short else ())


class DetectorKit:
    """The detectors that are on."""

    def __init__(self, settings: DetectorSettings) -> None:
        self.options: Mapping[str, Section] = settings.enabled
        self.everywhere = tuple(name for name in self.options if name not in BINARY)
        self.on_binary = tuple(self.options)  # channels of 0/1 values have all of them

    def make(self, name: str, seed: int) -> Detector:
        """Make a fresh detector; only the random ones look at the seed."""
        return Detector(name, self.options[name], seed)

    def shared(self, other: "DetectorKit") -> frozenset[str]:
        """Return the detectors that have the same options in both kits: those whose memory means the same."""
        return frozenset(name for name, options in self.options.items() if other.options.get(name) == options)

    def signature(self) -> State:
        """Return what a detector's memory depends on besides its input: its options, by name."""
        return {name: options.plain() for name, options in sorted(self.options.items())}


def _unknown_layout(detector: str, error: Exception) -> SnapshotError:
    return SnapshotError(
        f"detector {detector}",
        f"its memory does not have the form that river {RIVER_VERSION} is known to use ({error})",
        "run the release of driftd that wrote it, or start anew with driftd state reset",
    )
