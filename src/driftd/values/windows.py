"""Spans of event time, in integer milliseconds since the epoch, and the settings that cut them."""

from typing import NamedTuple


class Window(NamedTuple):
    """A half-open span [start_ms, end_ms) of event time."""

    start_ms: int
    end_ms: int


def window_at(event_ms: int, duration_ms: int) -> Window:
    """Return the window of the fixed grid (aligned to the epoch) in which an event time lies."""
    start_ms = event_ms // duration_ms * duration_ms
    return Window(start_ms, start_ms + duration_ms)
