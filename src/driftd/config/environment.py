"""Settings from environment variables: ``DRIFTD_SECTION__KEY``."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from driftd.config.schema import element_in, section_in, takes_none, takes_structure
from driftd.errors import NO_VALUE, ConfigurationError
from driftd.values.bounded_yaml import MAX_DEPTH, load_yaml
from driftd.values.secrets import masked

PREFIX = "DRIFTD_"
SEPARATOR = "__"
#: Mappings whose keys are librdkafka's properties: ``SASL_PASSWORD`` stands for ``sasl.password``.
_PROPERTIES = {("kafka", "client"), ("kafka", "client_files")}

_UNDECODED = re.compile("[\ud800-\udfff]")  # how Python shows bytes of the environment that are not UTF-8
_NAME_SHOWN = 80


class Variable(NamedTuple):
    """One variable: its name, the path of keys it sets, its value, and the type of the setting (None: unknown)."""

    name: str
    path: tuple[str, ...]
    value: Any


def variable_name(path: tuple[str, ...]) -> str:
    """Return the name of the variable that sets a path of keys."""
    return PREFIX + SEPARATOR.join(part.upper() for part in path)


def read_variables(root: type[BaseModel], env: Mapping[str, str]) -> list[Variable]:
    """Read the variables that set something, by name.

    Only names with ``__`` behind the prefix are settings: Kubernetes puts ``DRIFTD_PORT`` and the like into
    the environment of pods beside a Service called driftd. Names of settings are matched without regard to
    case, names that the operator has chosen (a model's) exactly. Where a setting takes a list or a mapping,
    the value is read as YAML; elsewhere it is text, and ``null`` stands for none where that is allowed.
    Raises ConfigurationError for a value that is not UTF-8, and for a name of more parts than settings nest.
    """
    names = sorted(name for name in env if name.upper().startswith(PREFIX) and SEPARATOR in name[len(PREFIX) :])
    return [_read(root, name, env[name]) for name in names]


def as_tree(variables: list[Variable]) -> dict[str, Any]:
    """Nest the values by their paths; a deeper path wins over what a shorter one set there."""
    tree: dict[str, Any] = {}
    for variable in sorted(variables, key=lambda v: len(v.path)):
        node = tree
        for part in variable.path[:-1]:
            inner = node.get(part)
            node[part] = dict(inner) if isinstance(inner, Mapping) else {}
            node = node[part]
        node[variable.path[-1]] = variable.value
    return tree


def _read(root: type[BaseModel], name: str, text: str) -> Variable:
    """Follow a variable's name through the sections."""
    annotation: Any = root
    path: tuple[str, ...] = ()
    parts = name[len(PREFIX) :].split(SEPARATOR)
    if len(parts) > MAX_DEPTH:
        shown = f"{ascii(name[:_NAME_SHOWN])[1:-1]}…"
        raise ConfigurationError(shown, NO_VALUE, "there is no such key: settings do not nest so deep")
    if _UNDECODED.search(name + text):
        raise ConfigurationError(ascii(name)[1:-1], masked(parts[-1], text), "must be UTF-8")
    for part in parts:
        section = section_in(annotation)
        if section is not None and part.lower() in section.model_fields:
            path += (part.lower(),)
            annotation = section.model_fields[part.lower()].annotation
        elif section is None and (element := element_in(annotation, Mapping)) is not None:
            path += (part.lower().replace("_", ".") if path in _PROPERTIES else part,)
            annotation = element
        else:  # an unknown key: left for validation to refuse with its path
            path += (part.lower(),)
            annotation = None
    return Variable(name, path, _value(annotation, text))


def _value(annotation: Any, text: str) -> Any:
    if annotation is not None and takes_none(annotation) and text == "null":
        return None
    if annotation is None or not takes_structure(annotation):
        return text
    try:
        return load_yaml(text)
    except ValueError:
        return text  # not a list or mapping then: validation says what would be right
