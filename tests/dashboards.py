"""The shipped Grafana dashboards, and what of Grafana it takes to run their queries without it."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Document = dict[str, Any]

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
FILES = {path.stem: path for path in sorted(FOLDER.glob("*.json"))}

_SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^{}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")
_LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Selector:
    """A metric in a query, and its matchers: label, operator, value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a panel or an annotation, and where it stands: ``Lag A``, ``annotation Onsets``."""

    place: str
    expression: str
    legend: str
    instant: bool

    @property
    def selectors(self) -> list[Selector]:
        """The metrics in it."""
        return selectors(self.expression)


@dataclass(frozen=True, slots=True)
class Choices:
    """A variable's query: the series it looks at, and the label whose values can be chosen."""

    series: str
    label: str


def load(name: str) -> Document:
    """Read a dashboard."""
    document: Document = json.loads(FILES[name].read_text(encoding="utf-8"))
    return document


def panels(document: Document) -> list[Document]:
    """Return the panels that show something: all but the titles of rows."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def annotations(document: Document) -> list[Document]:
    """Return the annotations that come from metrics."""
    return [annotation for annotation in document["annotations"]["list"] if "expr" in annotation]


def queries(document: Document) -> Iterator[Query]:
    """Yield the queries of all panels and annotations."""
    for panel in panels(document):
        for target in panel["targets"]:
            place = f"{panel['title']} {target['refId']}"
            yield Query(place, target["expr"], target["legendFormat"], target["instant"])
    for annotation in annotations(document):
        text = annotation["titleFormat"] + annotation["textFormat"]
        yield Query(f"annotation {annotation['name']}", annotation["expr"], text, instant=False)


def links(panel: Document) -> Iterator[Document]:
    """Yield a panel's links, those of single fields included."""
    config = panel["fieldConfig"]
    yield from config["defaults"]["links"]
    for override in config["overrides"]:
        for one in override["properties"]:
            if one["id"] == "links":
                yield from one["value"]


def variables(document: Document) -> list[Document]:
    """Return the variables, in the order in which Grafana asks for their values."""
    return list(document["templating"]["list"])


def choices(variable: Document) -> Choices | None:
    """Return what a variable offers; None for one that Prometheus is not asked about."""
    if variable["type"] != "query":
        return None
    found = _LABEL_VALUES.fullmatch(variable["query"]["query"])
    assert found is not None, variable["query"]
    return Choices(*found.groups())


def selectors(expression: str) -> list[Selector]:
    """Return the metrics of an expression."""
    return [Selector(name, tuple(_MATCHER.findall(matchers))) for name, matchers in _SELECTOR.findall(expression)]


def variables_in(text: str) -> set[str]:
    """Return the names of the variables in a text, Grafana's own (``__range``) included."""
    return {braced or plain for braced, plain in _VARIABLE.findall(text)}


def filled(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of variables; every variable must have one."""
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], text)


def in_pattern(value: str) -> str:
    """Return a value as Grafana puts it into a matcher with ``=~``: escaped for the pattern and for the string."""
    return re.sub(r"([\\^$.*+?()\[\]{}|])", r"\\\\\1", value)
