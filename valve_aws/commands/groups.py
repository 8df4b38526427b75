"""Groups of commands: they tell a mistake in one clear line, with the nearest name, and end with exit code 2.

Knows click. Does not know any command.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from valve_aws.commands.commanding import Command

INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it."""


class Face(click.Group):
    """A group that turns the user's mistakes into one clear line and exit code 2."""

    command_class = Command

    def make_context(self, *told: Any, **extra: Any) -> click.Context:
        """Read the group's own flags; see the class."""
        try:
            return super().make_context(*told, **extra)
        except click.UsageError as mistake:
            sys.exit(_misused(mistake))
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; see the class."""
        from valve_aws.model.source import Invalid

        try:
            return super().invoke(ctx)
        except Invalid as mistake:
            click.echo(f"valve: {mistake}", err=True)
            ctx.exit(2)
        except click.UsageError as mistake:
            ctx.exit(_misused(mistake))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; for one that is not there tell the nearest, of whatever group."""
        named = args[0]
        if named.startswith("-") or self.get_command(ctx, named):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(named, self.list_commands(ctx), 1)
        hint = f"; did you mean `{near[0]}`" if near else ""
        raise click.UsageError(f"no such command `{named}`{hint}", ctx)


def _misused(mistake: click.UsageError) -> int:
    """Say in one line what click says in four; where nothing was asked for, help."""
    path = mistake.ctx.command_path if mistake.ctx else "valve"
    text = mistake.format_message()
    if mistake.ctx and text == mistake.ctx.get_help():
        click.echo(text, err=True)
        return 2
    from valve_aws.model.safe import plain

    text = (text[:1].lower() + text[1:]).replace("'", "`").replace(". (", " (")
    text = " ".join(text.replace(". Did you mean", "; did you mean").rstrip(".?").split())
    click.echo(f"valve: {plain(text)}; see `{path} --help`", err=True)
    return 2
