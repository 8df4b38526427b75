"""Groups of commands: they tell a mistake in one clear line, with the nearest name, and end with exit code 2.

Knows click. Does not know any command.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from valve_aws.commands.commanding import Command, of

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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the group's own flags; a mistake among them is one of this group."""
        with of(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; for one that is not there tell where it is, or the nearest."""
        named = args[0]
        if named.startswith("-") or self.get_command(ctx, named):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        path = ctx.command_path
        below = [f"{path} {name} {named}" for name, each in self.commands.items() if named in _own(each)]
        near = below or get_close_matches(named, self.list_commands(ctx), 1)
        hint = f"; did you mean `{near[0]}`" if near else ""
        raise click.UsageError(f"no such command `{named}`{hint}", ctx)


def _own(group: click.Command) -> Mapping[str, click.Command]:
    """Return the commands of a group, without those that are made when they are asked for."""
    return group.commands if isinstance(group, click.Group) else {}


def _misused(mistake: click.UsageError) -> int:
    """Say in one line what click says in four; where nothing was asked for, help."""
    if mistake.ctx and mistake.format_message() == mistake.ctx.get_help():
        click.echo(mistake.ctx.get_help(), err=True)
        return 2
    from valve_aws.model.safe import plain

    path = mistake.ctx.command_path if mistake.ctx else "valve"
    words = next(words for kind, words in WORDS if isinstance(mistake, kind))
    text = " ".join(words(mistake).split())
    click.echo(f"valve: {plain(text)}; see `{path} --help`", err=True)
    return 2


def _unknown(mistake: Any) -> str:
    near = " or ".join(f"`{each}`" for each in mistake.possibilities or ())
    return f"no such option `{mistake.option_name}`" + (f"; did you mean {near}" if near else "")


def _bare(mistake: Any) -> str:
    """Say of a flag that stands alone, or does not, what it wants. Why by its name: click says no more."""
    flags = [each for each in mistake.ctx.command.params if mistake.option_name in each.opts]
    alone = any(each.is_flag for each in flags)
    return f"{mistake.option_name}: it {'takes no' if alone else 'needs a'} value"


def _missing(mistake: Any) -> str:
    return f"`{mistake.param.make_metavar(mistake.ctx)}` is missing"


def _unfit(mistake: Any) -> str:
    flag = isinstance(mistake.param, click.Option)
    return f"{max(mistake.param.opts, key=len)}: {mistake.message}" if flag else str(mistake.message)


def _said(mistake: Any) -> str:
    return str(mistake.message)


WORDS: tuple[tuple[type[click.UsageError], Callable[[Any], str]], ...] = (
    (click.NoSuchOption, _unknown),
    (click.BadOptionUsage, _bare),
    (click.MissingParameter, _missing),
    (click.BadParameter, _unfit),
    (click.UsageError, _said),
)
"""A kind of mistake and how it is told. The last row takes those whose words are ours already."""
