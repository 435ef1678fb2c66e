"""Waiting for something to become true."""

import time
from collections.abc import Callable
from threading import Event

SECONDS = 60.0
STEP_SECONDS = 0.02


def wait_for(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Return as soon as a condition holds; fail after a deadline."""
    deadline = time.monotonic() + seconds
    pause = Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        pause.wait(STEP_SECONDS)
