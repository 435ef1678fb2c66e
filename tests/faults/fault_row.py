"""One line for each fault: what was observed, and what it cost."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from probes import Probes

Cells = Mapping[str, str]
COLUMNS = ("fault", "observed", "live/ready", "recovery time", "lost or repeated")


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What the outputs of a disturbed run lack of an undisturbed one's, and how many lines are in them twice."""

    lost: int
    repeated: int

    def __str__(self) -> str:
        return f"{self.lost} lost, {self.repeated} repeated"


@dataclass(frozen=True, slots=True)
class Fault:
    """How long a test lets a fault last, and the row in which it takes down what it observed.

    A test that fails has no row.
    """

    full: bool
    write: Callable[[Cells], None]

    def lasting(self, short_seconds: float, full_seconds: float) -> float:
        """Choose the fault's length in seconds."""
        return full_seconds if self.full else short_seconds

    def tell(
        self,
        fault: str,
        observed: str,
        *,
        probes: Probes | str,
        recovery_seconds: float | None,
        aftermath: Aftermath | str,
    ) -> None:
        """Write the row; no recovery time where there was nothing to recover from."""
        recovery = "-" if recovery_seconds is None else f"{recovery_seconds:.1f} s"
        cells = (fault, observed, str(probes), recovery, str(aftermath))
        self.write(dict(zip(COLUMNS, cells, strict=True)))


def table(rows: Iterable[Cells]) -> str:
    """Return the rows as a table in the form of docs/reliability.md."""
    lines = [[cells[column] for column in COLUMNS] for cells in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [list(COLUMNS), ["---"] * len(COLUMNS), *lines])
