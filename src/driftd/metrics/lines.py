"""Lines of the page: a metric's name, its labels and a number, to the byte as prometheus_client writes them.

There may be 100,000 of them, and the loop waits while they are written. prometheus_client makes objects of each
sample, and sorts and escapes its labels each time; here the lines of one metric and monitor are written together.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from prometheus_client.utils import floatToGoString

from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.metric import Metric
from driftd.metrics.samples import Sample

#: Lines of the page, by name of the metric.
Lines = dict[str, bytes]
#: The values of a line's labels, escaped, in the order of the catalogue, and then the number.
Row = tuple[Any, ...]

_METRICS = {metric.name: metric for metric in CATALOGUE}


def escaped(value: str) -> str:
    """Return a label's value as it stands between the quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def lines_of(metric: Metric, rows: Iterable[Row], known: Sequence[str] = ()) -> bytes:
    """Return the lines of a metric; ``known`` are the values of its first labels in all of them, not escaped yet."""
    columns = tuple(zip(*rows, strict=True))
    if not columns:
        return b""
    *varying, figures = columns
    own = dict(zip(metric.labels[len(known) :], varying, strict=True))
    shared = {name: _literal(escaped(value)) for name, value in zip(metric.labels, known, strict=False)}
    labels = ",".join(f'{name}="{shared.get(name, "%s")}"' for name in sorted(metric.labels))
    template = f"{metric.name}{{{labels}}} %s\n" if labels else f"{metric.name} %s\n"
    values = zip(*(own[name] for name in sorted(own)), numbers(figures), strict=True)
    return "".join(map(template.__mod__, values)).encode()


def lines_of_samples(samples: Iterable[Sample]) -> Lines:
    """Return the lines of samples, those of a metric in their order."""
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for metric, labels, value in samples:
        rows[metric.name].append((*map(escaped, labels), value))
    return {name: lines_of(_METRICS[name], of_metric) for name, of_metric in rows.items()}


def numbers(figures: Iterable[float]) -> Iterator[str]:
    """Yield samples' values as prometheus_client writes them: the shortest digits that give the same number again.

    So does orjson, ten times faster, and in the same way but for what is not finite and what has an exponent.
    """
    values = tuple(map(float, figures))
    if values:
        texts = orjson.dumps(values).decode()[1:-1].split(",")
        for value, text in zip(values, texts, strict=True):
            yield text if 1e-4 <= abs(value) < 1e6 or value == 0 else _exactly(value)


def _exactly(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # the client library leaves it without types


def _literal(text: str) -> str:
    """Return a text as a part of a template."""
    return text.replace("%", "%%")
