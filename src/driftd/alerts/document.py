"""Groups of rules as YAML: a rule file, or a PrometheusRule for the operator."""

from collections.abc import Sequence
from typing import Any

import yaml

from driftd.alerts.rule import Group

_HEADER = "# Written by `driftd rules`; docs/alerts.md says what each rule is for.\n"


class _Readable(yaml.SafeDumper):
    """Texts of several lines as blocks, lists indented, no references."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 -- PyYAML's signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 -- PyYAML's signature
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


def rule_file(groups: Sequence[Group], runbooks: str) -> str:
    """Return the file that Prometheus loads by ``rule_files``."""
    return _HEADER + _written({"groups": [group.plain(runbooks) for group in groups]})


def prometheus_rule(groups: Sequence[Group], runbooks: str, name: str) -> str:
    """Return the same groups as a PrometheusRule of the Prometheus operator."""
    return _HEADER + _written(
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/name": name}},
            "spec": {"groups": [group.plain(runbooks) for group in groups]},
        }
    )


def _written(document: Any) -> str:
    return yaml.dump(document, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=110)
