"""The group that finds commands by their files and imports only the one that is asked for."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import override

import click

from edgepack.errors import UsageError
from edgepack.suggest import choices

_FOLDER = Path(__file__).parent / "commands"


class CommandFolder(click.Group):
    """All commands in `edgepack/cli/commands`."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(file.stem.replace("_", "-") for file in _FOLDER.glob("[!_]*.py"))

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"edgepack.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    @override
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args[0] not in names and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise UsageError(f"no such command: {args[0]}", hint=choices(args[0], names))
        return super().resolve_command(ctx, args)

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help(name)) for name in self.list_commands(ctx)])


def short_help(name: str) -> str:
    """Give the first line of a command's docstring without importing its file."""
    with (_FOLDER / f"{name.replace('-', '_')}.py").open(encoding="utf-8") as file:
        return file.readline().strip().strip('"').rstrip(".")
