"""A pace as the plain figures that are kept of it."""

from proc_figures import Pace

Figures = dict[str, float]


def figures(pace: Pace) -> Figures:
    """Return events per second, CPU microseconds per event by whose they are, and what others took of the machine."""
    return {
        "events": pace.events,
        "rate": pace.rate,
        "python_us": pace.micros(pace.python_cpu),
        "client_us": pace.micros(pace.client_cpu),
        "broker_us": pace.micros(pace.broker_cpu),
        "own_us": pace.micros(pace.cpu),
        "total_us": pace.micros(pace.cpu + pace.broker_cpu),
        "others": pace.cores_of_others,
    }
