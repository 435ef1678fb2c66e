"""From pydantic's errors to sentences for the operator: which key, what stands there, what would be right."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from driftd.config.schema import is_duration, section_at
from driftd.errors import NO_VALUE, ConfigurationError
from driftd.values.secrets import masked
from driftd.values.settings import format_duration

Path = tuple[str | int, ...]

LONGEST_SHOWN = 200  # characters of a value


def combined(errors: Sequence[ConfigurationError]) -> ConfigurationError:
    """Return one error that lists all of them."""
    first = errors[0]
    return ConfigurationError(first.key, first.value, first.expected, tuple(errors[1:]))


def explain(
    root: type[BaseModel],
    error: ValidationError,
    trees: Sequence[Mapping[str, Any]],
    variables: Mapping[tuple[str, ...], str],
) -> ConfigurationError:
    """Translate a failed validation.

    ``trees`` are the nested values that were validated; they tell which parts of pydantic's locations are
    keys and which are names of union members. ``variables`` are the names of the environment variables that
    set a path. Several complaints about one path (the members of a union) become one.
    """
    complaints: dict[Path, list[ErrorDetails]] = {}
    values: dict[Path, Any] = {}
    for details in error.errors(include_url=False):
        path, value = _place(details, trees)
        complaints.setdefault(path, []).append(details)
        values[path] = value
    return combined([_sentence(root, path, values[path], found, variables) for path, found in complaints.items()])


def dotted(path: Iterable[str | int]) -> str:
    """Write a path as ``incidents.page_on[1]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _place(details: ErrorDetails, trees: Sequence[Any]) -> tuple[Path, Any]:
    """Keep the parts of a location that are keys in the values, or the name of what is missing; and what is there."""
    path: list[str | int] = []
    nodes = list(trees)
    for part in details["loc"]:
        below = [node[part] for node in nodes if _holds(node, part)]
        if below:
            path.append(part)
            nodes = below
    if details["type"] == "missing":
        return (*path, details["loc"][-1]), NO_VALUE
    return tuple(path), nodes[0]


def _holds(node: Any, part: str | int) -> bool:
    if isinstance(node, Mapping):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)


def _sentence(
    root: type[BaseModel],
    path: Path,
    value: Any,
    found: Sequence[ErrorDetails],
    variables: Mapping[tuple[str, ...], str],
) -> ConfigurationError:
    expected = ", or ".join(dict.fromkeys(_expected(root, path, details) for details in found))
    variable = next(
        (name for at, name in variables.items() if all(a == b for a, b in zip(at, path, strict=False))), None
    )
    source = f" (set by {variable})" if variable else ""
    shown = value if value is NO_VALUE else _short(masked(_last_name(path), value))
    return ConfigurationError(dotted(path), shown, f"{expected}{source}")


class _Beginning:
    """Stands in a ConfigurationError for a value that is too long to be shown whole."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return f"{self._shown}…"


def _short(value: Any) -> Any:
    shown = repr(value)
    return value if len(shown) <= LONGEST_SHOWN else _Beginning(shown[:LONGEST_SHOWN])


def _last_name(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")


#: What pydantic's types of error mean for the operator; ``{…}`` is filled from the error's context.
_EXPECTED = {
    "value_error": "{error}",
    "assertion_error": "{error}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "mapping_type": "must be a mapping of keys to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be text; put quotes around it",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
}


def _expected(root: type[BaseModel], path: Path, details: ErrorDetails) -> str:
    """Say what would be right."""
    kind, context = details["type"], details.get("ctx", {})
    field = _field(root, path)
    if kind == "extra_forbidden":
        return _unknown_key(root, path)
    if kind == "missing":
        return "a value is required" + (f": {field.description}" if field and field.description else "")
    if kind not in _EXPECTED:
        return details["msg"].replace("Input should be", "must be")
    if field is not None and is_duration(field):
        context = {name: format_duration(bound) for name, bound in context.items() if isinstance(bound, int)} or context
    return _EXPECTED[kind].format_map(context)


def _unknown_key(root: type[BaseModel], path: Path) -> str:
    """Say where the key stands that holds for all models, else which one may be meant."""
    common = path[2:]
    if path[0] == "models" and _field(root, common) is not None:
        return f"there is no such key for one model: {dotted(common)} holds for all"
    return f"there is no such key; {_keys_meant(root, path)}"


def _keys_meant(root: type[BaseModel], path: Path) -> str:
    """Name the known key that an unknown one resembles, else all that there are."""
    section = section_at(root, [str(part) for part in path[:-1]])
    known = list(section.model_fields) if section else []
    close = get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(known)}"


def _field(root: type[BaseModel], path: Path) -> FieldInfo | None:
    section = section_at(root, [str(part) for part in path[:-1]])
    return section.model_fields.get(str(path[-1])) if section and path else None
