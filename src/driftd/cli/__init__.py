"""The command line. Each command is a module of its own, imported when it is called: start-up stays quick."""

import click

from driftd.cli.lazy import LazyGroup

#: Every command with its one line of help, in the order in which ``driftd --help`` lists them.
COMMANDS = {
    "run": "Watch the events of a Kafka cluster and serve what is found.",
    "demo": "Watch a made-up model drift, without any server.",
    "profile": "Build the reference profile of a model's training data.",
    "replay": "Run the daemon's stages over a file or a span of a topic.",
    "check-config": "Check the configuration and print what is in force.",
    "rules": "Print alerting rules for Prometheus.",
    "incidents": "List the incidents of a running daemon, and accept a new normal.",
    "probe": "Ask a running daemon whether it is alive.",
    "state": "Inspect or reset the state that survives a restart.",
    "version": "Print the versions of driftd and of what it is built on.",
}


@click.group(
    cls=LazyGroup,
    package="driftd.cli",
    commands_help=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\
Examples:
  driftd demo --seconds 60
  driftd profile training.parquet --model fraud --version 3 -o references/fraud-3.json
  driftd check-config --config driftd.yaml
  driftd run --config driftd.yaml

Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 a negative verdict, 130 interrupted.""",
)
def main() -> None:
    """Watch the events of models in production, and page when their data drift."""
