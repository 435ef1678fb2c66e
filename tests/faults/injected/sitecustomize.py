"""Python runs this before the daemon where the folder is on PYTHONPATH: a disk whose fsync takes its time."""

import os
import time
from typing import Any

_fsync = os.fsync
_seconds = float(os.environ.get("FAULTS_FSYNC_SECONDS", "0"))


def _slow_fsync(fd: Any) -> None:
    time.sleep(_seconds)
    _fsync(fd)


os.fsync = _slow_fsync
