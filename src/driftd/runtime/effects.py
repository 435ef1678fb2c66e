"""What the engine needs of the outside: its source, its store, its owner, and who takes rejected records."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from driftd.errors import DataError, SnapshotError
from driftd.runtime.pipeline import Outcome
from driftd.summarise.seam import Rejected
from driftd.values.batch import Batch
from driftd.values.keys import SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State


class Discovery(NamedTuple):
    """What a look at the source's metadata showed: new partitions with their starts, and leaderless ones."""

    new: Mapping[SourcePartition, int]
    unreachable: frozenset[SourcePartition]


class Lost(NamedTuple):
    """Records that were gone before they were read: the offsets from ``expected`` to ``actual`` - 1."""

    source: SourcePartition
    expected: int
    actual: int


class Source(Protocol):
    """Where records come from."""

    def poll(self) -> list[Batch]:
        """Return what has come, in batches of one source partition each; wait for a short while at most."""
        ...

    def take_gaps(self) -> Sequence[Lost]:
        """Return the gaps met since the last call; what the last poll returned lies behind them."""
        ...

    def discover(self) -> Discovery:
        """Return newly found partitions (once each) and the unreachable ones; never waits long."""
        ...

    def pause(self, sources: frozenset[SourcePartition]) -> None:
        """Pause exactly these partitions, and no others."""
        ...

    def commit(self, positions: Mapping[SourcePartition, int]) -> None:
        """Tell the source how far has been read, for others to see."""
        ...


class Store(Protocol):
    """Where snapshots go."""

    def save(self, records: Mapping[str, State]) -> None:
        """Replace the snapshot, all or nothing. Raises SnapshotError."""
        ...


class Owner(Protocol):
    """Whoever turns the engine."""

    def witness(self, outcome: Outcome) -> None:
        """Take note of what came to light, before it is in any snapshot and before anybody is told."""
        ...

    def missed(self, lost: Lost, unread: int) -> None:
        """Hear of a gap, and how many of its records had never been read."""
        ...

    def records(self) -> Mapping[str, State]:
        """Return what the owner wants to have in the snapshot, by names of its own."""
        ...

    def not_saved(self, error: SnapshotError) -> None:
        """Hear that a snapshot could not be saved; it is tried again at the next checkpoint."""
        ...

    def not_written(self, error: DataError) -> None:
        """Hear that the sink did not take documents; they are offered again at the next checkpoint."""
        ...


class Letters(Protocol):
    """Where rejected records go, as far as anybody wants them."""

    def restore(self, state: State) -> None:
        """Take up which letters were not written when the snapshot was saved."""
        ...

    def starts(self, ledgers: Iterable[Ledger]) -> dict[SourcePartition, int]:
        """Return where each partition must be read from: at its rewind, or earlier for letters not written yet."""
        ...

    def resume(self, batch: Batch) -> Batch | None:
        """Write again what of a batch was not written before a restart; return what the pipeline is to see."""
        ...

    def take(self, batch: Batch, rejected: Sequence[Rejected]) -> None:
        """Write the rejected records of a batch."""
        ...

    def poll(self) -> bool:
        """Take note of what was written; return whether the state has changed with it."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether any letter is not written yet."""
        ...

    def to_state(self) -> State:
        """Return which letters are not written yet."""
        ...


class NoLetters:
    """Where nobody wants rejected records."""

    def restore(self, state: State) -> None:
        """Do nothing."""

    def starts(self, ledgers: Iterable[Ledger]) -> dict[SourcePartition, int]:
        """Return the rewinds."""
        return {ledger.source: ledger.rewind for ledger in ledgers}

    def resume(self, batch: Batch) -> Batch | None:
        """Return the batch as it is."""
        return batch

    def take(self, batch: Batch, rejected: Sequence[Rejected]) -> None:
        """Do nothing."""

    def poll(self) -> bool:
        """Return that nothing has changed."""
        return False

    @property
    def waiting(self) -> bool:
        """Return that none is."""
        return False

    def to_state(self) -> State:
        """Return nothing."""
        return {}
