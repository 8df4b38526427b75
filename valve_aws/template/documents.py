"""Documents that a template names in place of saying what is in them: OpenAPI, Amazon States Language.

Knows where such a file may lie. Does not know what stands in it.
"""

from __future__ import annotations

from typing import Final

from valve_aws.model.source import Node
from valve_aws.template import files
from valve_aws.template.intrinsics import resolve
from valve_aws.template.scope import Declared, Template
from valve_aws.template.shapes import entries, is_open

MACHINE: Final = "AWS::StepFunctions::StateMachine"


def document(named: Node, template: Template, lacking: str) -> Node | None:
    """Return the file at a resource's URI, as SAM takes it; None where that is not on this machine. `lacking`
    says what there is not without it."""
    location = resolve(named, template)
    if not isinstance(location.value, str) or "://" in location.value or is_open(location.value):
        return None
    ground = template.ground
    path = files.within(ground.root, template.folder, location.value, location.where)
    if files.what(path) != "file":
        ground.warn(location.where, f"`{location.value[:200]}` is not there; {lacking}")
        return None
    return ground.load(path)


def machine(declared: Declared, template: Template) -> Node:
    """Return a state machine's properties with its definition in them, where that is a file on this
    machine."""
    fields = entries(declared.properties, "`Properties`")
    node = fields.get("DefinitionUri")
    found = document(node, template, "its executions cannot run") if node is not None else None
    if found is None:
        return declared.properties
    rest = {k: v for k, v in fields.items() if k != "DefinitionUri"}
    return Node({**rest, "Definition": found}, declared.properties.where, "", declared.properties.keys)
