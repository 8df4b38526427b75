"""One template's names: parameters, conditions, mappings and resources, each found when it is asked for.

Knows what a name stands for, and refuses circles. Does not know what functions or stores are made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.template import arns, defaults, parameters
from valve_aws.template.ground import Ground, digest, physical
from valve_aws.template.intrinsics import holds, resolve
from valve_aws.template.kinds import NOTHING, SAM, Kind, plain, row
from valve_aws.template.shapes import NOVALUE, entries, is_open, text, truth, unresolved, word, wrap

MADE: Final = re.compile(r"(.+?)\.(Alias|Version|Stage|Deployment|DestinationQueue|DestinationTopic)")
"""SAM's way of naming what it makes from a resource (SAM specification, generated resources)."""

GENERATED: Final = (
    (re.compile("Role"), "AWS::IAM::Role", ""),
    (re.compile("Url"), "AWS::Lambda::Url", ""),
    (re.compile(r"\w*Stage"), "", "Stage"),
    (re.compile(r"Deployment\w*"), "", "Deployment"),
    (re.compile(r"(?:Alias|Version)\w*"), "", "Version"),
)
"""What follows a resource's id in the id of what SAM makes from it: its type, or what `product` tells."""

QUALIFIED: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::Lambda::Alias": ("FunctionName", "Name"),
    "AWS::Lambda::Version": ("FunctionName", ""),
}
"""Types that stand for a function under a qualifier: where the two are written."""

IMPLICIT: Final[Mapping[str, str]] = {
    "ServerlessRestApi": "AWS::Serverless::Api",
    "ServerlessHttpApi": "AWS::Serverless::HttpApi",
}


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource as the template writes it, SAM's Globals laid under it."""

    logical: str
    kind: str
    properties: Node
    node: Node

    @property
    def where(self) -> Where:
        """Return where it stands."""
        return self.node.where


class Template:
    """One template, top or nested; fulfils `intrinsics.Scope`."""

    def __init__(
        self,
        root: Node,
        ground: Ground,
        *,
        stack: str,
        prefix: str = "",
        file: Path,
        given: Mapping[str, str] | None = None,
        nested: Callable[[Template, Declared], Template | None] | None = None,
    ) -> None:
        self.ground = ground
        self.stack = stack
        self.prefix = prefix
        self.file = file
        self.folder = file.parent
        self.nested = nested
        self.top = entries(root, "a template")
        self.parameters = parameters.read(self.top.get("Parameters"), given or {}, ground, top=not prefix)
        self.conditions = entries(self.top.get("Conditions"), "`Conditions`")
        self.mappings = entries(self.top.get("Mappings"), "`Mappings`")
        self.truths: dict[str, bool] = {}
        self.names: dict[str, str] = {}
        self.children: dict[str, Template | None] = {}
        self.pending: set[str] = set()
        self.declared: dict[str, Declared] = {}
        self._declare(root)

    def _declare(self, root: Node) -> None:
        section = self.top.get("Resources")
        if section is None:
            raise Invalid(root.where, "a template without `Resources`", "is this the right file?")
        base = defaults.read(self.top.get("Globals"))
        for logical, node in entries(section, "`Resources`").items():
            if logical.startswith("Fn::"):
                self.ground.warn(
                    node.where,
                    f"`{logical.split('::')[1]}` is not carried out; its resources are missing",
                    logical[:11],
                )
                continue
            fields = entries(node, f"the resource `{logical}`")
            kind = word(fields.get("Type"), f"the type of `{logical}`")
            if not kind:
                raise Invalid(node.where, f"the resource `{logical}` has no `Type`", "add it")
            condition = fields.get("Condition")
            if condition is not None and not self.condition(word(condition, "`Condition`"), condition.where):
                continue
            properties = defaults.under(base, kind, fields.get("Properties"), node.where)
            self.declared[logical] = Declared(logical, kind, properties, node)

    @contextmanager
    def once(self, name: str, where: Where) -> Iterator[None]:
        """Refuse a name that is needed to find itself."""
        if name in self.pending:
            raise Invalid(where, f"`{name}` depends on itself", "break the circle")
        self.pending.add(name)
        try:
            yield
        finally:
            self.pending.discard(name)

    def condition(self, name: str, where: Where) -> bool:
        """Say whether a condition of this template holds."""
        if name not in self.truths:
            if name not in self.conditions:
                raise Invalid(
                    where, f"there is no condition `{name}`", self.suggestion(name, self.conditions)
                )
            with self.once(f"Condition {name}", where):
                self.truths[name] = holds(self.conditions[name], self)
        return self.truths[name]

    def mapped(self, path: tuple[str, str, str]) -> Node | None:
        """Return an entry of `Mappings`, resolved; None when there is none."""
        node: Node | None = self.top.get("Mappings")
        for key in path:
            node = node.value.get(key) if node is not None and isinstance(node.value, dict) else None
        if node is None:
            return None
        with self.once(f"Mappings.{'.'.join(path)}", node.where):
            return resolve(node, self)

    def suggestion(self, name: str, known: Mapping[str, object]) -> str:
        """Return the remedy that names what was probably meant."""
        from difflib import get_close_matches  # Why here: mistakes alone pay for it.

        near = get_close_matches(name, list(known), 1)
        return f"did you mean `{near[0]}`?" if near else ""

    def pseudo(self, name: str, where: Where) -> Node:
        """Return a pseudo parameter (CloudFormation reference, pseudo parameters)."""
        ground = self.ground
        stack = f"arn:{ground.partition}:cloudformation:{ground.region}:{ground.account}:stack/{self.stack}"
        values: dict[str, object] = {
            "AWS::AccountId": ground.account,
            "AWS::Region": ground.region,
            "AWS::Partition": ground.partition,
            "AWS::URLSuffix": ground.suffix,
            "AWS::StackName": self.stack,
            "AWS::NotificationARNs": [],
            "AWS::StackId": f"{stack}/{uuid(digest(self.stack))}",
            "AWS::NoValue": NOVALUE,
        }
        if name not in values:
            raise Invalid(where, f"there is no pseudo parameter `{name}`", self.suggestion(name, values))
        return wrap(values[name], where)

    def ref(self, name: str, where: Where) -> Node:
        """Return what `Ref` gives (Scope)."""
        if name.startswith("AWS::"):
            return self.pseudo(name, where)
        if name in self.parameters:
            return self.parameters[name]
        if name in self.declared:
            if self.declared[name].kind in QUALIFIED:
                return Node(self.qualified(self.declared[name]), where)
            kind = row(self.declared[name].kind)
            known = self.formed(name, kind.ref) if kind is not NOTHING else ""
            return Node(known or unresolved(f"Ref:{self.prefix}{name}"), where)
        made = self.made(name, "")
        return Node(made if made is not None else self.missing("Ref", name, where), where)

    def attribute(self, logical: str, name: str, where: Where) -> Node:
        """Return what `Fn::GetAtt` gives (Scope)."""
        declared = self.declared.get(logical)
        if declared is None:
            made = self.made(logical, name)
            return Node(
                made if made is not None else self.missing("GetAtt", f"{logical}.{name}", where), where
            )
        if name.startswith("Outputs.") and plain(declared.kind) == "AWS::CloudFormation::Stack":
            return self.output(declared, name.removeprefix("Outputs."), where)
        form = row(declared.kind).attributes.get(name)
        if form is None:
            if declared.kind in SAM and MADE.fullmatch(f"{logical}.{name}"):
                return Node(self.product(logical, name), where)
            written = entries(declared.properties, f"the properties of `{logical}`").get(name)
            if written is not None and declared.kind.startswith("AWS::") and name not in {"Arn", "Id"}:
                with self.once(f"{logical}.{name}", where):
                    return resolve(written, self)
            return Node(unresolved(f"GetAtt:{self.prefix}{logical}.{name}"), where)
        return Node(self.formed(logical, form), where)

    def qualified(self, declared: Declared) -> str:
        """Return Ref of an alias or a version of a function: the function's ARN with a qualifier."""
        fields = entries(declared.properties, f"the properties of `{declared.logical}`")
        with self.once(declared.logical, declared.where):
            written = [fields.get(key) for key in QUALIFIED[declared.kind]]
            function, qualifier = (word(resolve(n, self), "a name") if n is not None else "" for n in written)
        return f"{arns.store(function, 'AWS::Lambda::Function', self.ground)}:{qualifier or '1'}"

    def output(self, declared: Declared, name: str, where: Where) -> Node:
        """Return an output of a nested template."""
        child = self.child(declared)
        outputs = entries(child.top.get("Outputs"), "`Outputs`") if child else {}
        if child is None or name not in outputs:
            if child is not None:
                self.ground.warn(
                    where,
                    f"`{declared.logical}` has no output `{name}`",
                    f"{self.prefix}{declared.logical}.{name}",
                )
            return Node(unresolved(f"GetAtt:{self.prefix}{declared.logical}.Outputs.{name}"), where)
        value = entries(outputs[name], f"the output `{name}`").get("Value")
        with child.once(f"Outputs.{name}", where):
            return resolve(value, child) if value is not None else Node("", where)

    def child(self, declared: Declared) -> Template | None:
        """Return a nested template, read once; None when it is not on this machine."""
        if declared.logical not in self.children:
            with self.once(declared.logical, declared.where):
                self.children[declared.logical] = self.nested(self, declared) if self.nested else None
        return self.children[declared.logical]

    def missing(self, function: str, name: str, where: Where) -> str:
        """Note a name that nothing has; it stays visible."""
        hint = self.suggestion(name.split(".")[0], {**self.declared, **self.parameters})
        self.ground.warn(
            where,
            f"`{name}` is neither a parameter nor a resource that is made here"
            + (f"; {hint}" if hint else ""),
            f"missing {self.prefix}{name}",
        )
        return unresolved(f"{function}:{self.prefix}{name}")

    def made(self, name: str, attribute: str) -> str | None:
        """Return Ref (attribute "") or GetAtt of what SAM makes from a resource; None: it makes no such."""
        if name in IMPLICIT and self.implicit(name):
            kind = row(IMPLICIT[name])
            return self.formed(name, kind.attributes.get(attribute, "") if attribute else kind.ref, kind)
        dotted = MADE.fullmatch(name if not attribute else f"{name}.{attribute}")
        if dotted and dotted.group(1) in self.declared and not attribute:
            return self.product(dotted.group(1), dotted.group(2))
        owners = [d for d in self.declared.values() if d.kind in SAM and name.startswith(d.logical)]
        if not owners:
            return None
        owner = max(owners, key=lambda d: len(d.logical)).logical
        for pattern, kind_name, what in GENERATED:
            if not pattern.fullmatch(name[len(owner) :]):
                continue
            kind = row(kind_name)
            form = kind.attributes.get(attribute) if attribute else kind.ref
            return self.product(owner, what) if what else form and self.formed(name, form, kind)
        return None

    def product(self, logical: str, what: str) -> str:
        """Return Ref of an alias, a version, or a stage that SAM makes for a resource."""
        properties = entries(self.declared[logical].properties, "properties")
        if what in {"Alias", "Version"}:
            alias = properties.get("AutoPublishAlias") if what == "Alias" else None
            qualifier = word(resolve(alias, self), "`AutoPublishAlias`") if alias is not None else "1"
            return self.formed(logical, "{arn}") + f":{qualifier}"
        if what == "Stage":
            stage = properties.get("StageName")
            return word(resolve(stage, self), "`StageName`") if stage is not None else "Prod"
        return self.formed(logical, "{n}") + f"-{what.lower()}"

    def implicit(self, name: str) -> bool:
        """Say whether SAM makes this API: some function has an event of its kind."""
        kind = "Api" if name == "ServerlessRestApi" else "HttpApi"
        for declared in self.declared.values():
            if declared.kind != "AWS::Serverless::Function" or not isinstance(
                declared.properties.value, dict
            ):
                continue
            events = declared.properties.value.get("Events")
            for event in (
                events.value.values() if events is not None and isinstance(events.value, dict) else ()
            ):
                fields = event.value if isinstance(event.value, dict) else {}
                if "Type" in fields and fields["Type"].value == kind:
                    return True
        return False

    def name(self, logical: str, kind: Kind | None = None) -> str:
        """Return the physical name of a resource."""
        if logical not in self.names:
            full = f"{self.prefix}{logical}"
            where = self.declared[logical].where if logical in self.declared else Where(str(self.file))
            with self.once(logical, where):
                self.names[logical] = self.ground.physical.get(full) or self._name(logical, full, kind)
        return self.names[logical]

    def _name(self, logical: str, full: str, kind: Kind | None) -> str:
        declared = self.declared.get(logical)
        if declared is None:
            return physical(self.ground.stack, full, (kind or Kind()).limit)
        kind = row(declared.kind)
        properties = entries(declared.properties, f"the properties of `{logical}`")
        for key in kind.named:
            if key not in properties:
                continue
            written = resolve(properties[key], self)
            found = text(written.value) if written.value is not NOVALUE else ""
            if found is None:
                raise Invalid(written.where, f"`{key}` must be text", "give a name")
            if is_open(found):
                self.ground.warn(
                    written.where, f"the name of `{full}` is known only at deployment; a made-up one is used"
                )
            elif found:
                return found
        fifo = kind.fifo and kind.fifo in properties and truth(resolve(properties[kind.fifo], self))
        return physical(self.ground.stack, full, kind.limit, ".fifo" if fifo else "")

    def formed(self, logical: str, form: str, kind: Kind | None = None) -> str:
        """Return a format of `Kind` filled for one resource."""
        kind = kind or row(self.declared[logical].kind if logical in self.declared else "")
        ground = self.ground
        mark = digest(ground.stack, f"{self.prefix}{logical}")
        fields = {
            "a": ground.account,
            "r": ground.region,
            "p": ground.partition,
            "u": ground.suffix,
            "i": mark[:10],
            "d": uuid(mark),
        }
        name = kind.generated.format(**fields) if kind.generated else self.name(logical, kind)
        fields |= {"n": name, "t": name.lstrip("/")}
        return form.format(**fields, arn=kind.arn.format(**fields)) if "{" in form else form


def uuid(mark: str) -> str:
    """Return hex digits in the shape of a UUID."""
    return "-".join((mark[:8], mark[8:12], mark[12:16], mark[16:20], mark[20:32]))
