"""What a summariser tells of made-up traffic, and the least of it of which two tell differently."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from kernel_profiles import Book
from kernel_traffic import SOURCE, Pass, Read, Tell, Traffic

from driftd.references.profile import Profile
from driftd.summarise.seam import Summariser
from kernels import Make


def told(make: Make, made_up: Traffic) -> list[Any]:
    """Return all that a summariser says on the way, step by step."""
    book = Book((None,))

    def find(model: str, version: str, start_ms: int) -> Profile | None:
        return book.find(model, version, start_ms)

    summariser: Summariser = make(SOURCE, made_up.topic, made_up.windows, made_up.limits, find)
    said: list[Any] = []
    for step in made_up.steps:
        match step:
            case Book():
                book = step
            case Read(batch, cursor):
                said.append(summariser.add(batch, cursor))
            case Pass(watermark_ms):
                said.append(summariser.passed(watermark_ms))
            case Tell(all=True):
                said.append(summariser.open_parts())
            case Tell():
                said.append(summariser.touched())
        said.append(summariser.least_first_offset())
    return said


def smallest(made_up: Traffic, fails: Callable[[Traffic], bool]) -> Traffic:
    """Leave out steps and records, one by one, as long as what is left still fails."""
    while (less := next(filter(fails, _with_one_less(made_up)), None)) is not None:
        made_up = less
    return made_up


def _with_one_less(made_up: Traffic) -> Iterator[Traffic]:
    steps = list(made_up.steps)
    for at, step in enumerate(steps):
        yield replace(made_up, steps=[*steps[:at], *steps[at + 1 :]])
        if isinstance(step, Read):
            for record in range(len(step.batch.values)):
                yield replace(made_up, steps=[*steps[:at], _without(step, record), *steps[at + 1 :]])


def _without(read: Read, record: int) -> Read:
    batch = read.batch
    left = [at for at in range(len(batch.values)) if at != record]
    offsets, values = [batch.offsets[at] for at in left], [batch.values[at] for at in left]
    timestamps_ms = [batch.timestamps_ms[at] for at in left] if batch.timestamps_ms else ()
    return replace(read, batch=replace(batch, offsets=offsets, values=values, timestamps_ms=timestamps_ms))
