"""Which settings are secret, told by their key alone: what is masked wherever settings or log lines are shown."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_SECRET = re.compile(r"passw|secret|token|credential|(^|[._-])key($|[._-])|^sasl\.|\.pem$|jaas", re.IGNORECASE)
#: Keys that match above and tell nothing: names of methods, and where a secret lies.
_OPEN = re.compile(r"^sasl\.mechanisms?$|[._-](location|file)$", re.IGNORECASE)
#: Mappings from the name of a secret to the file it is read from.
_FILES = "client_files"
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def is_secret(key: str) -> bool:
    """Tell whether the value under this key must not be shown."""
    return bool(_SECRET.search(key)) and not _OPEN.search(key)


def masked(key: str, value: Any) -> Any:
    """Return the value with everything secret in it replaced by ``***``.

    ``key`` is the last part of the value's path. Each leaf is judged by the nearest key above it: a mapping
    under a secret-looking name (a topic called ``tokens``) is searched, not hidden. In texts, a user name and
    password inside an address are masked.
    """
    if isinstance(value, Mapping):
        if key == _FILES:
            return dict(value)
        return {name: masked(str(name), inner) for name, inner in value.items()}
    if value is None:
        return None
    if is_secret(key):
        return MASK
    if isinstance(value, list | tuple):
        return [masked(key, inner) for inner in value]
    return _USER_INFO.sub(MASK, value) if isinstance(value, str) else value
