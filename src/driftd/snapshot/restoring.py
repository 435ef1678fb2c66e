"""What becomes of a snapshot that is whole, and holds what nothing can be restored from."""

from collections.abc import Iterator
from contextlib import contextmanager

from driftd.errors import SnapshotUnusable

REMEDY = "restore an older copy, or start afresh with `driftd state reset`"

#: What reading plain data of an unexpected form raises, in whatever stage.
_OF_ANOTHER_FORM = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


@contextmanager
def restoring(path: str) -> Iterator[None]:
    """Turn what goes wrong while the memory is taken back from records into SnapshotUnusable, naming the file.

    A DriftdError passes: it says more.
    """
    try:
        yield
    except _OF_ANOTHER_FORM as error:
        said = " ".join(str(error).split())[:200]
        reason = f"is whole, but holds what this release cannot restore ({type(error).__name__}: {said})"
        raise SnapshotUnusable(path, reason, REMEDY) from error
