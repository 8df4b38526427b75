"""What each command does: has done what it was told, prints what came of it.

Knows the two output streams and the exit codes. Does not know the rooms' insides.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from valve_aws.commands.told import gather, read_event
from valve_aws.model.plural import counted
from valve_aws.model.safe import in_json, lines, plain
from valve_aws.model.source import Invalid, Where
from valve_aws.settings import Settings

TENANT = re.compile(r"[a-zA-Z0-9._:/=+\-@ ]{1,256}")
"""A tenant's id (Lambda API reference, Invoke)."""

SEVERITY = (4, 2, 3, 1)
"""Exit codes, the first that fits wins (design: Modes)."""


def invoke(function: str, event: str, event_source: str, tenant: str, told: Mapping[str, Any]) -> int:
    """`valve local invoke`: return the exit code.

    Budget, the whole process: 0.6 s without an AWS call, 2 s with S3 and DynamoDB on moto.
    """
    from valve_aws.backend import NotStarted, Standing
    from valve_aws.sandbox import SandboxError
    from valve_aws.valve import Valve

    settings, cloud = gather(told), Standing()
    logging.getLogger().addHandler(harmless_log())
    payload = read_event(event)
    valve = Valve.read(settings, say, moto=cloud.start)
    chosen = valve.choose(function, event_source)
    _vetted(tenant, chosen, valve.stack.functions[chosen].isolates)
    valve.settings = replace(valve.settings, debug_function=chosen)
    valve.prepare(chosen)
    try:
        if settings.backend == "moto" and valve.stack.functions[chosen].calls:
            cloud.ahead()
        return asyncio.run(_invoke(valve, chosen, payload, event_source, tenant))
    except NotStarted as missing:
        say(f"valve: {missing}")
        return 4
    except SandboxError as lacking:
        # Why 2: nothing was run and nothing refused; what was asked for cannot be had on this host.
        say(f"valve: {lacking}; `valve doctor` tells what else this host lacks")
        return 2
    finally:
        cloud.end()


def _vetted(tenant: str, function: str, isolates: bool) -> None:
    """See that a tenant is named where Lambda wants one, and there alone. Raises `Invalid`."""
    where, this = Where("--tenant-id"), f"`{function}`"
    if tenant and not TENANT.fullmatch(tenant):
        raise Invalid(where, "not the name of a tenant", "1 to 256 letters, digits, blanks and `._:/=+-@`")
    if isolates and not tenant:
        raise Invalid(where, f"{this} has a `TenancyConfig`", "say for which tenant, as in `--tenant-id a`")
    if tenant and not isolates:
        raise Invalid(where, f"{this} has no `TenancyConfig`", "leave the tenant out")


async def _invoke(valve: Any, function: str, payload: bytes, event_source: str, tenant: str) -> int:
    from valve_aws.model.invocation import Beside
    from valve_aws.sandbox import SandboxError

    await valve.open()
    if valve.settings.unsafe:
        say("valve: UNSAFE: no walls (`--unsafe-cooperative`); a hostile function steps around this guard")
    try:
        done = await valve.invoke(function, payload, event_source, Beside(tenant=tenant))
        sys.stdout.buffer.write(presentable(done.payload) + b"\n")
        sys.stdout.flush()
        await valve.drain()
    except SandboxError as error:
        raise Invalid(
            Where("valve"),
            f"this host gives no sandbox: cannot {error.step}: {error.problem}",
            f"{error.remedy}; `valve doctor` tells all; `--unsafe-cooperative` runs without a boundary",
        ) from error
    finally:
        await valve.close()
    if valve.backend_failed:
        say(f"valve: the backend `{valve.settings.backend}` did not answer; is that where it listens?")
    say(valve.summary())
    codes = {1 if done.failed else 0, 3 if valve.refusals else 0, 4 if valve.backend_failed else 0}
    return next((code for code in SEVERITY if code in codes), 0)


def presentable(payload: bytes) -> bytes:
    """Return a result as it may be printed: JSON stays the same value, anything else is text, escaped."""
    try:
        json.loads(payload)
        return in_json(payload.decode()).encode()
    except (ValueError, RecursionError):
        return plain(payload.decode("utf-8", "replace")).encode()


def init(write: bool, told: Mapping[str, Any]) -> int:
    """`valve init`: print or write a proposed policy."""
    from valve_aws import application, policy

    settings = gather(told)
    stack, seed = application.read(settings, say)
    text = policy.propose(stack, seed)
    target = application.kept(application.locate(settings)) / "valve.yaml"
    if not write:
        sys.stdout.write(lines(text))
        return 0
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Invalid(
            Where(str(target)), "there is a policy already", "print a proposal beside it with `valve init`"
        ) from None
    say(f"wrote {target}; look at it with `valve check`")
    return 0


def check(told: Mapping[str, Any]) -> int:
    """`valve check`: print what the policy means for this template; 2 when it is wrong."""
    from valve_aws import application

    text, wrong = application.check(gather(told), say)
    sys.stdout.write(lines(text))
    return 2 if wrong else 0


def explain(ident: str, audit: Path | None, told: Mapping[str, Any]) -> int:
    """`valve explain`: print the story of one record."""
    from valve_aws import report
    from valve_aws.audit import read_records

    settings = gather(told)
    path = _recorded(audit, settings)
    records = list(read_records(path))
    if ident == "last":
        ident = next((r.ident for r in reversed(records) if r.verdict == "refuse"), "")
        if not ident:
            raise Invalid(Where(str(path)), "nothing was refused", "name a record: each line's `requestID`")
    text = report.explanation(records, ident, _titles(settings))
    if not text:
        near = [r.ident for r in records if r.verdict == "refuse"][-3:]
        raise Invalid(
            Where(str(path)),
            f"there is no record `{ident}`",
            "the last refusals are " + (", ".join(near) or "none"),
        )
    sys.stdout.write(lines(text) + "\n")
    return 0


def _recorded(audit: Path | None, settings: Settings) -> Path:
    """Return the file of records that is meant."""
    path = audit or beside(settings) / "audit.jsonl"
    if not path.is_file():
        remedy = "run `valve local invoke` first, or name a file with `--audit`"
        raise Invalid(Where(str(path)), "there are no records", remedy)
    return path


def lock(verb: str, audit: Path | None, named: Path | None, told: Mapping[str, Any]) -> int:
    """`valve lock`: hold what the code uses against the lockfile; 1 when `check` finds something new."""
    from valve_aws import application, lockfile
    from valve_aws.audit import read_records

    settings = gather(told)
    stack, _ = application.read(settings, _quiet)
    names = lockfile.Names.of(stack, application.rules(settings, stack))
    used = lockfile.uses(read_records(_recorded(audit, settings)), names)
    path = named or application.kept(application.locate(settings)) / lockfile.NAME
    there = lockfile.load(path)
    if verb == "check":
        if there is None:
            raise Invalid(Where(str(path)), "there is no lockfile", "make one with `valve lock update`")
        found = lockfile.compare(used, there)
        text = lockfile.told(found, used, str(path), "take it in with `valve lock update`")
        sys.stdout.write(lines(text) + "\n" if text else "")
        return 1 if found.new else 0
    before = there or lockfile.Lock()
    after = lockfile.renewed(before, used, keep=verb == "update")
    wrote = lockfile.save(path, after)
    say(f"valve: {'wrote' if wrote else 'nothing new for'} {path}, {counted(len(after.entries), 'use')}")
    return 0


def _titles(settings: Settings) -> Callable[[str], str]:
    """Return what stores are called in the template; where it cannot be read, their own names."""
    from valve_aws import application, report

    try:
        stack, _ = application.read(settings, _quiet)
    except Invalid:
        return report.short
    return lambda arn: plain(stack.title(arn)) if stack.store(arn) else report.short(arn)


def _quiet(_: str) -> None:
    """Say nothing."""


def attack(only: str, listed: bool, form: str, output: Path | None, told: Mapping[str, Any]) -> int:
    """`valve attack`: write the report; 1 when something got out, 4 when nothing could be shown."""
    from valve_aws import __version__
    from valve_aws.attack import run, telling
    from valve_aws.backend import NotStarted
    from valve_aws.sandbox import SandboxError

    if listed:
        sys.stdout.write(run.listing() + "\n")
        return 0
    settings = gather(told)
    if output and (output.is_dir() or not output.absolute().parent.is_dir()):
        remedy = "name a file in a folder that is there"
        raise Invalid(Where("--output"), f"`{output}` cannot be written", remedy)
    with tempfile.TemporaryDirectory(prefix="valve-attack-") as home:
        try:
            if settings.template or settings.policy:
                report = run.on_template(Path(home), settings, only, say)
            else:
                report = run.on_host(Path(home), only, say)
        except SandboxError as missing:
            say(f"valve: {missing}; `valve doctor` tells what else this host lacks")
            return 2
        except NotStarted as broken:
            say(f"valve: the embedded cloud did not start: {broken}")
            return 4
    text = telling.FORMS[form](report, __version__)
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return report.code


def doctor() -> int:
    """`valve doctor`: print what this host enforces; 1 when the boundary does not hold."""
    from valve_aws import sandbox

    strength = sandbox.strength()
    for what, holds, meaning in strength.checks:
        sys.stdout.write(f"  {'✓' if holds else '✗'} {what:<34} {meaning}\n")
    sys.stdout.write(
        "guard: enforced\n" if strength.enforced else "guard: not enforceable here; see the lines marked ✗\n"
    )
    return 0 if strength.enforced else 1


def beside(settings: Settings) -> Path:
    """Return `.valve/` beside the template, or beside what `sam build` has made it from."""
    from valve_aws import application

    return application.kept(application.locate(settings)) / ".valve"


def harmless_log(stream: TextIO | None = None) -> logging.Handler:
    """Return a handler of Python's log: what goes wrong in here may quote what a function said."""

    class Formatter(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return lines(super().format(record))

    handler = logging.StreamHandler(stream)
    handler.setFormatter(Formatter("valve: %(name)s: %(message)s"))
    handler.setLevel(logging.WARNING)
    return handler


def say(line: str) -> None:
    """Print one line for the operator."""
    if line:
        sys.stderr.write(lines(line) + "\n")
        sys.stderr.flush()
