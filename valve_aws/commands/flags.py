"""The flags that commands share, each written once.

Knows their words and what is said of them. Does not know any command nor what a flag leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from valve_aws.commands.taking import OneOf, Whole

F = TypeVar("F", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)

DOCKER_ONLY = (
    "docker-volume-basedir",
    "docker-network",
    "container-host",
    "container-host-interface",
    "add-host",
    "container-dns",
    "invoke-image",
    "layer-cache-basedir",
    "container-env-vars",
    "container-env-var-file",
    "debugger-path",
)
"""Flags of `sam local` that take a value and speak of containers: taken, and said once to mean nothing
here."""
DOCKER_SWITCHES = (
    "skip-pull-image",
    "force-image-build",
    "no-memory-limit",
    "skip-prepare-infra",
    "beta-features",
    "debug",
    "mount-symlinks",
    "language-extensions",
)


def _said_once(_: click.Context, param: click.Parameter, value: Any) -> Any:
    if value:
        click.echo(
            f"valve: `{param.opts[0]}` speaks of containers; there are none here, it is passed over", err=True
        )
    return value


CONFIG = (
    click.option(
        "--config-file",
        type=PATH,
        expose_value=False,
        help="where flags come from that are not given  [default: samconfig.toml beside the template]",
    ),
    click.option("--config-env", default="default", expose_value=False, help="which of its environments"),
    click.option("--save-params", is_flag=True, expose_value=False, help="keep the flags given here there"),
)
"""How samconfig.toml is used (`commanding`)."""

STACK = (
    click.option(
        "-t",
        "--template-file",
        "--template",
        "template",
        type=PATH,
        help="SAM or CloudFormation template "
        "[default: .aws-sam/build/template.yaml, else template.yaml|yml|json here]",
    ),
    click.option(
        "--parameter-overrides",
        "overrides",
        multiple=True,
        metavar="K=V …",
        help="values for the template's parameters, as SAM takes them",
    ),
    click.option(
        "--project",
        type=PATH,
        help="folder that code and nested templates may lie in  [default: the template's own]",
    ),
    click.option("--stack-name", default="", help="[default: the folder's name]"),
    click.option("--region", default="", help="AWS region  [default: $AWS_REGION, else us-east-1]"),
    click.option(
        "--profile",
        default="",
        help="taken for the habit; no credential of yours is read for an emulator",
    ),
    click.option("--account", default="", help="account id in ARNs"),
    click.option(
        "--physical",
        multiple=True,
        metavar="LOGICAL=NAME",
        help="a resource that exists already, by its real name",
    ),
    click.option("--policy", type=PATH, help="flow policy  [default: valve.yaml beside the template]"),
    *CONFIG,
)
"""Which application is meant."""

RUN = (
    click.option("-n", "--env-vars", "variables", type=PATH, help="JSON file: variables of functions"),
    click.option(
        "-l",
        "--log-file",
        "log",
        type=PATH,
        help="also write logs there; labelled lines only as the policy lets them",
    ),
    click.option(
        "--mode",
        type=OneOf(["enforce", "audit", "off"]),
        help="[default: the policy's; audit without one]",
    ),
    click.option(
        "--backend",
        default="moto",
        metavar="moto|localstack|URL",
        help="what answers AWS calls  [default: moto]",
    ),
    click.option(
        "--seed",
        type=PATH,
        help="first content of the stores  [default: seed.yaml beside the template, on moto]",
    ),
    click.option("--audit", type=PATH, help="records, one JSON line each  [default: .valve/audit.jsonl]"),
    click.option("--labels", type=PATH, help="the label book  [default: .valve/labels.db]"),
    click.option(
        "--resolve",
        multiple=True,
        metavar="HOST[:PORT]=ADDRESS:PORT",
        help="where another host is found, as curl's",
    ),
    click.option(
        "--reuse",
        type=OneOf(["label", "never", "carry"]),
        default="label",
        help="when a warm environment serves another event  [default: label]",
    ),
    click.option(
        "--spares",
        type=Whole(0, 10),
        default=2,
        help="environments kept ready for an event of another label, once one was needed  [default: 2]",
    ),
    click.option(
        "--spare-memory",
        type=Whole(0),
        default=512,
        help="MiB that all of these may have in use  [default: 512]",
    ),
    click.option(
        "--at-once",
        type=Whole(1, 1000),
        default=10,
        help="environments of one function at work at once; what comes beside them waits  [default: 10]",
    ),
    click.option(
        "--warm-containers",
        type=OneOf(["EAGER", "LAZY"]),
        help="EAGER: an environment of each function is started before anything is served  [default: LAZY]",
    ),
    click.option(
        "--allow-build",
        is_flag=True,
        help="let pip run a package's own build code (it runs outside the sandbox)",
    ),
    click.option(
        "--unsafe-cooperative",
        "unsafe",
        is_flag=True,
        help="run without walls where this host has none; no boundary",
    ),
    click.option(
        "-d",
        "--debug-port",
        type=Whole(1, 65535),
        multiple=True,
        help="have a debugger attach at this port of 127.0.0.1: debugpy, Node's inspector",
    ),
    click.option("--debug-args", default="", help="further arguments of the interpreter that is debugged"),
    click.option("--shutdown", is_flag=True, hidden=True),
)
"""How functions are run and guarded."""


SILENT = tuple(
    click.option(f"--{name}", is_flag=True, hidden=True, expose_value=False)
    for name in ("debug", "beta-features", "no-beta-features")
)
"""Switches that SAM gives every command: taken, and of no effect here."""

SERVED = (
    click.option("--debug-function", default="", help="the only function that `-d` is for  [default: each]"),
    click.option("--no-watch", is_flag=True, hidden=True, expose_value=False),
)
"""How commands that stay run what they serve."""

CONTAINERS = (
    *(click.option(f"--{n}", hidden=True, expose_value=False, callback=_said_once) for n in DOCKER_ONLY),
    *(click.option(f"--{n}", is_flag=True, hidden=True, expose_value=False) for n in DOCKER_SWITCHES),
)


def options(*tables: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    """Return a decorator that gives a command all flags of these tables, in their order."""

    def add(command: F) -> F:
        for option in reversed([option for table in tables for option in table]):
            command = option(command)
        return command

    return add
