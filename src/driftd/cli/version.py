"""``driftd version``."""

import json
import platform
from importlib.metadata import version as installed

import click

import driftd
from driftd.kafka.versions import librdkafka_version
from driftd.summarise.choice import kernel_in_use


def versions() -> dict[str, str]:
    """Return the versions that a report of a fault should name, and why the kernel is Python (empty for Rust)."""
    kernel = kernel_in_use()
    return {
        "driftd": driftd.__version__,
        "kernel": kernel.name,
        "kernel_reason": kernel.reason,
        "python": platform.python_version(),
        "confluent-kafka": installed("confluent-kafka"),
        "librdkafka": librdkafka_version(),
        "river": installed("river"),
        "numpy": installed("numpy"),
    }


@click.command(
    epilog="""\
Examples:
  driftd version
  driftd version --json""",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def version(*, as_json: bool) -> None:
    """Print the versions of driftd and of what it is built on; put them into a report of a fault."""
    found = versions()
    if as_json:
        click.echo(json.dumps(found))
        return
    if reason := found.pop("kernel_reason"):
        found["kernel"] += f" ({reason})"
    width = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name:<{width}}  {value}")
