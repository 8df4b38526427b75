"""The application that a command is about: template, seed and policy, and which of its functions is meant.

Knows where these lie and how they are read together. Does not start anything.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from valve_aws import flow, policy, template, text
from valve_aws.backend import Endpoint, Seed, endpoint, read_seed
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Stack
from valve_aws.settings import Settings

Say = Callable[[str], None]


def locate(settings: Settings) -> Path:
    """Return the template that is meant."""
    return template.locate(settings.template, Path.is_file)


def outside(settings: Settings) -> Endpoint | None:
    """Return the endpoint that somebody else runs, None for the embedded cloud. Raises `Invalid`."""
    if settings.backend == "moto":
        return None
    return endpoint(settings.backend, settings.account, settings.place)


def read(settings: Settings, say: Say) -> tuple[Stack, tuple[Seed, ...]]:
    """Read the template and the seed. Raises `Invalid`."""
    path = locate(settings)
    backend = outside(settings)
    stack = template.read(
        path,
        parameters=settings.parameters,
        stack=settings.stack or template.project(path).name,
        account=settings.account or (backend.account if backend else "123456789012"),
        region=settings.region,
        physical=settings.physical,
        project=settings.project,
        load=lambda path: load(path, last=True),
    )
    for warning in stack.warnings:
        say(f"valve: {warning}")
    named = {"Parameters", *stack.functions, *(f.name for f in stack.functions.values())}
    for function in settings.variables.keys() - named:
        say(f"valve: --env-vars: the template has no function `{function}`; its variables go nowhere")
    stack = _with_variables(stack, settings.variables)
    seed = settings.seed or _beside(path, "seed.yaml", when=backend is None)
    return stack, read_seed(load(seed), stack, seed.parent) if seed else ()


def rules(settings: Settings, stack: Stack) -> FlowPolicy:
    """Read the policy: the file named, the one beside the template, the template's own; else an empty one."""
    path = settings.policy or _beside(locate(settings), "valve.yaml")
    if path:
        return policy.read(load(path), stack, str(path))
    if isinstance(stack.metadata, Node):
        return policy.read(stack.metadata, stack, stack.file)
    return FlowPolicy()


def check(settings: Settings, say: Say) -> tuple[str, bool]:
    """Return what the policy means for its template, in words, and whether something is wrong in it."""
    stack, _ = read(settings, say)
    told = rules(settings, stack)
    if not told.file:
        problem = "there is no policy, neither a valve.yaml beside it nor `Metadata: Valve:` in it"
        raise Invalid(Where(stack.file), problem, "make one with `valve init --write`")
    findings = policy.dead(told, stack)
    lines = [
        f"{f.where}: {f.severity}: {f.text}" if f.where.file else f"{f.severity}: {f.text}" for f in findings
    ]
    told_of = [*lines, ""] if lines else []
    wrong = any(f.severity == "error" for f in findings)
    return "\n".join([*told_of, *flow.matrix(told, stack), ""]), wrong


def choose(stack: Stack, rules: FlowPolicy, named: str, event_source: str, say: Say) -> str:
    """Return the logical id of the function that is meant. Raises `Invalid`."""
    functions = stack.functions
    if not named and len(functions) == 1:
        return next(iter(functions))
    found = next(
        (f.logical for f in functions.values() if named and named in {f.logical, f.name, f.arn}), None
    )
    where = Where(stack.file)
    if found is None:
        near = difflib.get_close_matches(named, functions, 1)
        hint = (
            f"did you mean `{near[0]}`"
            if near
            else "it has " + (", ".join(f"`{f}`" for f in functions) or "none")
        )
        raise Invalid(
            where, f"the template has no function `{named}`" if named else "say which function", hint
        )
    known = {f"{t.function}.{t.name}" for t in functions[found].triggers}
    if event_source and event_source not in known:
        listed = ", ".join(f"`{k}`" for k in sorted(known)) or "none"
        raise Invalid(where, f"`{event_source}` is no event of `{found}`", f"it has {listed}")
    labelled = sorted(known & set(rules.events))
    if labelled and not event_source:
        say(f"valve: the event's labels do not apply without `--event-source {labelled[0]}`")
    return found


def load(path: Path, last: bool = False) -> Node:
    """Read and parse a file; with `last` a key may be written twice (`text.parse`). Raises `Invalid`."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Invalid(Where(str(path)), f"it cannot be read: {error.strerror}", "mend the path") from error
    return text.parse(content, str(path), last=last)


def _with_variables(stack: Stack, told: Mapping[str, Mapping[str, Any]]) -> Stack:
    """Lay `--env-vars` over the functions' own variables."""
    if not told:
        return stack
    functions = {}
    for logical, function in stack.functions.items():
        extra = {**told.get("Parameters", {}), **told.get(function.name, {}), **told.get(logical, {})}
        words = {k: _word(v) for k, v in extra.items() if v is not None}
        functions[logical] = replace(function, environment={**function.environment, **words})
    return replace(stack, functions=functions)


def _word(value: Any) -> str:
    """Return a variable's text; of the two truths as SAM writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def kept(template: Path) -> Path:
    """Return the folder in which the user keeps what belongs to a template: never what `sam build` made."""
    built = template.parent.name == "build" and template.parent.parent.name == ".aws-sam"
    return template.parent.parent.parent if built else template.parent


def _beside(path: Path, name: str, when: bool = True) -> Path | None:
    """Return a file that the user keeps; one that lies where `sam build` begins anew is refused, as it would
    be gone without a word, and with a policy what it forbids would be allowed."""
    found, made = kept(path) / name, path.parent / name
    if when and made.is_file() and not found.is_file():
        raise Invalid(Where(str(made)), "`sam build` removes it", f"move it to `{found.parent}`")
    return found if when and found.is_file() else None


def fields(payload: bytes) -> dict[str, str]:
    """Return an event's scalars by their dotted path, to fill `{…}` of labels with (law 18)."""
    found: dict[str, str] = {}

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{path}.{key}" if path else str(key))
        elif isinstance(value, list):
            for index, inner in enumerate(value):
                walk(inner, f"{path}[{index}]")
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            found[path] = str(value)

    try:
        walk(json.loads(payload), "")
    except (ValueError, RecursionError):
        return {}
    return found
