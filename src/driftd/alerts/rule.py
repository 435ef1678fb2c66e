"""Rules of Prometheus as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: A rule or group as plain data, its keys in the order in which they are written.
Plain = dict[str, Any]


class Severity(StrEnum):
    """What becomes of an alert: somebody is woken, somebody looks at it in working hours, it is context."""

    PAGE = "page"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Record:
    """A recording rule."""

    name: str
    expr: str

    def plain(self, runbooks: str) -> Plain:  # noqa: ARG002 -- as alerts have it
        """Return it as Prometheus reads it."""
        return {"record": self.name, "expr": self.expr}


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule. ``pending`` and ``keep_firing`` are durations such as 5m; empty: none.

    Its labels never change while it fires: what does change stands in the annotations.
    """

    name: str
    expr: str
    severity: Severity
    summary: str
    description: str
    pending: str = ""
    keep_firing: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)  # further annotations, by name

    def plain(self, runbooks: str) -> Plain:
        """Return it as Prometheus reads it; ``runbooks`` is the address of the folder of runbooks."""
        rule: Plain = {"alert": self.name, "expr": self.expr}
        if self.pending:
            rule["for"] = self.pending
        if self.keep_firing:
            rule["keep_firing_for"] = self.keep_firing
        rule["labels"] = {"severity": str(self.severity), **self.labels}
        rule["annotations"] = {
            "summary": self.summary,
            "description": self.description,
            **self.links,
            "runbook_url": f"{runbooks}/{self.name}.md",
        }
        return rule


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Record | Alert, ...]

    def plain(self, runbooks: str) -> Plain:
        """Return it as Prometheus reads it."""
        return {"name": self.name, "rules": [rule.plain(runbooks) for rule in self.rules]}


#: Where the runbook of each alert lies, in a file of its name, unless users keep their own.
RUNBOOKS = "https://github.com/driftd/driftd/blob/main/docs/runbooks"
