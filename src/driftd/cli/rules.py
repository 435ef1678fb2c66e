"""``driftd rules``: the alerting rules for a configuration."""

import os
from pathlib import Path

import click

from driftd.alerts.daemon import daemon_rules, traffic_rules
from driftd.alerts.document import prometheus_rule, rule_file
from driftd.alerts.incidents import data_rules, incident_rules
from driftd.alerts.rule import RUNBOOKS, Group
from driftd.cli.output import write_file
from driftd.config.load import load_config
from driftd.config.model import Config


@click.command(
    name="rules",
    epilog="""\
Examples:
  driftd rules > driftd.rules.yaml
  driftd rules --config driftd.yaml -o /etc/prometheus/rules/driftd.rules.yaml
  driftd rules --config driftd.yaml --job fraud-drift | promtool check rules
  driftd rules --config driftd.yaml --kubernetes | kubectl apply -f -""",
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file.  [default: the one that DRIFTD_CONFIG names, else none]",
)
@click.option("--job", default="driftd", show_default=True, metavar="NAME", help="The scrape job of the daemons.")
@click.option(
    "--runbooks", default=RUNBOOKS, metavar="URL", help="Where the runbooks lie, if you keep your own (docs/runbooks)."
)
@click.option("--kubernetes", is_flag=True, help="Print a PrometheusRule of the Prometheus operator.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there instead."
)
def rules(path: Path | None, job: str, runbooks: str, output: Path | None, *, kubernetes: bool) -> None:
    """Print recording and alerting rules for Prometheus.

    They follow from the configuration where it matters: a rule for each model with `expect_every`, links under
    `http.external_url`, how late a checkpoint may be. What each is for, and how it reaches people: docs/alerts.md.
    """
    groups = _groups(load_config(path, os.environ), job)
    text = prometheus_rule(groups, runbooks, "driftd") if kubernetes else rule_file(groups, runbooks)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text.encode())


def _groups(config: Config, job: str) -> list[Group]:
    windows = config.windows
    expected = {name: model.expect_every for name, model in config.models.items() if model.expect_every is not None}
    groups = [
        incident_rules(config.http.external_url),
        data_rules(),
        daemon_rules(job, config.state.checkpoint_interval),
        traffic_rules(job, expected, windows.duration + windows.lateness + windows.idle_timeout),
    ]
    return [group for group in groups if group.rules]
