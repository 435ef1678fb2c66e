"""The effective configuration as YAML: durations with units, secrets masked."""

from typing import Any

import yaml

from driftd.config.model import Config
from driftd.values.secrets import masked


class _Plain(yaml.SafeDumper):
    """Lists on one line, mappings indented."""

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:  # noqa: ARG002, FBT001 -- PyYAML's signature
        """Write every list as ``[a, b]``."""
        return super().represent_sequence(tag, sequence, flow_style=True)


def to_yaml(document: Any) -> str:
    """Write plain data as YAML, keys in their given order."""
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


def effective_yaml(config: Config) -> str:
    """Return every setting in force, in a form that can be read back except for what is masked.

    The same configuration gives the same text; under ``models`` stands all that is in force for a model, also
    what it has from the common section.
    """
    document = config.model_dump(mode="json")
    if config.kafka is not None:
        for topic in document["kafka"]["topics"].values():
            topic["exclude"] = sorted(topic["exclude"])  # a set has no order
    for name, model in document["models"].items():
        model["incidents"] = config.incidents_of(name).model_dump(mode="json")
    return to_yaml(masked("", document))
