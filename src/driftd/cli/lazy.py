"""A group of commands that are imported when they are needed, and what becomes of their errors."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from driftd.errors import ConfigurationError, DriftdError

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


class LazyGroup(click.Group):
    """Commands named in ``commands_help``, each an attribute of a module of its own name in ``package``.

    What a command raises on purpose becomes lines on stderr and an exit code: ConfigurationError 2, any
    other DriftdError 1, an interrupt 130. An ``Examples:`` epilog keeps its lines as they are written.
    """

    def __init__(self, *, package: str, commands_help: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._package = package
        self._help = commands_help
        self.epilog = verbatim(self.epilog)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """Return the names in the order in which they were given."""
        return list(self._help)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Import a command's module."""
        if cmd_name not in self._help:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"{self._package}.{name}"), name)
        keep_examples(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; an unknown one is answered with the one that was probably meant."""
        close = get_close_matches(args[0], self._help, n=1)
        if args[0] not in self._help and close and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; explain what it raises on purpose."""
        try:
            return super().invoke(ctx)
        except DriftdError as error:
            for line in str(error).splitlines():
                click.echo(f"driftd: error: {line}", err=True)
            ctx.exit(MISUSED if isinstance(error, ConfigurationError) else FAILED)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def verbatim(epilog: str | None) -> str | None:
    r"""Mark each paragraph of an epilog that starts with ``Examples:`` with click's ``\b``: do not wrap."""
    if epilog is None or not epilog.lstrip().startswith("Examples:"):
        return epilog
    return "\n\n".join(f"\b\n{paragraph}" for paragraph in epilog.strip("\n").split("\n\n"))


def keep_examples(command: click.Command) -> None:
    """Keep the lines of the examples of a command and of its subcommands."""
    command.epilog = verbatim(command.epilog)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            keep_examples(inner)
