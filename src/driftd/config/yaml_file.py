"""Reading the configuration file."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from driftd.errors import ConfigurationError


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe subset; a key that stands twice in a mapping is refused, not silently overwritten."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- PyYAML's signature
        """Build a mapping after looking for repeated keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands here a second time", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path, option: str) -> dict[str, Any]:
    """Read a file that holds one mapping; an empty file is an empty mapping.

    ``option`` names where the path was given, for the ConfigurationError raised when the file cannot be
    read, is not YAML, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 -- a SafeLoader
    except OSError as error:
        raise _refused(option, path, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _refused(option, path, f"must be UTF-8: byte {error.start} is not") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise _refused(option, path, f"must be YAML: {error.problem}{where}") from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise _refused(option, path, f"must be YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _refused(option, path, "must hold a mapping of sections such as kafka, windows and incidents")
    return document


def _refused(option: str, path: Path, expected: str) -> ConfigurationError:
    return ConfigurationError(option, str(path), expected)
