"""Reading the configuration file."""

from pathlib import Path
from typing import Any

from driftd.errors import ConfigurationError
from driftd.values.bounded_yaml import MAX_CHARACTERS, load_yaml

_UTF8_BYTES = 4  # of one character, at most


def read_yaml(path: Path, option: str) -> dict[str, Any]:
    """Read a file that holds one mapping; an empty file is an empty mapping.

    ``option`` names where the path was given, for the ConfigurationError raised when the file cannot be
    read, is not YAML, is too large, or holds something else.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CHARACTERS * _UTF8_BYTES + 1)  # a device has no end
        document = load_yaml(data.decode("utf-8"))
    except OSError as error:
        raise _refused(option, path, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _refused(option, path, f"must be UTF-8: byte {error.start} is not") from None
    except ValueError as error:
        raise _refused(option, path, str(error)) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _refused(option, path, "must hold a mapping of sections such as kafka, windows and incidents")
    for name in document:
        if not isinstance(name, str):
            raise _refused(option, path, f"must hold sections such as kafka, windows and incidents; {name!r} is none")
    return document


def _refused(option: str, path: Path, expected: str) -> ConfigurationError:
    return ConfigurationError(option, str(path), expected)
