"""CloudFormation's intrinsic functions: a node that holds them becomes one that holds values.

Knows the functions and what each takes (CloudFormation reference, intrinsic functions). Does not know where
names come from; a scope answers for them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.template.ground import Ground
from valve_aws.template.shapes import NOVALUE, UNRESOLVED, is_open, named, text, unresolved, wrap


class Scope(Protocol):
    """Who answers for the names of one template."""

    ground: Ground

    def ref(self, name: str, where: Where) -> Node:
        """Return what `Ref` gives."""

    def attribute(self, logical: str, name: str, where: Where) -> Node:
        """Return what `Fn::GetAtt` gives."""

    def condition(self, name: str, where: Where) -> bool:
        """Say whether a condition holds."""

    def mapped(self, path: tuple[str, str, str]) -> Node | None:
        """Return an entry of `Mappings`."""


VARIABLE = re.compile(r"\$\{([^{}]*)\}")
ZONES: Final = "abcdef"


def resolve(node: Node, scope: Scope) -> Node:
    """Return `node` with every function in it carried out; positions stay. Raises Invalid."""
    scope.ground.spend(node.where, 1)
    value = node.value
    if node.tag:
        return call(node.tag, Node(value, node.where, "", node.keys), scope)
    if isinstance(value, dict):
        if len(value) == 1:
            key, argument = next(iter(value.items()))
            if key == "Ref" or key.startswith("Fn::"):
                return call(key.removeprefix("Fn::"), argument, scope)
        return Node(_members(value, scope), node.where, "", node.keys)
    if isinstance(value, list):
        resolved = (resolve(v, scope) for v in value)
        return Node([v for v in resolved if v.value is not NOVALUE], node.where)
    return node


def _members(values: dict[str, Node], scope: Scope) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for key, child in values.items():
        if key.startswith(("Fn::ForEach", "Fn::Transform")):
            name = key.split("::")[1]
            scope.ground.warn(
                child.where, f"`Fn::{name}` is not carried out; what it would add is missing", f"Fn::{name}"
            )
            continue
        resolved = resolve(child, scope)
        if resolved.value is not NOVALUE:
            found[key] = resolved
    return found


def call(name: str, argument: Node, scope: Scope) -> Node:
    """Carry out one function; what is not in the table stays visible as unresolved."""
    function = FUNCTIONS.get(name)
    if function is None:
        remark = (
            "is not carried out"
            if name in {"Transform", "ForEach"}
            else "is not a function that is known here"
        )
        scope.ground.warn(argument.where, f"`Fn::{name}` {remark}; its value stays open", f"Fn::{name}")
        return Node(unresolved(name), argument.where)
    return function(argument, scope)


def scalar(node: Node, what: str) -> str:
    """Return a resolved scalar as text."""
    found = text(node.value) if node.value is not NOVALUE else None
    if found is None:
        raise Invalid(node.where, f"{what} must be text, not {named(node.value)}")
    return found


def arguments(node: Node, name: str, least: int, most: int) -> list[Node]:
    """Return the arguments of a function that takes a list, as they are written."""
    if isinstance(node.value, list) and not node.tag and least <= len(node.value) <= most:
        return node.value
    count = str(least) if least == most else f"{least} to {most}"
    raise Invalid(node.where, f"`Fn::{name}` takes a list of {count} values, not {named(node.value)}")


def sequence(node: Node, scope: Scope, name: str) -> list[Node] | None:
    """Return the elements of a list argument; None when it is known only at deployment."""
    found = resolve(node, scope)
    if isinstance(found.value, list):
        return found.value
    if is_open(found.value):
        return None
    raise Invalid(node.where, f"`Fn::{name}` needs a list here, not {named(found.value)}")


def _ref(node: Node, scope: Scope) -> Node:
    return scope.ref(scalar(node, "`Ref`"), node.where)


def _get_att(node: Node, scope: Scope) -> Node:
    if isinstance(node.value, list):
        parts = [scalar(resolve(v, scope), "`Fn::GetAtt`") for v in node.value]
        logical, attribute = (parts[0], ".".join(parts[1:])) if parts else ("", "")
    else:
        logical, _, attribute = scalar(node, "`Fn::GetAtt`").partition(".")
    if not logical or not attribute:
        raise Invalid(node.where, "`Fn::GetAtt` takes a logical id and an attribute")
    return scope.attribute(logical, attribute, node.where)


def _sub(node: Node, scope: Scope) -> Node:
    given: dict[str, Node] = {}
    template = node
    if isinstance(node.value, list):
        template, variables = arguments(node, "Sub", 2, 2)
        if not isinstance(variables.value, dict):
            raise Invalid(
                variables.where, f"the variables of `Fn::Sub` must be a mapping, not {named(variables.value)}"
            )
        given = variables.value

    def filled(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        if name in given:
            found = resolve(given[name], scope)
        elif "." in name:
            logical, _, attribute = name.partition(".")
            found = scope.attribute(logical, attribute, template.where)
        else:
            found = scope.ref(name, template.where)
        if isinstance(found.value, list):
            return ",".join(scalar(v, f"`${{{name}}}`") for v in found.value)
        return scalar(found, f"`${{{name}}}`")

    return _produced(VARIABLE.sub(filled, scalar(template, "`Fn::Sub`")), node.where, scope)


def _produced(value: str, where: Where, scope: Scope) -> Node:
    scope.ground.spend(where, 1, len(value))
    return Node(value, where)


def _join(node: Node, scope: Scope) -> Node:
    delimiter, parts = arguments(node, "Join", 2, 2)
    found = sequence(parts, scope, "Join")
    if found is None:
        return Node(unresolved("Join"), node.where)
    texts = [scalar(v, "each part of `Fn::Join`") for v in found]
    return _produced(scalar(resolve(delimiter, scope), "the delimiter").join(texts), node.where, scope)


def _select(node: Node, scope: Scope) -> Node:
    index, parts = arguments(node, "Select", 2, 2)
    position = scalar(resolve(index, scope), "the index of `Fn::Select`")
    found = sequence(parts, scope, "Select")
    if found is None or is_open(position):
        return Node(unresolved("Select"), node.where)
    if position.isascii() and position.isdecimal() and int(position[:9]) < len(found):
        return found[int(position[:9])]
    if any(is_open(v.value) for v in found):
        return Node(unresolved("Select"), node.where)
    raise Invalid(
        node.where, f"`Fn::Select` asks for `{position[:40]}` of a list of {len(found)}", "count from 0"
    )


def _split(node: Node, scope: Scope) -> Node:
    delimiter, source = arguments(node, "Split", 2, 2)
    mark = scalar(resolve(delimiter, scope), "the delimiter of `Fn::Split`")
    whole = scalar(resolve(source, scope), "the text of `Fn::Split`")
    if not mark:
        raise Invalid(delimiter.where, "the delimiter of `Fn::Split` is empty")
    scope.ground.spend(node.where, whole.count(mark))
    # Why: an open text keeps its own colons and slashes out of the way of whoever takes it apart.
    parts = [whole] if whole.startswith(UNRESOLVED) else whole.split(mark)
    return Node([Node(part, node.where) for part in parts], node.where)


def _if(node: Node, scope: Scope) -> Node:
    name, then, otherwise = arguments(node, "If", 3, 3)
    return resolve(then if scope.condition(scalar(name, "`Fn::If`"), name.where) else otherwise, scope)


def _find_in_map(node: Node, scope: Scope) -> Node:
    given = arguments(node, "FindInMap", 3, 4)
    path = tuple(scalar(resolve(v, scope), "each key of `Fn::FindInMap`") for v in given[:3])
    found = scope.mapped((path[0], path[1], path[2]))
    if found is not None:
        return found
    if len(given) == 4 and isinstance(given[3].value, dict) and "DefaultValue" in given[3].value:
        return resolve(given[3].value["DefaultValue"], scope)
    if any(is_open(part) for part in path):
        return Node(unresolved("FindInMap"), node.where)
    raise Invalid(
        node.where, f"`Mappings` has no `{'.'.join(path)}`", "add it, or choose another region or parameter"
    )


def _zones(node: Node, scope: Scope) -> Node:
    region = scalar(resolve(node, scope), "`Fn::GetAZs`") or scope.ground.region
    return wrap([region + zone for zone in ZONES], node.where)


def _base64(node: Node, scope: Scope) -> Node:
    whole = scalar(resolve(node, scope), "`Fn::Base64`")
    return _produced(base64.b64encode(whole.encode("utf-8", "replace")).decode(), node.where, scope)


def _import(node: Node, scope: Scope) -> Node:
    return Node(unresolved(f"ImportValue:{scalar(resolve(node, scope), '`Fn::ImportValue`')}"), node.where)


def _cidr(node: Node, scope: Scope) -> Node:
    given = [scalar(resolve(v, scope), "each value of `Fn::Cidr`") for v in arguments(node, "Cidr", 2, 3)]
    import ipaddress  # Why here: networks alone pay for it.

    try:
        network = ipaddress.ip_network(given[0], strict=False)
        count, bits = int(given[1]), int(given[2]) if len(given) == 3 else 8
        size = 1 << bits
        first = int(network.network_address)
        if not (1 <= count <= 256 and 0 < bits < network.max_prefixlen):
            raise ValueError
        kind = type(network)
        return wrap(
            [str(kind((first + n * size, network.max_prefixlen - bits))) for n in range(count)], node.where
        )
    except ValueError:
        if any(is_open(v) for v in given):
            return Node(unresolved("Cidr"), node.where)
        raise Invalid(
            node.where, "`Fn::Cidr` takes an address block, a count up to 256 and a number of bits"
        ) from None


def _length(node: Node, scope: Scope) -> Node:
    found = sequence(node, scope, "Length")
    return Node(unresolved("Length") if found is None else len(found), node.where)


def _json(node: Node, scope: Scope) -> Node:
    return _produced(json.dumps(resolve(node, scope).plain(), default=str), node.where, scope)


def _logical(name: str) -> Callable[[Node, Scope], Node]:
    def function(node: Node, scope: Scope) -> Node:
        return Node(holds(Node({f"Fn::{name}": node}, node.where), scope), node.where)

    return function


FUNCTIONS: Final[Mapping[str, Callable[[Node, Scope], Node]]] = MappingProxyType(
    {
        "Ref": _ref,
        "GetAtt": _get_att,
        "Sub": _sub,
        "Join": _join,
        "Select": _select,
        "Split": _split,
        "If": _if,
        "FindInMap": _find_in_map,
        "GetAZs": _zones,
        "Base64": _base64,
        "ImportValue": _import,
        "Cidr": _cidr,
        "Length": _length,
        "ToJsonString": _json,
        **{name: _logical(name) for name in ("Equals", "And", "Or", "Not")},
    }
)
"""The functions that give a value; the logical ones are for conditions, and give a bool elsewhere."""


def holds(node: Node, scope: Scope) -> bool:
    """Say whether a condition's expression is true."""
    scope.ground.spend(node.where, 1)
    name, argument = _operator(node)
    if name == "Condition":
        return scope.condition(scalar(argument, "`Condition`"), argument.where)
    if name == "Equals":
        left, right = (resolve(v, scope).value for v in arguments(argument, "Equals", 2, 2))
        return bool(_comparable(left) == _comparable(right))
    if name == "Not":
        return not holds(arguments(argument, "Not", 1, 1)[0], scope)
    if name in {"And", "Or"}:
        each = (holds(v, scope) for v in arguments(argument, name, 1, 100))
        return all(each) if name == "And" else any(each)
    raise Invalid(
        node.where,
        f"`{name or 'this'}` is no condition",
        "use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition",
    )


def _operator(node: Node) -> tuple[str, Node]:
    if node.tag:
        return node.tag, Node(node.value, node.where, "", node.keys)
    if isinstance(node.value, dict) and len(node.value) == 1:
        key, argument = next(iter(node.value.items()))
        return key.removeprefix("Fn::"), argument
    return "", node


def _comparable(value: Any) -> Any:
    found = text(value) if value is not NOVALUE else ""
    return found if found is not None else Node(value, Where("")).plain()
