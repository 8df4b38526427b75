"""Lambda functions as a template describes them, SAM's and CloudFormation's.

Knows a function's own properties. Does not know what its role grants nor what wakes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from valve_aws.model.source import Invalid, Node
from valve_aws.model.stack import Code, Durable, Function, Layer, Logging
from valve_aws.template import code
from valve_aws.template.scope import Declared, Template
from valve_aws.template.shapes import elements, entries, is_open, named, text, whole, word

SECONDS: Final = (1, 900)
MEBIBYTES: Final = (128, 32_768)
EPHEMERAL: Final = (512, 10_240)
AT_ONCE: Final = (0, 100_000)
EXECUTION: Final = (1, 31_622_400)
RETENTION: Final = (1, 90)
"""Lambda quotas; memory up to what managed instances take; seconds and days of a durable execution."""

FORMATS: Final = ("Text", "JSON")
APPLICATION: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM: Final = ("DEBUG", "INFO", "WARN")
"""Lambda API reference, LoggingConfig."""

UNCOVERED: Final = {
    "FileSystemConfigs": "no file system is mounted in it",
}
"""Properties that change what a function finds, and are not covered; what becomes of it instead."""

LAYER: Final = re.compile(r"arn:[\w-]+:lambda:[\w-]*:(\d*):layer:([^:]+)(?::\d+)?")


def read(
    declared: Declared, properties: Mapping[str, Node], template: Template, layers: Mapping[str, Layer]
) -> Function:
    """Return one function without its statements and triggers. `layers` are those of the stack, by ARN."""
    package = word(properties.get("PackageType"), "`PackageType`", "Zip") or "Zip"
    for name in sorted(UNCOVERED.keys() & properties.keys()):
        where, what = properties[name].where, f"`{declared.logical}`: `{name}` is not covered here"
        template.ground.warn(where, f"{what}: {UNCOVERED[name]}")
    architectures = elements(properties.get("Architectures"), "`Architectures`")
    return Function(
        logical=template.prefix + declared.logical,
        name=template.name(declared.logical),
        arn=template.formed(declared.logical, "{arn}"),
        handler=word(properties.get("Handler"), "`Handler`"),
        runtime=word(properties.get("Runtime"), "`Runtime`") if package == "Zip" else "",
        code=code.of(declared, properties, template),
        layers=tuple(_layer(node, layers) for node in elements(properties.get("Layers"), "`Layers`")),
        environment=_environment(properties.get("Environment")),
        timeout=whole(properties.get("Timeout"), "`Timeout`", 3, SECONDS),
        memory=whole(properties.get("MemorySize"), "`MemorySize`", 128, MEBIBYTES),
        ephemeral=whole(
            entries(properties.get("EphemeralStorage"), "`EphemeralStorage`").get("Size"),
            "`EphemeralStorage.Size`",
            512,
            EPHEMERAL,
        ),
        architecture=word(architectures[0], "`Architectures`") if architectures else "x86_64",
        package=package,
        reserved=_reserved(properties.get("ReservedConcurrentExecutions")),
        logging=_logging(properties.get("LoggingConfig")),
        traced=_traced(properties),
        isolates=_isolates(properties.get("TenancyConfig")),
        durable=_durable(properties.get("DurableConfig")),
        tags=tags(properties.get("Tags")),
        qualifiers=_published(properties.get("AutoPublishAlias")),
        role=_role(properties.get("Role"), declared, template),
        where=declared.where,
    )


def _durable(node: Node | None) -> Durable | None:
    """Return how long durable executions last; None where an event is an event. `ExecutionTimeout` has no
    value of its own (Lambda API reference, DurableConfig)."""
    if node is None:
        return None
    told = entries(node, "`DurableConfig`")
    return Durable(
        whole(told.get("ExecutionTimeout"), "`DurableConfig.ExecutionTimeout`", EXECUTION[1], EXECUTION),
        whole(told.get("RetentionPeriodInDays"), "`DurableConfig.RetentionPeriodInDays`", 14, RETENTION),
    )


def _published(node: Node | None) -> dict[str, str]:
    """Return the alias under which SAM publishes a function, and what it means."""
    alias = text(node.value) if node else ""
    return {alias: "1"} if alias and not is_open(alias) else {}


def _role(node: Node | None, declared: Declared, template: Template) -> str:
    """Return the ARN of a function's role: its own, where another is not named or known only later."""
    told = text(node.value) if node else None
    if told and not is_open(told):
        return told
    return template.formed(declared.logical, "arn:{p}:iam::{a}:role/{n}")


def tags(node: Node | None) -> dict[str, str]:
    """Return tags, which SAM has as a map and CloudFormation as a list."""
    if node is not None and isinstance(node.value, list):
        pairs = (entries(each, "a tag") for each in elements(node, "`Tags`"))
        return {word(pair.get("Key"), "`Key`"): word(pair.get("Value"), "`Value`") for pair in pairs}
    return {name: word(value, f"the tag `{name}`") for name, value in entries(node, "`Tags`").items()}


def _reserved(node: Node | None) -> int | None:
    told = whole(node, "`ReservedConcurrentExecutions`", -1, AT_ONCE)
    return told if told >= 0 else None


def _logging(node: Node | None) -> Logging:
    given = entries(node, "`LoggingConfig`")
    told = {name: word(value, f"`LoggingConfig.{name}`") for name, value in given.items()}
    levels = {"ApplicationLogLevel": APPLICATION, "SystemLogLevel": SYSTEM, "LogFormat": FORMATS}
    for name, among in levels.items():
        if told.get(name) and told[name] not in among:
            choices = ", ".join(f"`{each}`" for each in among)
            raise Invalid(given[name].where, f"`LoggingConfig.{name}` must be one of {choices}")
    return Logging(
        told.get("LogFormat") or "Text",
        told.get("ApplicationLogLevel", ""),
        told.get("SystemLogLevel", ""),
        told.get("LogGroup", ""),
    )


def _traced(properties: Mapping[str, Node]) -> bool:
    """Say whether X-Ray is active: SAM's `Tracing`, CloudFormation's `TracingConfig`."""
    mode = entries(properties.get("TracingConfig"), "`TracingConfig`").get("Mode")
    return "Active" in {word(node, "`Tracing`") for node in (properties.get("Tracing"), mode)}


def _isolates(node: Node | None) -> bool:
    """Say whether each tenant has environments of his own."""
    mode = entries(node, "`TenancyConfig`").get("TenantIsolationMode")
    return word(mode, "`TenancyConfig.TenantIsolationMode`") == "PER_TENANT"


def _environment(node: Node | None) -> dict[str, str]:
    variables = entries(entries(node, "`Environment`").get("Variables"), "`Environment.Variables`")
    found = {}
    for name, value in variables.items():
        written = text(value.value)
        if written is None:
            raise Invalid(value.where, f"the variable `{name}` must be text, not {named(value.value)}")
        if "\0" in written or "\0" in name or "=" in name or not name:
            raise Invalid(value.where, f"`{name[:60]!s}` cannot be an environment variable", "rename it")
        found[name] = written
    return found


def _layer(node: Node, layers: Mapping[str, Layer]) -> Layer:
    arn = word(node, "each layer")
    known = layers.get(arn)
    if known is not None:
        return known
    match = LAYER.fullmatch(arn)
    name = match.group(2) if match else arn
    reason = "known only at deployment" if is_open(arn) else "somebody else's layer, not on this machine"
    return Layer(name, Code(missing=f"{reason}: {arn[:200]}", where=node.where))


def layer(declared: Declared, properties: Mapping[str, Node], template: Template) -> Layer:
    """Return a layer that the template itself makes."""
    return Layer(template.prefix + declared.logical, code.of(declared, properties, template))
