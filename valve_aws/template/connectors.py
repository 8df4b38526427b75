"""SAM's connectors: who is granted what on whom.

Knows the two ways of writing one and the translator's table of profiles. Does not know roles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from valve_aws.model.source import Node, Where
from valve_aws.model.stack import Statement
from valve_aws.template import files
from valve_aws.template.intrinsics import resolve
from valve_aws.template.kinds import plain, row
from valve_aws.template.permissions import document
from valve_aws.template.scope import Template
from valve_aws.template.shapes import entries, several, word, words, wrap

PROFILES: Final = "model/connector_profiles/profiles.json"


@dataclass(frozen=True, slots=True)
class End:
    """One side of a connector."""

    kind: str
    arn: str
    name: str
    where: Where


def grants(template: Template) -> Iterator[tuple[str, Statement]]:
    """Yield (function's ARN, statement) for every connector (SAM, AWS::Serverless::Connector)."""
    for declared in template.declared.values():
        if declared.kind == "AWS::Serverless::Connector":
            fields = entries(declared.properties, "`Properties`")
            yield from _connector(fields.get("Source"), fields, template)
        embedded = entries(declared.node, "a resource").get("Connectors")
        for name, node in entries(embedded, "`Connectors`").items():
            fields = entries(entries(node, f"the connector `{name}`").get("Properties"), "`Properties`")
            source = entries(fields.get("SourceReference"), "`SourceReference`")
            own = wrap({"Id": declared.logical, **source}, node.where)
            yield from _connector(own, fields, template)


def _connector(
    source: Node | None, fields: dict[str, Node], template: Template
) -> Iterator[tuple[str, Statement]]:
    wanted = words(fields.get("Permissions"), "`Permissions`")
    start = _end(source, template)
    for node in several(fields.get("Destination")):
        end = _end(node, template)
        profiles: Any = files.table(PROFILES)["Permissions"]
        profile = profiles.get(start.kind, {}).get(end.kind) if start and end else None
        if start is None or end is None or profile is None:
            template.ground.warn(node.where, "this connector is not understood; it grants nothing")
            continue
        if profile["Type"] != "AWS_IAM_ROLE_MANAGED_POLICY":
            continue  # a permission on the destination's side: what it lets in, its own trigger says
        holder = start if profile["Properties"]["SourcePolicy"] else end
        if holder.kind != "AWS::Lambda::Function":
            continue
        for category in wanted:
            granted = profile["Properties"]["AccessCategories"].get(category)
            if granted is not None:
                filled = wrap(_filled(granted, start, end), node.where)
                yield from ((holder.arn, s) for s in document(filled, f"connector {category}"))


def _end(node: Node | None, template: Template) -> End | None:
    fields = entries(resolve(node, template) if node is not None else None, "a connector's end")
    where = node.where if node is not None else Where(str(template.file))
    logical = word(fields.get("Id"), "`Id`")
    declared = template.declared.get(logical)
    if declared is not None:
        arn = template.formed(logical, "{arn}") if row(declared.kind).arn else ""
        return End(plain(declared.kind), arn, template.name(logical), where)
    kind, arn = plain(word(fields.get("Type"), "`Type`")), word(fields.get("Arn"), "`Arn`")
    return (
        End(kind, arn, word(fields.get("Name"), "`Name`") or arn.rsplit(":", 1)[-1], where)
        if kind and arn
        else None
    )


def _filled(value: Any, source: End, destination: End) -> Any:
    if isinstance(value, dict):
        return {k: _filled(v, source, destination) for k, v in value.items()}
    if isinstance(value, list):
        return [_filled(v, source, destination) for v in value]
    if isinstance(value, str):
        for side, end in (("Source", source), ("Destination", destination)):
            value = value.replace(f"%{{{side}.Arn}}", end.arn).replace(f"%{{{side}.Name}}", end.name)
            value = value.replace(f"%{{{side}.ResourceId}}", end.name).replace(f"%{{{side}.Qualifier}}", "*")
    return value
