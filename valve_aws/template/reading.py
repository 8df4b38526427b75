"""A template and those nested in it, read into one stack.

Knows the order in which a stack is put together. Does not know what any one property means.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import (
    LATEST,
    Afterwards,
    Delivery,
    Function,
    KeySchema,
    Layer,
    Resource,
    Stack,
    Statement,
    Trigger,
)
from valve_aws.template import (
    apis,
    arns,
    connectors,
    defaults,
    documents,
    events,
    files,
    functions,
    permissions,
    resources,
    wiring,
)
from valve_aws.template.ground import NESTED, Ground
from valve_aws.template.intrinsics import resolve
from valve_aws.template.kinds import known, plain, row
from valve_aws.template.permissions import Role
from valve_aws.template.scope import IMPLICIT, QUALIFIED, Declared, Template
from valve_aws.template.shapes import entries, is_open, several, text, word

LEVELS: Final = 10
"""How deep nested templates may nest."""

POLICIES: Final = frozenset({"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"})
"""Types that attach a document to roles."""

POLICY: Final = re.compile(r"/Metadata(/Valve(/.*)?)?", re.DOTALL)
"""Where a template may hold a policy, whose mistakes are never passed over."""

Properties = Mapping[str, Node]


@dataclass(slots=True)
class Building:
    """A stack while it is put together."""

    ground: Ground
    functions: dict[str, Function] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    triggers: list[Trigger] = field(default_factory=list)
    configured: dict[str, Afterwards] = field(default_factory=dict)
    """What event invoke configurations say, by function ARN."""
    qualifiers: dict[str, dict[str, str]] = field(default_factory=dict)
    """Aliases and versions that resources are, by function ARN."""
    layers: dict[str, Layer] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    policies: dict[str, tuple[Statement, ...]] = field(default_factory=dict)
    """Managed policies that the stack makes, by ARN."""
    attached: dict[str, list[Statement]] = field(default_factory=dict)
    """What AWS::IAM::Policy and ManagedPolicy attach, by role name."""
    granted: dict[str, list[Statement]] = field(default_factory=dict)
    """What connectors grant, by function ARN."""
    templates: list[tuple[Template, dict[str, Properties]]] = field(default_factory=list)


def read(
    file: Path,
    *,
    parameters: Mapping[str, str],
    stack: str,
    account: str,
    region: str,
    physical: Mapping[str, str],
    load: Callable[[Path], Node],
    project: Path | None = None,
) -> Stack:
    """Return the application that the template `file` describes.

    `load` reads and parses a template; `physical` maps logical ids to names that already exist; `project` is
    what code may not leave, else the template's own folder. Raises Invalid for a mistake in the template;
    what is merely not understood becomes a warning.
    """
    ground = Ground(stack, account, region, physical, load, files.bounds(file, project))
    root = load(file)
    _repeated(root, ground)
    try:
        top = Template(root, ground, stack=stack, file=file, given=parameters, nested=_nested)
        return _stack(top, ground)
    except RecursionError:
        raise Invalid(
            Where(str(file)), "its references follow one another too deeply", "shorten the chain"
        ) from None


def _stack(top: Template, ground: Ground) -> Stack:
    building = Building(ground)
    _transforms(top)
    _gather(top, building)
    for template, read_out in building.templates:
        for declared in template.declared.values():
            _place(declared, read_out.get(declared.logical, {}), template, building)
        for arn, statement in connectors.grants(template):
            building.granted.setdefault(arn, []).append(statement)
    _attach(building)
    _known(ground, [template for template, _ in building.templates])
    metadata = entries(top.top.get("Metadata"), "`Metadata`")
    return Stack(
        ground.stack,
        ground.account,
        ground.region,
        building.functions,
        building.resources,
        tuple(dict.fromkeys(building.deliveries)),
        tuple(ground.warnings),
        str(top.file),
        top.folder,
        metadata.get("Valve"),
        str(top.pseudo("AWS::StackId", Where(str(top.file))).value),
    )


def _known(ground: Ground, templates: Iterable[Template]) -> None:
    """Refuse `--physical` for what is not in the application: nothing would be found under that name."""
    there = {f"{each.prefix}{logical}" for each in templates for logical in (*each.declared, *each.names)}
    for logical in ground.physical.keys() - there:
        near = difflib.get_close_matches(logical, there, 1)
        raise Invalid(
            Where("--physical"),
            f"the template has no `{logical}`",
            f"did you mean `{near[0]}`" if near else "name a resource of it",
        )


def _repeated(root: Node, ground: Ground) -> None:
    """Say which keys are written twice; the last counts, as for CloudFormation. A policy is not read so."""
    waiting = [(root, "")]
    while waiting:
        node, path = waiting.pop()
        for key, first, again in node.repeated:
            if POLICY.fullmatch(f"{path}/{key}"):
                raise Invalid(again, f"`{key}` is written twice, first at {first}", "keep one")
            ground.warn(again, f"`{key}` is written twice, first at {first}; this one counts")
        if isinstance(node.value, dict):
            waiting.extend((child, f"{path}/{key}") for key, child in reversed(node.value.items()))
        elif isinstance(node.value, list):
            waiting.extend((child, f"{path}/") for child in reversed(node.value))


def _transforms(template: Template) -> None:
    for node in several(template.top.get("Transform")):
        name = text(node.value) or "AWS::Include"
        if not name.startswith("AWS::Serverless-"):
            template.ground.warn(
                node.where, f"the transform `{name[:80]}` is not carried out", f"transform {name}"
            )


def _nested(parent: Template, declared: Declared) -> Template | None:
    """Return the template of a nested application or stack; None when it is not on this machine."""
    ground = parent.ground
    fields = entries(declared.properties, "`Properties`")
    node = fields.get("Location", fields.get("TemplateURL"))
    location = resolve(node, parent) if node is not None else Node("", declared.where)
    written = location.value if isinstance(location.value, str) else ""
    full = parent.prefix + declared.logical
    if not written or "://" in written or is_open(written):
        ground.warn(
            location.where,
            f"the nested application `{full}` is not on this machine; what it holds is missing",
        )
        return None
    path = files.within(ground.root, parent.folder, written, location.where)
    ground.nested += 1
    if ground.nested > NESTED or full.count("/") >= LEVELS:
        raise Invalid(location.where, f"more than {NESTED} nested templates, or nested deeper than {LEVELS}")
    if files.what(path) != "file":
        ground.warn(
            location.where, f"the nested template `{written[:200]}` is not there; what it holds is missing"
        )
        return None
    given = {}
    for name, value in entries(fields.get("Parameters"), "`Parameters`").items():
        found = resolve(value, parent)
        given[name] = ",".join(word(v, f"`{name}`") for v in several(found))
    # Why not the resolved path: messages show what the user wrote.
    shown = Path(os.path.normpath(parent.folder / written))
    root = ground.load(shown)
    _repeated(root, ground)
    return Template(
        root,
        ground,
        stack=f"{parent.stack}-{declared.logical}",
        prefix=f"{full}/",
        file=shown,
        given=given,
        nested=_nested,
    )


def _gather(template: Template, building: Building) -> None:
    """Resolve every resource's properties, nested templates included, and note roles, policies and layers."""
    read_out: dict[str, Properties] = {}
    building.templates.append((template, read_out))
    for declared in template.declared.values():
        kind = plain(declared.kind)
        if not known(declared.kind):
            template.ground.warn(
                declared.where,
                f"`{declared.kind}` is not known here; it is passed over",
                f"kind {declared.kind}",
            )
        if kind == "AWS::CloudFormation::Stack":
            child = template.child(declared)
            if child is not None:
                _gather(child, building)
        elif kind == "AWS::IAM::Role":
            building.roles[template.formed(declared.logical, "{arn}")] = Role(template, declared.properties)
        elif declared.kind in POLICIES:
            _policy(declared, template, building)
        else:
            found = _properties(declared, template)
            read_out[declared.logical] = found
            if kind == "AWS::Lambda::LayerVersion":
                arn = template.formed(declared.logical, "{arn}")
                building.layers[arn] = functions.layer(declared, found, template)


def _properties(declared: Declared, template: Template) -> Properties:
    """Return the resolved properties; a mistake in a type that does not matter here is only a warning."""
    if plain(declared.kind) in apis.EVENT:
        return entries(resolve(apis.defined(declared, template), template), "`Properties`")
    if plain(declared.kind) == documents.MACHINE:
        return entries(resolve(documents.machine(declared, template), template), "`Properties`")
    if (
        row(declared.kind).data
        or declared.kind in wiring.READERS
        or plain(declared.kind) == "AWS::Lambda::LayerVersion"
    ):
        return entries(resolve(declared.properties, template), "`Properties`")
    try:
        return entries(resolve(declared.properties, template), "`Properties`")
    except Invalid as e:
        template.ground.warn(e.where, f"{e.problem}; `{declared.logical}` is passed over")
        return {}


def _policy(declared: Declared, template: Template, building: Building) -> None:
    fields = entries(declared.properties, "`Properties`")
    node = fields.get("PolicyDocument")
    granted = permissions.document(resolve(node, template), declared.logical) if node is not None else ()
    if declared.kind == "AWS::IAM::ManagedPolicy":
        building.policies[template.formed(declared.logical, "{arn}")] = granted
    roles = fields.get("Roles", fields.get("RoleName"))
    for role in several(resolve(roles, template) if roles is not None else None):
        building.attached.setdefault(word(role, "a role's name"), []).extend(granted)


def _place(declared: Declared, found: Properties, template: Template, building: Building) -> None:
    """Put one resource into the stack: a function, or anything else."""
    if plain(declared.kind) == "AWS::Lambda::Function":
        function = functions.read(declared, found, template, building.layers)
        triggers = events.triggers(found.get("Events"), function.logical, template)
        config = entries(found.get("EventInvokeConfig"), "`EventInvokeConfig`")
        letters = entries(found.get("DeadLetterQueue", found.get("DeadLetterConfig")), "`DeadLetterConfig`")
        afterwards = events.afterwards(config, template.ground, letters)
        function = replace(function, triggers=triggers, afterwards=afterwards)
        for url in apis.own_url(declared.logical, found, template):
            function = events.attached(function, url)
        for trigger in triggers:
            _implicit(trigger, template, building)
        building.functions[function.logical] = _granted(function, declared, found, template, building)
        building.deliveries.extend(events.outcomes(function, found, template))
        return
    if declared.kind == "AWS::Serverless::Connector":
        return
    if declared.kind in QUALIFIED:
        arn, _, qualifier = template.qualified(declared).rpartition(":")
        version = word(found.get("FunctionVersion"), "`FunctionVersion`")
        building.qualifiers.setdefault(arn, {})[qualifier] = LATEST if version == LATEST else "1"
    resource = resources.read(declared, found, template)
    building.resources[resource.logical] = resource
    for wire in wiring.of(declared, found, template):
        if isinstance(wire, Trigger):
            building.triggers.append(wire)
        elif isinstance(wire, events.Configured):
            building.configured[wire.function] = wire.afterwards
        else:
            building.deliveries.append(wire)


def _implicit(trigger: Trigger, template: Template, building: Building) -> None:
    """Note the API that SAM makes for events that name none."""
    for name, kind in IMPLICIT.items():
        full = template.prefix + name
        if trigger.source and full not in building.resources and trigger.source == _api(name, template):
            building.resources[full] = Resource(
                full,
                plain(kind),
                template.name(name, row(kind)),
                trigger.source,
                _globals(kind, template),
                trigger.where,
            )


def _globals(kind: str, template: Template) -> dict[str, Any]:
    """Return what `Globals` gives an API that SAM makes by itself."""
    node = defaults.read(template.top.get("Globals")).get(kind)
    fields = entries(resolve(node, template), "`Globals`") if node is not None else {}
    return {key: value.plain() for key, value in fields.items()}


def _api(name: str, template: Template) -> str:
    made = template.made(name, "")
    return arns.made(made, "AWS::ApiGateway::RestApi", template.ground) if made else ""


def _granted(
    function: Function, declared: Declared, found: Properties, template: Template, building: Building
) -> Function:
    """Return the function with what its role grants."""
    role = word(found.get("Role"), "`Role`")
    sam = declared.kind == "AWS::Serverless::Function"
    own = building.granted.setdefault(function.arn, [])
    if sam and not role:
        own.extend(permissions.execution(found, declared.where))
        own.extend(permissions.sam_policies(found.get("Policies"), template, building.policies))
        own.extend(events.polling(function.triggers))
        return function
    known_role = building.roles.get(role)
    if known_role is None:
        return replace(function, unmanaged_role=True)
    own.extend(known_role.statements(building.policies))
    own.extend(building.attached.get(role.split(":role/", 1)[-1].rsplit("/", 1)[-1], ()))
    return function


def _attach(building: Building) -> None:
    """Give functions the triggers that other resources name, and the statements that were gathered."""
    by_arn = {f.arn: f.logical for f in building.functions.values()}
    for trigger in building.triggers:
        logical = by_arn.get(trigger.function)
        if logical is None:
            building.ground.warn(
                trigger.where, f"`{trigger.name}` wakes a function that is not of this stack"
            )
            continue
        building.functions[logical] = events.attached(building.functions[logical], trigger)
    for logical, function in building.functions.items():
        statements = tuple(building.granted.get(function.arn, ()))
        afterwards = function.afterwards
        if told := building.configured.get(function.arn):
            afterwards = replace(told, dead_letters=afterwards.dead_letters)
        building.functions[logical] = replace(
            function,
            statements=statements,
            afterwards=afterwards,
            qualifiers={**function.qualifiers, **building.qualifiers.get(function.arn, {})},
        )


def schema(stack: Stack) -> Callable[[str], KeySchema | None]:
    """Return the function that tells a table's key schema by its ARN (`ports.Tables`)."""
    return resources.schemas(stack).get
