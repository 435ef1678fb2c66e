"""The implementations of the summariser: the plain one, and the compiled one where it is built."""

from collections.abc import Callable

import pytest

from driftd.summarise.plain import PlainSummariser
from driftd.summarise.seam import FindProfile, Summariser
from driftd.summarise.settings import TopicSettings
from driftd.values.keys import SourcePartition
from driftd.values.settings import LimitSettings, WindowSettings

Make = Callable[[SourcePartition, TopicSettings, WindowSettings, LimitSettings, FindProfile], Summariser]

try:
    from driftd.summarise.compiled import CompiledSummariser
except ImportError as error:
    _WHY_NOT = f"there is no compiled kernel to test: {error}"
    _FURTHER: dict[str, Make] = {}
else:
    _WHY_NOT = ""
    _FURTHER = {"compiled": CompiledSummariser}

#: What is at hand, for tests that go over all implementations themselves.
BUILT: dict[str, Make] = {"plain": PlainSummariser} | _FURTHER

#: Marks of a test that needs the compiled one: it skips without, and on CI it fails (no_skips.py).
NEEDS_KERNEL = [pytest.mark.kernel, pytest.mark.skipif("compiled" not in BUILT, reason=_WHY_NOT)]

#: Parameters of a fixture or test that is given each implementation in turn.
IMPLEMENTATIONS = [
    pytest.param(PlainSummariser, id="plain"),
    pytest.param(BUILT.get("compiled"), id="compiled", marks=NEEDS_KERNEL),
]

#: The same by the names that DRIFTD_KERNEL knows them by.
NAMES = [pytest.param("python"), pytest.param("rust", marks=NEEDS_KERNEL)]
