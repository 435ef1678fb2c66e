"""YAML as settings are written in it: its safe subset, no key twice, and bounds for what it may unfold to."""

import re
from collections.abc import Hashable
from itertools import chain
from typing import Any, NamedTuple

import yaml

MAX_CHARACTERS = 2**20
MAX_DEPTH = 32
MAX_VALUES = 50_000  # with every alias written out

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_INTEGERS = range(-(2**63), 2**64)
#: What PyYAML's own constructors raise for a scalar that is not of its type, such as ``2026-13-45``.
_NOT_OF_ITS_TYPE = (ValueError, KeyError, IndexError, AttributeError, OverflowError)


class _Size(NamedTuple):
    """What a node is with every alias in it written out."""

    values: int
    depth: int


_SCALAR = _Size(1, 1)


class _Loader(yaml.SafeLoader):
    """Measures while nodes are composed: nothing is built of a document that is too large written out."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._composed = 0
        self._sizes: dict[int, _Size] = {}  # of the nodes that are whole, by identity

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node, unless it lies too deep, unfolds to too much, or holds itself."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        self._depth += 1
        self._composed += 1
        if self._depth > MAX_DEPTH:
            raise _too_deep(event.start_mark)
        if self._composed > MAX_VALUES:
            raise _too_many(event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent) and id(node) not in self._sizes:
            raise _refused("an alias stands for what it lies in", event.start_mark)
        if node is not None and id(node) not in self._sizes:
            self._sizes[id(node)] = self._measure(node)
        return node

    def _measure(self, node: yaml.Node) -> _Size:
        if not isinstance(node, yaml.CollectionNode):
            return _SCALAR
        inner = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        sizes = [self._sizes[id(value)] for value in inner]
        size = _Size(1 + sum(size.values for size in sizes), 1 + max((size.depth for size in sizes), default=0))
        if size.values > MAX_VALUES:
            raise _too_many(node.start_mark)
        if size.depth > MAX_DEPTH:
            raise _too_deep(node.start_mark)
        return size

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 -- PyYAML's signature
        """Build a value; refuse a scalar that is not of its type, or that nothing else could hold."""
        if not isinstance(node, yaml.ScalarNode):
            return super().construct_object(node, deep=deep)
        try:
            value: Any = super().construct_object(node, deep=deep)
        except _NOT_OF_ITS_TYPE:
            raise _refused(f"what is written here is no {node.tag.rpartition(':')[2]}", node.start_mark) from None
        if isinstance(value, str) and _NO_TEXT.search(value):
            raise _refused("a text with a null character or half a surrogate pair", node.start_mark)
        if type(value) is int and value not in _INTEGERS:
            raise _refused("a whole number of more than 64 bits", node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- PyYAML's signature
        """Build a mapping after looking for repeated keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise _refused(f"the key {key.value!r} stands here a second time", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load_yaml(text: str) -> Any:
    """Return the document; ValueError says in one line what is no YAML or too much of it, and where.

    A key that stands twice in a mapping is refused, not silently overwritten. Whatever the text, the time
    and memory taken are bounded by ``MAX_CHARACTERS`` and ``MAX_VALUES``. The document's texts are sound
    Unicode without null characters, and its integers fit into 64 bits.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"must be YAML of at most {MAX_CHARACTERS} characters")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"must be YAML: {error.problem}{where}") from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise ValueError(f"must be YAML: {' '.join(str(error).split())}") from None


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(None, None, problem, mark)


def _too_deep(mark: Any) -> yaml.MarkedYAMLError:
    return _refused(f"nested deeper than {MAX_DEPTH} levels, aliases written out", mark)


def _too_many(mark: Any) -> yaml.MarkedYAMLError:
    return _refused(f"more than {MAX_VALUES} values, aliases written out", mark)
