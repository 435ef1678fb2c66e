"""A process of the daemon without Kafka: a pipeline and the observatory that looks at it."""

from io import StringIO
from typing import Any

import orjson
from runtime_doubles import (
    P0,
    START,
    TOPIC,
    FakeClock,
    batch,
    book_of,
    config_of,
    pipeline_of,
)

from driftd.config.model import Config
from driftd.logs.settings import LogSettings
from driftd.logs.stream import open_log
from driftd.references.profile import Profile
from driftd.runtime.observatory import Board, Observatory
from driftd.runtime.pipeline import Pipeline
from driftd.runtime.records import restore, to_records
from driftd.values.keys import ColumnKey, MonitorKey, Role, SourcePartition
from driftd.values.part import Ledger
from driftd.values.state import State
from driftd.values.verdict import ColumnState
from driftd.values.view import DaemonView, MonitorView

AMOUNT, COLOUR = ColumnKey(Role.FEATURE, "amount"), ColumnKey(Role.FEATURE, "colour")
FRAUD, ADS = MonitorKey("fraud", "1"), MonitorKey("ads", "1")


class Process:
    """A pipeline that reads P0 and its observatory, from the first start to a restart."""

    def __init__(
        self,
        snapshot: dict[str, State] | None = None,
        *,
        wall_ms: int = START,
        config: Config | None = None,
        profiles: tuple[Profile, ...] = (),
    ) -> None:
        self.clock = FakeClock(wall_ms)
        self.board = Board(self.clock)
        self.config = config or config_of()
        self.pipeline: Pipeline = pipeline_of(self.config, book_of(*profiles))
        self.log = StringIO()
        log = open_log(LogSettings(), now=lambda: 0.0, monotonic=lambda: 0.0, stream=self.log)
        self.observatory = Observatory(self.pipeline, self.board, self.config.incidents_of, snapshot, log.logger)
        ledgers = [Ledger(P0, 0, 0)] if snapshot is None else restore(self.pipeline, snapshot, {TOPIC}, 0)
        self.pipeline.start(ledgers, 0)
        self.observatory.started()
        self.position = ledgers[0].rewind

    def read(self, *values: bytes) -> None:
        """Read events and take note of what comes to light."""
        outcome = self.pipeline.read(batch(values, first=self.position), 0)
        self.position += len(values)
        if outcome:
            self.observatory.witness(outcome)

    def snapshot(self) -> dict[str, State]:
        """Return the snapshot's records, as bytes would hold them."""
        records: dict[str, State] = orjson.loads(
            orjson.dumps({**to_records(self.pipeline), **self.observatory.records()})
        )
        return records

    def view(self, **more: Any) -> DaemonView:
        """Publish a picture, and return it."""
        nothing: frozenset[SourcePartition] = frozenset()
        given = {"lag": {}, "paused": nothing, "unreachable": nothing, "references": (1, 0), **more}
        self.observatory.publish(**given)
        return self.board.view

    def monitor(self, key: MonitorKey = FRAUD) -> MonitorView:
        """Publish a picture, and return a monitor's."""
        return next(monitor for monitor in self.view().monitors if monitor.key == key)

    def logged(self) -> list[dict[str, Any]]:
        """The log's lines."""
        return [orjson.loads(line) for line in self.log.getvalue().splitlines()]


def states(monitor: MonitorView) -> dict[ColumnKey, ColumnState]:
    """The states of a monitor's columns."""
    return {column.key: column.state for column in monitor.columns}
