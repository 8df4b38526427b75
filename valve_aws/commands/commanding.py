"""Commands that take from `samconfig.toml` what they are not told, and keep there what they are.

Knows how a flag is called and what its values are there. Does not know the file's syntax, nor any command.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from valve_aws.commands.taking import OneOf, Whole


@contextmanager
def of(ctx: click.Context) -> Iterator[None]:
    """Take a mistake in a command line for one of this command: click does not always say whose it is."""
    try:
        yield
    except click.UsageError as mistake:
        mistake.ctx = mistake.ctx or ctx
        raise


class Command(click.Command):
    """A command that takes from `samconfig.toml` what it is not told, and keeps there what it is told."""

    allow_extra_args = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line. Why what is left over is ours to refuse: click would in words of its own."""
        with of(ctx):
            left = self._parsed(ctx, args)
            if left and not ctx.resilient_parsing:
                raise click.UsageError(f"`{left[0]}` is one word too many", ctx)
            return left

    def _parsed(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the file first; what it says are defaults, below the command line."""
        configured = {param.name for param in self.params} >= {"config_file", "config_env"}
        if configured and not ctx.resilient_parsing:
            raw, _, _ = self.make_parser(ctx).parse_args(list(args))
            # Why asked for: click has a name of its own for it, and help is shown whatever the file says.
            asked = self.get_help_option(ctx)
            if asked is None or not raw.get(str(asked.name)):
                ctx.default_map = {**(ctx.default_map or {}), **self._remembered(ctx, raw)}
        return super().parse_args(ctx, args)

    def _remembered(self, ctx: click.Context, raw: dict[str, Any]) -> dict[str, Any]:
        from valve_aws.commands import samconfig

        named, beside = raw.get("config_file"), Path(raw.get("template") or ".").parent
        wished = bool(raw.get("save_params"))
        path = samconfig.find(Path(named) if named else None, beside, must=not wished)
        if wished:
            ctx.meta[KEPT] = path or Path(named or beside / samconfig.DEFAULTS[0])
            ctx.meta[ENVIRONMENT] = raw.get("config_env") or "default"
        if path is None:
            return {}
        environment = raw.get("config_env") or "default"
        known = {name: param for param in self.params for name in names(param)}
        found: dict[str, Any] = {}
        for entry in samconfig.entries(path, environment, sections(ctx), must=not wished):
            param = known.get(entry.key.replace("-", "_").lower())
            if param is None or param.name in UNTOLD:
                if entry.own and param is None:
                    click.echo(f"valve: {_unknown(ctx, entry, known)}", err=True)
                continue
            found[param.name or ""] = worded(ctx, param, entry, path.parent)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Keep what was told where that is wished, then run."""
        if KEPT in ctx.meta:
            self._keep(ctx)
        return super().invoke(ctx)

    def _keep(self, ctx: click.Context) -> None:
        from valve_aws.commands import samconfig

        path: Path = ctx.meta[KEPT]
        told: dict[str, Any] = {}
        left: list[str] = []
        for param in self.params:
            if param.name not in ctx.params or param.name in UNTOLD:
                continue
            if ctx.get_parameter_source(param.name) is not click.core.ParameterSource.COMMANDLINE:
                continue
            if barred(param, value := plainly(param, ctx.params[param.name], path.parent), path.parent):
                left.append(key(param))
            else:
                told[key(param)] = value
        samconfig.keep(path, ctx.meta[ENVIRONMENT], sections(ctx)[-1], told)
        without = f"; {', '.join(left)} may only be given on the command line" if left else ""
        click.echo(f"valve: kept in {path}: {', '.join(told) or 'nothing'}{without}", err=True)


KEPT, ENVIRONMENT = "valve_aws.commands.samconfig", "valve_aws.environment"
"""Where a context has the file, and the environment in it, that what it was told is to be kept in."""

UNTOLD = frozenset({"config_file", "config_env", "save_params", "help"})
"""Flags that say how the file is used, and stand in none."""

MAY_BE: dict[str | None, tuple[Any, ...]] = {
    "unsafe": (False,),
    "allow_build": (False,),
    "resolve": (),
    "debug_port": (),
    "mode": ("enforce",),
    "backend": ("moto", "localstack"),
    "host": ("127.0.0.1", "localhost", "::1"),
}
"""Flag → what of it the file may say. It comes with a project, which may be a stranger's: it takes no wall
away, lowers no guard, opens no door to the network, and sends nothing elsewhere."""

ALIASES = {"function": "function_logical_id", "functions": "function_logical_ids"}
"""What SAM calls arguments that have no name of their own on the command line."""


def sections(ctx: click.Context) -> list[str]:
    """Return the sections of samconfig.toml that speak to a command, its own last.

    SAM's commands have SAM's; for ours, what `local invoke` is told counts unless their own say otherwise.
    """
    path: list[str] = []
    while ctx.parent:
        path.insert(0, str(ctx.info_name).replace("-", "_"))
        ctx = ctx.parent
    return ["global", *([] if path[0] == "local" else ["local_invoke"]), "_".join(path)]


def names(param: click.Parameter) -> set[str]:
    """Return the keys by which samconfig.toml may name a flag or an argument."""
    spelled = {word.lstrip("-").replace("-", "_").lower() for word in param.opts if word.startswith("--")}
    return {str(param.name), *spelled, *([ALIASES[param.name]] if param.name in ALIASES else [])}


def key(param: click.Parameter) -> str:
    """Return the key under which a flag is kept."""
    long = [word for word in param.opts if word.startswith("--")]
    name = str(param.name)
    return long[0].removeprefix("--").replace("-", "_") if long else ALIASES.get(name, name)


def plainly(param: click.Parameter, value: Any, folder: Path) -> Any:
    """Return a flag's value as the file has it; paths are relative to its folder."""
    from valve_aws.commands import samconfig

    if isinstance(value, tuple | list):
        return [plainly(param, each, folder) for each in value]
    if is_path(param, value):
        return samconfig.relative(Path(value), folder)
    return value if isinstance(value, bool | int | float) else str(value)


def barred(param: click.Parameter, value: Any, folder: Path) -> str:
    """Return why a value may not stand in a project's own file; "" where it may."""
    from valve_aws.commands import samconfig

    if value not in MAY_BE.get(param.name, (value,)):
        return "a project's own file takes nothing of the guard away"
    # What is served beside an API counts from the template's folder, which the file's own is or holds.
    if (is_path(param, value) or param.name == "static_dir") and not samconfig.within(folder / value, folder):
        return "a path there does not leave the file's folder"
    return ""


def is_path(param: click.Parameter, value: Any) -> bool:
    """Say whether a flag's value is a path: an event may be `-` as well."""
    return isinstance(param.type, click.Path) or (param.name == "event" and value != "-")


def worded(ctx: click.Context, param: click.Parameter, entry: Any, folder: Path) -> Any:
    """Return a value of the file as its flag takes it; a path counts from there. Raises `Invalid`."""
    value = entry.value
    if param.name == "overrides" and isinstance(value, dict):
        value = [f"{name}={shlex.quote(str(each))}" for name, each in value.items()]
    if param.nargs == 1 and not getattr(param, "multiple", False):
        return _word(ctx, param, entry, value, folder)
    words = value if isinstance(value, list) else [value]
    return [_word(ctx, param, entry, each, folder) for each in words]


def _word(ctx: click.Context, param: click.Parameter, entry: Any, value: Any, folder: Path) -> Any:
    from valve_aws.model.source import Invalid

    for kind, fits, called, example in WORDS:
        if isinstance(param.type, kind):
            # Why no number for a text: an account's leading noughts would be gone.
            if type(value) not in fits:
                problem = f"`{entry.key}` is not {called}"
                raise Invalid(entry.where, problem, f"write `{entry.key} = {example}`")
            break
    try:
        param.type.convert(value, param, ctx)
    except click.BadParameter as mistake:
        ours = isinstance(param.type, Whole | OneOf)
        text = mistake.message if ours else f"`{value}` is not {called}"
        raise Invalid(entry.where, f"`{entry.key}`: {text}", f"see `{ctx.command_path} --help`") from mistake
    if why := barred(param, value, folder):
        told = f"give `{max(param.opts, key=len)}` on the command line"
        raise Invalid(entry.where, f"`{entry.key}` may not be `{value}` here: {why}", told)
    return str(folder / value) if is_path(param, value) else value


WORDS: tuple[tuple[type[Any], set[type], str, str], ...] = (
    (click.types.BoolParamType, {bool, str}, "true or false", "true"),
    (click.types.IntParamType, {int, str}, "a whole number", "1"),
    (click.ParamType, {str}, "text", '"…"'),
)
"""A flag's type, what stands for it in the file, and how to say so. The last row takes any type."""


def _unknown(ctx: click.Context, entry: Any, known: dict[str, Any]) -> str:
    from difflib import get_close_matches

    from valve_aws.model.safe import plain

    near = get_close_matches(entry.key, [name for name in known if name not in UNTOLD], 1)
    hint = f"; did you mean `{near[0]}`" if near else ""
    return plain(f"{entry.where}: `{ctx.command_path}` has no `{entry.key}`, it is passed over{hint}")
