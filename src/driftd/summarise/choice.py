"""Which implementation of the seam runs: the compiled kernel where there is one, else Python.

Both come to the same sums, bit for bit, so a daemon may be killed under one and resumed under the other.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from driftd.errors import ConfigurationError
from driftd.summarise.plain import PlainSummariser
from driftd.summarise.seam import FindProfile, Summariser
from driftd.summarise.settings import TopicSettings
from driftd.values.keys import SourcePartition
from driftd.values.settings import LimitSettings, WindowSettings

#: The variable that chooses. It is none of the settings (their names have two underscores): no result depends on it.
VARIABLE = "DRIFTD_KERNEL"

Make = Callable[[SourcePartition, TopicSettings, WindowSettings, LimitSettings, FindProfile], Summariser]


@dataclass(frozen=True, slots=True)
class Kernel:
    """What reads the events: its name, why it is Python (empty for Rust), and the class to construct."""

    name: Literal["python", "rust"]
    reason: str
    make: Make


def kernel_in_use() -> Kernel:
    """Return the implementation that the environment chooses at the moment.

    Raises ConfigurationError where it insists on a compiled kernel that is not there, or says something else.
    """
    wanted = os.environ.get(VARIABLE, "auto")
    match wanted:
        case "python":
            return Kernel("python", f"{VARIABLE} says so", PlainSummariser)
        case "auto" | "rust":
            found = _compiled()
        case _:
            raise ConfigurationError(VARIABLE, wanted, "must be auto, python or rust")
    if wanted == "rust" and found.name != "rust":
        raise ConfigurationError(VARIABLE, wanted, f"there is {found.reason}")
    return found


def _compiled() -> Kernel:
    try:
        from driftd.summarise.compiled import CompiledSummariser  # noqa: PLC0415 -- not every installation has it
    except ModuleNotFoundError:
        why = "driftd was installed without it; a wheel brings it, or an installation where Rust is at hand"
    except ImportError as error:  # it is there, and does not fit this system
        why = str(error)
    else:
        return Kernel("rust", "", CompiledSummariser)
    return Kernel("python", f"no compiled kernel: {why}", PlainSummariser)
