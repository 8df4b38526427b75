"""What each parameter of a template stands for: what was given, its default, or a visible placeholder.

Knows parameter types (CloudFormation user guide, Parameters). Does not know where they are used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from valve_aws.model.source import Invalid, Node
from valve_aws.template.ground import Ground
from valve_aws.template.shapes import elements, entries, named, text, word, wrap

STORED: Final = re.compile(r"AWS::SSM::Parameter::Value<(List<)?[\w:]*>{1,2}")

PLACEHOLDERS: Final = (
    ("Number", "0"),
    ("AWS::EC2::AvailabilityZone::Name", "{region}a"),
    ("AWS::EC2::VPC::Id", "vpc-00000000000000000"),
    ("AWS::EC2::Subnet::Id", "subnet-00000000000000000"),
    ("AWS::EC2::SecurityGroup::Id", "sg-00000000000000000"),
    ("AWS::EC2::Image::Id", "ami-00000000000000000"),
    ("AWS::Route53::HostedZone::Id", "Z00000000000000000000"),
    ("", "placeholder-{name}"),
)
"""By the start of the type, what stands in for a parameter that nobody gave."""


def read(section: Node | None, given: Mapping[str, str], ground: Ground, *, top: bool) -> dict[str, Node]:
    """Return parameter name → value: a text, or a list of texts for list types."""
    declared = entries(section, "`Parameters`")
    if top and section is not None:
        for name in given:
            if name not in declared:
                ground.warn(
                    section.where, f"the parameter `{name}` is given, but the template has none of that name"
                )
    return {name: _value(name, node, given.get(name), ground) for name, node in declared.items()}


def _value(name: str, node: Node, given: str | None, ground: Ground) -> Node:
    fields = entries(node, f"the parameter `{name}`")
    kind = word(fields.get("Type"), f"the type of `{name}`", "String")
    written = given if given is not None else _default(name, fields.get("Default"))
    many = "List<" in kind or kind == "CommaDelimitedList"
    if written is None:
        written = _placeholder(name, kind, fields, ground)
        ground.warn(
            node.where,
            f"the parameter `{name}` has no default and was not given: `{written}` stands in for it; "
            f"give it with `--parameter-overrides {name}=…`",
        )
    elif STORED.fullmatch(kind):
        # What the stored parameter holds is known to the account alone.
        return Node(f"{{{{resolve:ssm:{written}}}}}", node.where)
    else:
        _allowed(name, written, node, fields, given is not None)
    ground.spend(node.where, written.count(","), len(written))
    return wrap([part.strip() for part in written.split(",")] if many else written, node.where)


def _default(name: str, node: Node | None) -> str | None:
    if node is None or node.value is None:
        return None
    if isinstance(node.value, list):
        return ",".join(word(v, f"each default of `{name}`") for v in node.value)
    found = text(node.value)
    if found is None or node.tag:
        raise Invalid(
            node.where,
            f"the default of `{name}` must be plain text, not {named(node.value)}",
            "no function may stand here",
        )
    return found


def _placeholder(name: str, kind: str, fields: Mapping[str, Node], ground: Ground) -> str:
    allowed = elements(fields.get("AllowedValues"), f"the allowed values of `{name}`")
    if allowed:
        return word(allowed[0], f"each allowed value of `{name}`")
    inner = re.sub(r"^(?:AWS::SSM::Parameter::Value<)?(?:List<)?([\w:]*)>{0,2}$", r"\1", kind)
    if inner == "Number" and "MinValue" in fields:
        return word(fields["MinValue"], f"the least value of `{name}`")
    form = next(form for start, form in PLACEHOLDERS if inner.startswith(start))
    return form.replace("{region}", ground.region).replace("{name}", name.lower())


def _allowed(name: str, value: str, node: Node, fields: Mapping[str, Node], given: bool) -> None:
    allowed = [
        word(v, f"each allowed value of `{name}`")
        for v in elements(fields.get("AllowedValues"), "`AllowedValues`")
    ]
    if given and allowed and value not in allowed:
        raise Invalid(
            node.where,
            f"`{value}` is not allowed for the parameter `{name}`",
            f"give one of {', '.join(f'`{v}`' for v in allowed[:10])}",
        )
