"""What of a column's values may be seen outside."""

from enum import StrEnum


class Shown(StrEnum):
    """How the values of a column appear in every output: as they are, as hashes, or not at all."""

    SHOW = "show"
    HASH = "hash"
    HIDE = "hide"
