"""Looking at settings classes: which sections, mappings and lists lie under a key."""

import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from driftd.values.settings import parse_duration_ms


def alternatives(annotation: Any) -> list[Any]:
    """Return the members of a union, or the type itself; Annotated and type aliases are unwrapped."""
    annotation = getattr(annotation, "__value__", annotation)  # ``type X = …`` and TypeAliasType
    if get_origin(annotation) is Annotated:
        return alternatives(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [inner for member in get_args(annotation) for inner in alternatives(member)]
    return [annotation]


def section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a type is or may be."""
    for member in alternatives(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            return member
    return None


def element_in(annotation: Any, container: type) -> Any | None:
    """Return the type of a mapping's values or a sequence's items, None where it is neither."""
    for member in alternatives(annotation):
        origin = get_origin(member)
        if isinstance(origin, type) and issubclass(origin, container):
            arguments = [argument for argument in get_args(member) if argument is not Ellipsis]
            return arguments[-1] if arguments else Any
    return None


def takes_structure(annotation: Any) -> bool:
    """Tell whether a setting may be a mapping or a list, so that its text form has to be read as YAML."""
    return (
        section_in(annotation) is not None
        or element_in(annotation, Mapping) is not None
        or element_in(annotation, Sequence) is not None
    )


def takes_none(annotation: Any) -> bool:
    """Tell whether a setting may be null."""
    return type(None) in alternatives(annotation)


def section_at(root: type[BaseModel], path: Iterable[str]) -> type[BaseModel] | None:
    """Return the section that lies at a path of keys, None where there is no section."""
    annotation: Any = root
    for part in path:
        section = section_in(annotation)
        if section is not None and part in section.model_fields:
            annotation = section.model_fields[part].annotation
        else:
            annotation = element_in(annotation, Mapping)
    return section_in(annotation)


def is_duration(field: FieldInfo) -> bool:
    """Tell whether a setting is written with a unit of time and held in milliseconds, where it is not null."""
    of_members = (mark for member in get_args(field.annotation) for mark in getattr(member, "__metadata__", ()))
    return any(getattr(mark, "func", None) is parse_duration_ms for mark in (*field.metadata, *of_members))
