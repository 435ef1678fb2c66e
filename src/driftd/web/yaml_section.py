"""One mapping of a YAML file, read key by key, so that a key nobody asked for is noticed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from driftd.errors import NO_VALUE, ConfigurationError
from driftd.values.secrets import MASK, masked

T = TypeVar("T")


@dataclass(slots=True)
class YamlSection:
    """The values of a mapping. ``path`` stands before each key in a ConfigurationError, which every method raises.

    Null and the empty text are no value.
    """

    path: str
    values: Mapping[Any, Any]
    asked: set[str] = field(default_factory=set)

    def wrong(self, key: Any, expected: str, shown: object = None) -> ConfigurationError:
        """Return the error about a key; ``shown`` stands for the value where that must not be seen."""
        value = self.values.get(key)
        if shown is None:
            shown = NO_VALUE if value is None else masked(str(key), value)
        return ConfigurationError(self.path if key == self.path else self._below(key), shown, expected)

    def section(self, key: str) -> "YamlSection":
        """Return the mapping under a key, empty where there is none."""
        below = self._value(key)
        if not isinstance(below, dict | None):
            raise self.wrong(key, "must be a mapping of keys to values")
        return YamlSection(self._below(key), below or {})

    def text(self, key: str) -> str:
        """Return a text, empty where there is none."""
        value = self._value(key)
        if not isinstance(value, str | None):
            raise self.wrong(key, "must be text; put quotes around it")
        return value or ""

    def texts(self, key: str) -> list[str]:
        """Return a list of texts."""
        value = self._value(key) or []
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self.wrong(key, "must be a list of texts")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self._value(key)
        if not isinstance(value, bool | None):
            raise self.wrong(key, "must be true or false")
        return default if value is None else value

    def one_of(self, key: str, known: Mapping[str, T], default: str) -> T:
        """Return what the text stands for."""
        name = self.text(key) or default
        if name not in known:
            raise self.wrong(key, f"must be {' or '.join(known)}")
        return known[name]

    def refuse(self, unsupported: Mapping[str, str]) -> None:
        """Refuse keys that others know, each with the reason."""
        for key, reason in unsupported.items():
            if self._value(key) is not None:
                raise self.wrong(key, reason)

    def nothing_else(self) -> None:
        """Refuse every key that was not asked for; its value may be a secret in the wrong place."""
        for key in self.values:
            if key not in self.asked:
                close = get_close_matches(str(key), sorted(self.asked), n=1)
                meant = f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(self.asked))}"
                raise self.wrong(key, f"there is no such key; {meant}", MASK)

    def _below(self, key: Any) -> str:
        return f"{self.path}{key}" if self.path.endswith(" ") else f"{self.path}.{key}"

    def _value(self, key: str) -> Any:
        self.asked.add(key)
        return self.values.get(key)
