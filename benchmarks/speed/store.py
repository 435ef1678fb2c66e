"""What was measured, section by section, so that parts can be run and one page be written of all."""

import json
from pathlib import Path
from typing import Any

from proc_figures import load, machine
from speed.environments import CACHE
from speed.section import Result


class Store:
    """One file a section below .cache/bench; quick results lie apart."""

    def __init__(self, *, quick: bool) -> None:
        self._folder = CACHE / ("quick" if quick else "full")
        self._machine = machine()

    def keep(self, name: str, result: Result, load_before: str) -> None:
        """Write what was measured, in the place of an earlier result."""
        self._folder.mkdir(parents=True, exist_ok=True)
        record = {"machine": self._machine, "load": [load_before, load()], "result": result}
        self._file(name).write_text(json.dumps(record))

    def kept(self, name: str) -> dict[str, Any] | None:
        """Return the record of a section; None if there is none of this machine and these versions."""
        try:
            record: dict[str, Any] = json.loads(self._file(name).read_text())
        except FileNotFoundError:
            return None
        return record if record["machine"] == self._machine else None

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.json"
