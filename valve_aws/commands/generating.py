"""`valve local generate-event SERVICE EVENT`: a command for every event of the catalogue, made when needed.

Knows click. Does not know any event; it reads the catalogue once one is named or listed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import click

from valve_aws.commands.commanding import Command
from valve_aws.commands.flags import CONFIG, SILENT
from valve_aws.commands.groups import Face


class Services(Face):
    """The services of the catalogue."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        from valve_aws.triggers import catalogue

        return catalogue.services()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        from valve_aws.triggers import catalogue

        if cmd_name not in catalogue.services():
            return None
        name = catalogue.service_name(cmd_name)
        first = catalogue.samples(cmd_name)[0]
        example = f"{ctx.command_path} {cmd_name} {first} | valve local invoke -e -"
        help_ = f"Events of {name}.\n\n\b\nExample:\n  {example}"
        return Events(name=cmd_name, short_help=name, help=help_)


class Events(Face):
    """The events of one service."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click."""
        from valve_aws.triggers import catalogue

        return catalogue.samples(self.name or "")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        from valve_aws.triggers import catalogue

        if cmd_name not in catalogue.samples(self.name or ""):
            return None
        found = catalogue.sample(self.name or "", cmd_name)

        def print_event(**told: str) -> None:
            # Why not click's own names: they are lower case, and `restApiId` is not.
            given = {name: told[name.replace("-", "_").lower()] for name in found.options}
            click.echo(json.dumps(catalogue.filled(found.shape, given), indent=2))

        command = Command(
            cmd_name,
            callback=print_event,
            short_help=found.about,
            help=f"Print an event: {found.about}.\n\n\b\nExample:\n  {ctx.command_path} {cmd_name}"
            f"{_example(found.options)} | valve local invoke -e -",
            params=[
                click.Option([f"--{name}"], default=default, help=f"[default: {default}]")
                for name, default in found.options.items()
            ],
        )
        for option in reversed((*CONFIG, *SILENT)):
            command = option(command)
        return command


def _example(options: Mapping[str, str]) -> str:
    telling = ("bucket", "body", "table", "data", "path", "message")
    chosen = next((name for name in telling if name in options), "")
    return f" --{chosen} …" if chosen else ""
