"""The `pinnace` command: finds a subcommand in the table and imports only that one."""

import importlib
import sys

import click

from pinnace import __version__
from pinnace.cli.commands.table import COMMANDS


class _Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [row.name for row in COMMANDS if not row.hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for row in COMMANDS:
            if row.name == cmd_name:
                command = importlib.import_module(row.module).command
                assert isinstance(command, click.Command)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The table has the help texts, so that `pinnace --help` imports nothing.
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.help) for row in COMMANDS if not row.hidden])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pinnace")
def main() -> None:
    """Kubernetes as a Python package."""


if __name__ == "__main__":
    sys.exit(main())
