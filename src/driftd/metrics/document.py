"""docs/metrics.md, made from the catalogue: ``python -m driftd.metrics.document FILE``.

A test fails when the file is stale.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from driftd.metrics.catalogue import CATALOGUE
from driftd.metrics.metric import Metric, Source

HEADER = """\
# Metrics

Generated from the catalogue: `python -m driftd.metrics.document docs/metrics.md`. All are served at `/metrics`, as text
or OpenMetrics; `process_*` metrics come on top. Units are seconds and bytes, ratios lie between 0 and 1. Counters start
at zero with the process; monitors appear once the state is restored. Times of events are event time unless said
otherwise.

A monitor is one `model`, `version` and `segment`: `version="none"` and `segment="all"` where not given. Everything that
can be counted adds up: `driftd_events_read_total` = observed + late + rejected + pending, for every topic, at every
scrape.

## Which series there are

What is known from the start is there from the start, at zero: every reason of every topic, every receiver, every
state. A monitor's series begin with its first closed window and end when it is forgotten (`limits.expire_after`);
evidence, its threshold and the figures of columns begin with the first one that closes in this process.
`driftd_detections_total` begins with the first detection of its kind: there are too many kinds to show them all.

`metrics.columns` says which columns have series of their own (those listed under Columns, below): `all`; `suspects`,
which are those in state `drift` or `suspect` and the suspects of an incident that is shown, open or ended within the
hour; or `none`. Series that this leaves out are not counted as shed.

`limits.series` bounds the page. It counts every sample on it: the daemon's, `process_*`, monitors, incidents, columns.
Beyond it series of columns are shed, and nothing else is:

1. `driftd_detections_total`,
2. then `driftd_column_distance` and `driftd_column_detectable_shift`,
3. then what is left of a column: its state, evidence, shift and ratios.

Of a group that does not fit as a whole the foremost columns keep theirs: those in state `drift`, then those that are
`suspect` or among the suspects of a shown incident, then the others, those with `no_data` last; of equal ones by model,
version and segment, then in the order of the profile. A column keeps its series of a group all or not at all. So the
same series are on every page until a monitor comes or goes, a reference is replaced, a column changes its state, has
its first window or a new kind of detection. `driftd_series_shed` says how many are missing. If the series of monitors,
partitions and incidents alone exceed the limit, they all stay: lower `limits.monitors`.
"""


def document() -> str:
    """Return the text of docs/metrics.md."""
    return "\n".join([HEADER, *(line for source in Source for line in _section(source))]).rstrip() + "\n"


def _section(source: Source) -> Iterator[str]:
    metrics = [metric for metric in CATALOGUE if metric.source is source]
    yield f"## {source}\n"
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in metrics:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{metric.name}` | {metric.type} | {labels} | {metric.help} |"
    yield ""
    yield from _closed_sets(metrics)


def _closed_sets(metrics: Sequence[Metric]) -> Iterator[str]:
    """List the values of labels that take them from a closed set."""
    sets: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for metric in metrics:
        for label, values in metric.values.items():
            sets.setdefault((label, values), []).append(metric.name)
    for (label, values), names in sets.items():
        listed = ", ".join(f"`{value}`" for value in values)
        where = "" if label == "role" else f" of {' and '.join(f'`{name}`' for name in names)}"
        yield f"* `{label}`{where}: {listed}"
    if sets:
        yield ""


def write(arguments: Sequence[str]) -> None:
    """Write the page to the file named, or to standard output."""
    if arguments:
        Path(arguments[0]).write_text(document(), encoding="utf-8")
    else:
        sys.stdout.write(document())


if __name__ == "__main__":
    write(sys.argv[1:])
