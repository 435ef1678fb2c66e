"""config/reference.yaml, made from the settings classes: ``python -m driftd.config.document FILE``.

Every setting with its default, what it means, its type and the environment variable that sets it. The result
is itself a configuration that loads. A test fails when the file is stale.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from driftd.config.environment import variable_name
from driftd.config.model import Config
from driftd.config.schema import alternatives, element_in, is_duration, section_in, takes_none
from driftd.config.show import to_yaml
from driftd.values.settings import format_duration

HEADER = """\
# Every setting of driftd with its default. Generated from the code: python -m driftd.config.document FILE
# Each can also be set by the environment variable named beside it, which wins over the file.
"""

#: What stands for settings that have no default.
EXAMPLES: Mapping[tuple[str, ...], Any] = {
    ("kafka", "group_id"): "fraud-drift",
    ("kafka", "topics"): ["predictions"],
    ("delivery", "webhooks", "NAME", "url"): "https://oncall.example.org/drift",
}
#: Types that the classes do not tell: texts that are turned into something else when they are read.
TYPES: Mapping[tuple[str, ...], str] = {
    ("kafka", "start"): "earliest, latest or duration",
    ("kafka", "topics"): "list of names, or mapping of names to settings",
    ("kafka", "client"): "mapping of names to text, number, true or false",
}
NAME = "NAME"
WIDTH = 110

_WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path", NoneType: "null"}


def document() -> str:
    """Return the text of config/reference.yaml."""
    return HEADER + "".join(f"{line}\n" if line else "\n" for line in _section(Config, ()))


def _section(section: type[BaseModel], path: tuple[str, ...]) -> Iterator[str]:
    """Write the settings of a section, each under its comment."""
    indent = "  " * len(path)
    for name, field in section.model_fields.items():
        here = (*path, name)
        if not path:
            yield ""
        yield from _comment(indent, field.description or "")
        inner = section_in(field.annotation) if _is_subsection(field) else None
        if inner is not None and (not _is_off(field) or here in {example[:1] for example in EXAMPLES}):
            yield f"{indent}{name}:"
            yield from _section(inner, here)
            continue
        words = TYPES.get(here) or ("mapping of keys, or null" if inner else type_text(field))
        example = " · required, this is an example" if field.is_required() else ""
        yield from _comment(indent, f"{words} · {variable_name(here)}{example}")
        yield f"{indent}{to_yaml({name: _default(section, name, here)}).rstrip()}"
        if inner is not None:
            yield from _commented_out(indent, _section(inner, here), len(path) + 1)
        element = section_in(element_in(field.annotation, Mapping))
        if element is not None:
            yield f"{indent}#  {NAME}:"
            yield from _commented_out(indent, _section(element, (*here, NAME)), len(path) + 1)


def _comment(indent: str, text: str) -> Iterator[str]:
    return (f"{indent}# {line}" for line in wrap(text, WIDTH, break_long_words=False))


def _commented_out(indent: str, lines: Iterator[str], depth: int) -> Iterator[str]:
    """Turn lines that stand at a depth into comments one level deeper than ``indent``."""
    return (f"{indent}#  {line.removeprefix('  ' * depth)}" for line in lines)


def _is_subsection(field: FieldInfo) -> bool:
    """Tell a section of its own from a setting that may be written as a mapping too."""
    return all(member is NoneType or section_in(member) is not None for member in alternatives(field.annotation))


def _is_off(field: FieldInfo) -> bool:
    """Tell a section that is absent unless it is given."""
    return field.default is None and field.default_factory is None


def _default(section: type[BaseModel], name: str, path: tuple[str, ...]) -> Any:
    """Return a setting's default as it is written, or the example for one that has none."""
    field = section.model_fields[name]
    if field.is_required():
        return EXAMPLES[path]
    value = field.get_default(call_default_factory=True)
    return section.model_construct(**{name: value}).model_dump(mode="json", include={name}, warnings=False)[name]


def type_text(field: FieldInfo) -> str:
    """Say in words what a setting takes."""
    for mark in field.metadata:
        if isinstance(mark, WithJsonSchema) and mark.json_schema is not None:
            return str(mark.json_schema["title"])
    if is_duration(field):
        null = ", null" if takes_none(field.annotation) else ""
        return f"duration{null}{_bounds(field, format_duration)}"
    return _type_words(field.annotation) + _bounds(field, str)


def _type_words(annotation: Any) -> str:
    words = [_member_words(member) for member in alternatives(annotation)]
    return ", ".join(dict.fromkeys(words))


def _member_words(member: Any) -> str:
    if get_origin(member) is Literal:
        return " | ".join(map(str, get_args(member)))
    if (element := element_in(member, Mapping)) is not None:
        return f"mapping of names to {_type_words(element)}"
    if (element := element_in(member, Sequence)) is not None or (element := element_in(member, frozenset)) is not None:
        return f"list of {_type_words(element)}"
    section = section_in(member)
    if section is not None:
        return "{" + ", ".join(section.model_fields) + "}"
    return _WORDS.get(member, str(member))


def _bounds(field: FieldInfo, written: Callable[[Any], str]) -> str:
    """Name the least and the largest value."""
    signs = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    found = [
        f"{words} {written(bound)}"
        for mark in field.metadata
        for name, words in signs.items()
        if isinstance(bound := getattr(mark, name, None), int | float)
    ]
    return f" ({', '.join(found)})" if found else ""


def write(arguments: Sequence[str]) -> None:
    """Write the reference to the file named, or to standard output."""
    if arguments:
        Path(arguments[0]).write_text(document(), encoding="utf-8")
    else:
        sys.stdout.write(document())


if __name__ == "__main__":
    write(sys.argv[1:])
