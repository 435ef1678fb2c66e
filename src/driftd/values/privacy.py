"""What of a column's values may be seen outside."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import reduce

_TOKEN = re.compile(r"#[0-9a-f]{16}")


class Shown(StrEnum):
    """How the values of a column appear in every output: as they are, as hashes, or not at all."""

    SHOW = "show"
    HASH = "hash"
    HIDE = "hide"


_BY_STRICTNESS = (Shown.SHOW, Shown.HASH, Shown.HIDE)


def stricter(one: Shown, other: Shown) -> Shown:
    """Return what shows less of the two."""
    return max(one, other, key=_BY_STRICTNESS.index)


def token_of(text_hash: int) -> str:
    """Return what stands for a text of this hash (values.hashing): ``#`` and its 16 hexadecimal digits."""
    return f"#{text_hash:016x}"


def is_token(text: str) -> bool:
    """Tell whether a text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def hash_in(token: str) -> int:
    """Return the hash that a token holds."""
    return int(token[1:], 16)


def names(setting: str, column: str) -> bool:
    """Tell whether the name in a setting is that of a column, of its vector, or ``prediction`` for a class."""
    return column == setting or column.startswith(f"{setting}[")


def shown_of(column: str, settings: Mapping[str, Shown]) -> Shown:
    """Return what a column's name may show by these settings: the strictest of those that name it."""
    return reduce(stricter, (shown for setting, shown in settings.items() if names(setting, column)), Shown.SHOW)
