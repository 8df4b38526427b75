"""What a command was told: flags, over the environment; variables and the event.

Knows how each is written and where it may be wrong. Does not know what any of it leads to.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from valve_aws.model.source import Invalid, Where
from valve_aws.settings import PLACE, Settings

OURS_INSIDE = frozenset({53, 80, 443, 9001})
"""Ports at which the valve answers inside: names, requests, the Runtime API."""

LARGEST_EVENT = 6 * 1024 * 1024
"""Bytes of a synchronous invocation's payload (Lambda quotas)."""

REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)
ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}", re.ASCII)
"""As CloudFormation takes it (CreateStack, StackName)."""

PORT = re.compile(r"[0-9]{1,5}", re.ASCII)


def gather(told: Mapping[str, Any]) -> Settings:
    """Make the settings of a run from flags, over the environment."""
    told = {k: v for k, v in told.items() if v}
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
        project=told.get("project"),
        stack=told.get("stack_name", ""),
        region=region,
        account=told.get("account", ""),
        parameters=overrides(told.get("overrides", ())),
        physical=_pairs("--physical", told.get("physical", ())),
        variables=_variables(told.get("variables")),
        policy=told.get("policy"),
        mode=told.get("mode", ""),
        backend=told.get("backend", "moto"),
        place={name: os.environ[name] for name in PLACE if name in os.environ},
        seed=told.get("seed"),
        audit=told.get("audit"),
        labels=told.get("labels"),
        log=told.get("log"),
        resolve=dict(_resolved(r) for r in told.get("resolve", ())),
        reuse=told.get("reuse", "label"),
        spares=told.get("spares", 2),
        spare_memory=told.get("spare_memory", 512),
        at_once=told.get("at_once") or 10,
        eager=told.get("warm_containers") == "EAGER",
        debug_ports=tuple(_debug_port(port) for port in told.get("debug_port", ())),
        debug_args=_words("--debug-args", told.get("debug_args", "")),
        debug_function=told.get("debug_function", ""),
        allow_build=bool(told.get("allow_build")),
        unsafe=bool(told.get("unsafe")),
    )


def _debug_port(port: int) -> int:
    if port in OURS_INSIDE:
        problem = f"port {port} inside is the valve's own"
        raise Invalid(Where("--debug-port"), problem, "name another: `-d 5890`")
    return port


def _words(flag: str, told: str) -> tuple[str, ...]:
    import shlex

    try:
        return tuple(shlex.split(told))
    except ValueError as error:
        raise Invalid(Where(flag), f"`{told}`: {error}", "quote it as a shell would have it") from error


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
        if named.lstrip().startswith(("{", "[", '"')):
            problem = "the event itself stands where its file's name is wanted"
            told = "write `echo '{…}' | valve local invoke -e -`"
            raise Invalid(Where("--event"), problem, told) from error
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
