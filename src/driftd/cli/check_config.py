"""``driftd check-config``: what would be in force."""

import os
from pathlib import Path

import click

from driftd.config.load import load_config
from driftd.config.show import effective_yaml


@click.command(
    name="check-config",
    epilog="""\
Examples:
  driftd check-config --config driftd.yaml
  DRIFTD_WINDOWS__DURATION=5m driftd check-config --config driftd.yaml
  DRIFTD_CONFIG=driftd.yaml driftd check-config > effective.yaml""",
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file.  [default: the one that DRIFTD_CONFIG names, else none]",
)
def check_config(path: Path | None) -> None:
    """Check the configuration that `driftd run` would have, and print every setting in force as YAML.

    Settings come from the file, and over it from variables such as DRIFTD_WINDOWS__DURATION. Secrets are
    masked. Whatever is wrong is listed on stderr, one line each, with exit code 2.
    """
    config = load_config(path, os.environ)
    config.source()
    click.echo(effective_yaml(config), nl=False)
