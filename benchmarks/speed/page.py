"""The page of results, in Markdown: the bars first, then every section that there are figures of."""

from collections.abc import Iterator, Sequence

from proc_figures import machine
from speed.section import Section, table
from speed.store import Store


def page(sections: Sequence[Section], store: Store) -> str:
    """Write the page."""
    return "\n".join(_lines(sections, store))


def _lines(sections: Sequence[Section], store: Store) -> Iterator[str]:
    kept = [(section, record) for section in sections if (record := store.kept(section.name)) is not None]
    missing = [section.name for section in sections if store.kept(section.name) is None]
    yield f"""\
# Speed, memory, time to ready

Written by `make bench`. Figures of different machines cannot be compared. Whatever is compared takes turns and shares
the machine with the broker; shown are medians, with ranges in brackets.

Machine: {machine()}.
"""
    if missing:
        yield f"Not measured: {', '.join(missing)}.\n"
    yield "## Held against the budgets\n"
    rows = [
        (bar.budget, bar.measured, "met" if bar.is_met else "missed")
        for section, record in kept
        for bar in section.bars(record["result"])
    ]
    yield from table(("budget", "measured", ""), iter(rows))
    for section, record in kept:
        yield f"## {section.title}\n"
        yield from section.lines(record["result"])
        before, after = record["load"]
        yield f"Load averages of 1, 5 and 15 minutes: {before} before, {after} at the end.\n"
