"""Which settings are secret, told by their key alone: what is masked wherever settings or log lines are shown."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_SECRET = re.compile(
    r"passw|passphrase|secret|token|credential|authori[sz]ation|cookie|bearer"
    r"|(^|[._-])key($|[._-])|^sasl\.|\.pem$|jaas",
    re.IGNORECASE,
)
#: Keys that match above and tell nothing: names of methods, and where a secret lies.
_OPEN = re.compile(r"^sasl\.mechanisms?$|[._-](location|file)$", re.IGNORECASE)
#: Mappings from the name of a secret to the file it is read from.
_FILES = "client_files"
#: Mappings from a name of somebody's choice to a secret.
_SECRETS = "basic_auth_users"
_USER_INFO = re.compile(r"(?<=://)[^/?#\s]+(?=@)")  # to the last @: a password may hold one
_QUERY_VALUE = re.compile(r"(?<=[?&;])([^=&;\s]+)=[^&;#\s]+")
#: Keys of addresses of receivers: many services hide a secret in the path.
_RECEIVER = re.compile(r"^url$|webhook", re.IGNORECASE)
_BEHIND_HOST = re.compile(r"(?<=://)([^/?#\s]+)[/?#][^\s]+")


def is_secret(key: str) -> bool:
    """Tell whether the value under this key must not be shown."""
    return bool(_SECRET.search(key)) and not _OPEN.search(key)


def masked(key: str, value: Any) -> Any:
    """Return the value with everything secret in it replaced by ``***``.

    ``key`` is the last part of the value's path. Each leaf is judged by the nearest key above it: a mapping
    under a secret-looking name (a topic called ``tokens``) is searched, not hidden. In texts, a user name and
    password inside an address are masked, and what a query gives under a secret-looking name; of a receiver's
    address (``url``) only the host is shown.
    """
    if isinstance(value, Mapping):
        return _masked_mapping(key, value)
    if value is None:
        return None
    if is_secret(key) or key == _SECRETS:
        return MASK
    if isinstance(value, list | tuple):
        return [masked(key, inner) for inner in value]
    return _masked_text(key, value) if isinstance(value, str) else value


def _masked_mapping(key: str, value: Mapping[Any, Any]) -> dict[Any, Any]:
    if key == _FILES:
        return dict(value)
    if key == _SECRETS:
        return dict.fromkeys(value, MASK)
    return {name: masked(str(name), inner) for name, inner in value.items()}


def _masked_text(key: str, text: str) -> str:
    text = _USER_INFO.sub(MASK, text)
    if _RECEIVER.search(key) and not _OPEN.search(key):
        return _BEHIND_HOST.sub(rf"\1/{MASK}", text)
    return _QUERY_VALUE.sub(lambda found: f"{found[1]}={MASK}" if is_secret(found[1]) else found[0], text)
