"""``driftd`` with a sampler: where its main thread spends real time, waiting included, from the loop's first turn.

    python -m speed.sampled_driftd SAMPLES.json run --config driftd.yaml

A timer's signal is handled between two steps of the interpreter, so what a call into compiled code takes is
counted for the Python line that called it; a sample weighs as much as the time since the one before, so a
long call is counted in full.
"""

import gc
import json
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType

import driftd
from driftd.cli import main

EVERY_SECONDS = 0.003
_PACKAGE = Path(driftd.__file__).parent
_LOOP = "Session.turn_until"


class Sampler:
    """Adds up seconds by function and line (own time), and by the innermost function of driftd's."""

    def __init__(self) -> None:
        self._lines: defaultdict[tuple[CodeType, int], float] = defaultdict(float)
        self._innermost: defaultdict[CodeType, float] = defaultdict(float)
        self._last = 0.0
        self._turning = False
        self._collecting_since = 0.0
        self._collecting = 0.0

    def collect(self, phase: str, _info: dict[str, int]) -> None:
        """Time a run of Python's garbage collector, whatever function it strikes in."""
        now = time.perf_counter()
        if phase == "start":
            self._collecting_since = now
        elif self._turning:
            self._collecting += now - self._collecting_since

    def take(self, _number: int, frame: FrameType | None) -> None:
        """Handle the timer's signal."""
        now, innermost = time.perf_counter(), None
        own = frame.f_back if frame is not None and frame.f_code is Sampler.collect.__code__ else frame
        while frame is not None and frame.f_code.co_qualname != _LOOP:
            if innermost is None and frame.f_code.co_filename.startswith(str(_PACKAGE)):
                innermost = frame.f_code
            frame = frame.f_back
        if frame is not None and own is not None:
            self._turning = True
            self._lines[own.f_code, own.f_lineno] += now - self._last
            self._innermost[innermost or frame.f_code] += now - self._last
        self._last = now

    def write(self, path: Path) -> None:
        """Write the seconds as JSON, the longest first."""
        packages: defaultdict[str, float] = defaultdict(float)
        for code, seconds in self._innermost.items():
            packages[_file(code).split("/", 1)[0]] += seconds
        lines = [(seconds, _file(code), code.co_qualname, line) for (code, line), seconds in self._lines.items()]
        document = {
            "lines": sorted(lines, reverse=True),
            "collecting": self._collecting,
            "packages": sorted(((seconds, name) for name, seconds in packages.items()), reverse=True),
        }
        path.write_text(json.dumps(document))


def _file(code: CodeType) -> str:
    """Return a function's file, within driftd or within what is installed."""
    path = Path(code.co_filename)
    return str(path.relative_to(_PACKAGE)) if path.is_relative_to(_PACKAGE) else "/".join(path.parts[-2:])


if __name__ == "__main__":
    samples_to = Path(sys.argv.pop(1))
    sampler = Sampler()
    signal.signal(signal.SIGALRM, sampler.take)
    signal.setitimer(signal.ITIMER_REAL, EVERY_SECONDS, EVERY_SECONDS)
    gc.callbacks.append(sampler.collect)
    try:
        main()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sampler.write(samples_to)
