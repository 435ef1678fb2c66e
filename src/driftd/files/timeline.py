"""Event times of a table's rows: read, checked for order, or sorted."""

from collections.abc import Iterator

from driftd.errors import DataError
from driftd.files.chunk import Chunk, HeldTable, RawTable
from driftd.files.options import ReadOptions
from driftd.files.timestamps import TIME_FORMS, cell_time_ms, is_expressible


def times_ms(data: str, chunk: Chunk, options: ReadOptions) -> list[int]:
    """Return the time of each row; DataError naming the first row whose time cannot be read."""
    if options.timestamp is None:
        after_last = chunk.start + chunk.rows
        if not is_expressible(after_last * options.row_interval_ms):
            reason = f"rows {options.row_interval_ms} ms apart go on beyond the year 9999: take a shorter interval"
            raise DataError(data, reason, after_last - 1)
        return [at * options.row_interval_ms for at in range(chunk.start, after_last)]
    times = []
    for at, cell in enumerate(chunk.columns[options.timestamp], chunk.start):
        time = cell_time_ms(cell)
        if time is None:
            shown = "missing" if cell is None else f"{cell!r}"
            reason = f"the time in column {options.timestamp!r} is {shown}, expected {TIME_FORMS}"
            raise DataError(data, reason, at)
        times.append(time)
    return times


def in_order(raw: RawTable, options: ReadOptions) -> Iterator[tuple[Chunk, list[int]]]:
    """Yield the chunks with their rows' times; DataError naming the first row that is out of order."""
    newest: int | None = None
    for chunk in raw.chunks():
        times = times_ms(raw.name, chunk, options)
        for at, time in enumerate(times, chunk.start):
            if newest is not None and time < newest:
                reason = (
                    f"is not in time order by column {options.timestamp!r}: this row is earlier than the row before"
                )
                raise DataError(raw.name, f"{reason}; use --sort, or sort the file", at)
            newest = time
        yield chunk, times


def sorted_by_time(raw: RawTable, options: ReadOptions) -> RawTable:
    """Return the table with its rows in time order, rows of the same time as they stood. Holds all of it in memory."""
    if options.timestamp is None:
        return raw
    columns: dict[str, list[object]] = {name: [] for name in raw.columns}
    times: list[int] = []
    for chunk in raw.chunks():
        times += times_ms(raw.name, chunk, options)
        for name, cells in chunk.columns.items():
            columns[name] += cells
    order = sorted(range(len(times)), key=times.__getitem__)
    return HeldTable(raw, {name: [cells[at] for at in order] for name, cells in columns.items()})
