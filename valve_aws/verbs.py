"""What each command does: gathers what it was told, has it done, prints what came of it.

Knows files the user named, the two output streams and the exit codes. Does not know the rooms' insides.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from valve_aws.model.source import Invalid, Where
from valve_aws.settings import Settings

LARGEST_EVENT = 6 * 1024 * 1024
"""Bytes of a synchronous invocation's payload (Lambda quotas)."""

REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}", re.ASCII)
"""As CloudFormation takes it (CreateStack, StackName)."""

PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
TOML_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")

SEVERITY = (4, 2, 3, 1)
"""Exit codes, the first that fits wins (design: Modes)."""


def invoke(function: str, event: str, event_source: str, told: Mapping[str, Any]) -> int:
    """`valve local invoke`: return the exit code.

    Budget, the whole process: 0.6 s without an AWS call, 2 s with S3 and DynamoDB on moto.
    """
    from valve_aws.valve import Valve

    settings = gather(told)
    payload = read_event(event)
    valve = Valve.read(settings, say)
    chosen = valve.choose(function, event_source)
    valve.prepare(chosen)
    from valve_aws.sandbox import SandboxError

    try:
        return asyncio.run(_invoke(valve, chosen, payload, event_source))
    except SandboxError as lacking:
        # Why 2: nothing was run and nothing refused; what was asked for cannot be had on this host.
        say(f"valve: {lacking}; `valve doctor` tells what else this host lacks")
        return 2


async def _invoke(valve: Any, function: str, payload: bytes, event_source: str) -> int:
    from valve_aws.sandbox import SandboxError

    await valve.open()
    if valve.settings.unsafe:
        say("valve: UNSAFE: no walls (`--unsafe-cooperative`); a hostile function steps around this guard")
    try:
        done = await valve.invoke(function, payload, event_source)
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
    """Return a result as it may be printed: JSON that cannot act on a terminal as it is, else escaped."""
    from valve_aws import report

    try:
        json.loads(payload)
        text = payload.decode()
    except (ValueError, RecursionError):
        return report.plain(payload.decode("utf-8", "replace")).encode()
    return payload if text.isprintable() else json.dumps(json.loads(payload)).encode()


def init(write: bool, told: Mapping[str, Any]) -> int:
    """`valve init`: print or write a proposed policy."""
    from valve_aws import application, policy

    settings = gather(told)
    stack, seed = application.read(settings, say)
    text = policy.propose(stack, seed)
    target = stack.folder / "valve.yaml"
    if not write:
        sys.stdout.write(text)
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
    sys.stdout.write(text)
    return 2 if wrong else 0


def explain(ident: str, audit: Path | None, told: Mapping[str, Any]) -> int:
    """`valve explain`: print the story of one record."""
    from valve_aws import report
    from valve_aws.audit import read_records

    settings = gather(told)
    path = audit or beside(settings) / "audit.jsonl"
    if not path.is_file():
        raise Invalid(
            Where(str(path)),
            "there are no records",
            "run `valve local invoke` first, or name a file with `--audit`",
        )
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
    sys.stdout.write(text + "\n")
    return 0


def _titles(settings: Settings) -> Callable[[str], str]:
    """Return what stores are called in the template; where it cannot be read, their own names."""
    from valve_aws import application, report

    try:
        stack, _ = application.read(settings, _quiet)
    except Invalid:
        return report.short
    return lambda arn: report.plain(stack.title(arn)) if stack.store(arn) else report.short(arn)


def _quiet(_: str) -> None:
    """Say nothing."""


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


# What was told


def gather(told: Mapping[str, Any]) -> Settings:
    """Make the settings of a run from flags, over `samconfig.toml`, over the environment."""
    told = {
        **_samconfig(told.get("config_file"), told.get("config_env") or "default"),
        **{k: v for k, v in told.items() if v},
    }
    if told.get("debug_port"):
        raise Invalid(Where("--debug-port"), "attaching a debugger is not built yet", "leave it out")
    region = (
        told.get("region")
        or os.environ.get("AWS_REGION")
        or os.environ.get("AWS_DEFAULT_REGION")
        or "us-east-1"
    )
    for flag, pattern, text, example in (
        ("--region", REGION, region, "--region eu-west-1"),
        ("--account", ACCOUNT, told.get("account", ""), "--account 123456789012"),
        ("--stack-name", STACK_NAME, told.get("stack_name", ""), "--stack-name orders-dev"),
    ):
        if text and not pattern.fullmatch(text):
            raise Invalid(Where(flag), f"`{text}` cannot be one", f"write `{example}`")
    return Settings(
        template=told.get("template"),
        stack=told.get("stack_name", ""),
        region=region,
        account=told.get("account", ""),
        parameters=overrides(told.get("overrides", ())),
        physical=_pairs("--physical", told.get("physical", ())),
        variables=_variables(told.get("variables")),
        policy=told.get("policy"),
        mode=told.get("mode", ""),
        backend=told.get("backend", "moto"),
        seed=told.get("seed"),
        audit=told.get("audit"),
        labels=told.get("labels"),
        log=told.get("log"),
        resolve=dict(_resolved(r) for r in told.get("resolve", ())),
        reuse=told.get("reuse", "label"),
        allow_build=bool(told.get("allow_build")),
        unsafe=bool(told.get("unsafe")),
    )


SAMCONFIG = {
    "template_file": "template",
    "template": "template",
    "stack_name": "stack_name",
    "region": "region",
    "parameter_overrides": "overrides",
    "env_vars": "variables",
    "log_file": "log",
    "profile": "profile",
}
"""Key of samconfig.toml → our flag's name."""


def _samconfig(named: Path | None, environment: str) -> dict[str, Any]:
    path = named or Path("samconfig.toml")
    if not path.is_file():
        if named:
            raise Invalid(
                Where(str(path)), "there is no such file", "leave out `--config-file` or mend the path"
            )
        return {}
    remedy = "mend it or name another file with `--config-file`"
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Invalid(Where(str(path)), f"it cannot be read: {error.strerror}", remedy) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        place = TOML_PLACE.search(str(error))
        line, column = (int(n) for n in place.groups()) if place else (0, 0)
        problem = TOML_PLACE.sub("", str(error))
        raise Invalid(Where(str(path), line, column), f"this is not TOML: {problem}", remedy) from error
    found: dict[str, Any] = {}
    if environment not in {"default", *tree}:
        raise Invalid(
            Where(str(path)), f"it has no environment `{environment}`", "name another with `--config-env`"
        )
    for command in ("global", "local_invoke"):
        section: Any = tree
        for key in (environment, command, "parameters"):
            section = section.get(key, {})
            if not isinstance(section, dict):
                raise Invalid(Where(str(path)), f"`{key}` of `{environment}` is not a table", remedy)
        found |= {SAMCONFIG[k]: _worded(path, k, v) for k, v in section.items() if k in SAMCONFIG}
    for name in ("template", "variables", "log"):
        if name in found:
            found[name] = path.parent / found[name]
    return found


def _worded(path: Path, key: str, value: Any) -> Any:
    """Return a value of samconfig.toml as the flag would have it; `parameter_overrides` may be a list."""
    if SAMCONFIG[key] == "overrides":
        words = value if isinstance(value, list) else [value]
        if all(isinstance(word, str) for word in words):
            return tuple(words)
    elif isinstance(value, str):
        return value
    raise Invalid(Where(str(path)), f"`{key}` is not text", f'write `{key} = "…"`')


def overrides(told: Iterable[str]) -> dict[str, str]:
    """Read `--parameter-overrides`: `K=V K2=V2`, quoted values, or CloudFormation's
    `ParameterKey=K,ParameterValue=V`."""
    import shlex

    found: dict[str, str] = {}
    for text in told:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise Invalid(
                Where("--parameter-overrides"), f"`{text}`: {error}", "write `Key=Value`"
            ) from error
        for word in words:
            if word.startswith("ParameterKey="):
                key, _, value = word.removeprefix("ParameterKey=").partition(",ParameterValue=")
            else:
                key, equals, value = word.partition("=")
                if not equals:
                    raise Invalid(Where("--parameter-overrides"), f"`{word}` has no `=`", "write `Key=Value`")
            found[key] = value
    return found


def _pairs(flag: str, told: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in told:
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            raise Invalid(Where(flag), f"`{word}` is not `Logical=name`", f"write `{flag} Table=orders-prod`")
        found[key] = value
    return found


def _resolved(word: str) -> tuple[tuple[str, int], tuple[str, int]]:
    host, equals, target = word.partition("=")
    name, _, port = host.partition(":")
    address, _, target_port = target.rpartition(":")
    ports = [text for text in (port, target_port) if text or text is target_port]
    if not (equals and name and address and all(PORT.fullmatch(p) and int(p) < 65536 for p in ports)):
        raise Invalid(
            Where("--resolve"),
            f"`{word}` is not `HOST[:PORT]=ADDRESS:PORT`",
            "write `--resolve api.partner.test=127.0.0.1:8080`",
        )
    return (name.lower(), int(port or 0)), (address.strip("[]"), int(target_port))


def _variables(path: Path | None) -> dict[str, Mapping[str, Any]]:
    if path is None:
        return {}
    found = json_file(path)
    if not isinstance(found, dict) or not all(isinstance(v, dict) for v in found.values()):
        raise Invalid(
            Where(str(path)), "variables are a mapping of mappings", 'write `{"Function": {"NAME": "value"}}`'
        )
    for function, told in found.items():
        for name, value in told.items():
            if isinstance(value, (dict, list)):
                raise Invalid(
                    Where(str(path)), f"`{name}` of `{function}` is not one value", "write it as text"
                )
    return found


def json_file(path: Path) -> Any:
    """Return the content of a JSON file; a mistake in it is `Invalid` with its line and column."""
    from valve_aws import text

    try:
        content = path.read_bytes()
    except OSError as error:
        raise Invalid(Where(str(path)), f"it cannot be read: {error.strerror}", "mend the path") from error
    return text.parse(content, str(path), "json").plain()


def read_event(named: str) -> bytes:
    """Return the event's bytes: `-` is standard input, "" an empty event. What is not JSON is `Invalid`."""
    if not named:
        return b"{}"
    from valve_aws import text

    try:
        content = sys.stdin.buffer.read(LARGEST_EVENT + 1) if named == "-" else Path(named).read_bytes()
    except OSError as error:
        raise Invalid(
            Where(named),
            f"it cannot be read: {error.strerror}",
            "name a JSON file, or `-` for standard input",
        ) from error
    where = "<stdin>" if named == "-" else named
    if len(content) > LARGEST_EVENT:
        raise Invalid(
            Where(where),
            "the event is larger than 6 MB, which Lambda refuses",
            "put the content into a store",
        )
    return json.dumps(text.event(content, where), ensure_ascii=False).encode()


def beside(settings: Settings) -> Path:
    """Return `.valve/` beside the template."""
    from valve_aws import application

    return application.locate(settings).parent / ".valve"


def say(line: str) -> None:
    """Print one line for the operator."""
    if line:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
