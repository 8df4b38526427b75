"""XML bodies: bytes to typed parameters and back.

Knows XML as the rest-xml protocol uses it, read strictly: no document type, no entity of its own, bounded
depth and size. Does not know which operation a body belongs to. """

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from valve_aws.aws.scalars import typed, written
from valve_aws.aws.shapes import Shape
from valve_aws.aws.unclear import Unclear

DEPTH = 32
ELEMENTS = 100_000
"""More than 10,000 parts or 1,000 deletions with every member they can have."""


@dataclass(slots=True)
class Element:
    """One XML element."""

    tag: str
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def words(self) -> str:
        """Return the text directly inside."""
        return "".join(self.text)


def parsed(body: bytes) -> Element:
    """Return the root element; raises `Unclear` for anything but one plain UTF-8 document."""
    try:
        body.decode("utf-8")  # Why first: expat would follow a byte order mark into another encoding
    except UnicodeError:
        raise Unclear("its body is not UTF-8 text") from None
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    roots: list[Element] = []
    stack: list[Element] = []
    count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > ELEMENTS or len(stack) >= DEPTH:
            raise Unclear("its XML body is too large or nested too deeply")
        element = Element(tag, attributes)
        (stack[-1].children if stack else roots).append(element)
        stack.append(element)

    def end(_: str) -> None:
        stack.pop()

    def text(words: str) -> None:
        stack[-1].text.append(words)

    def refuse(*_: Any) -> None:
        raise Unclear(
            "its XML body declares a document type, an entity or an instruction, none of which is read"
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ProcessingInstructionHandler = refuse
    try:
        parser.Parse(body, True)
    except expat.ExpatError:
        raise Unclear("its body is not XML that can be read") from None
    return roots[0]


def read(shape: Shape, node: Element) -> Any:
    """Return the typed value of an element; raises `Unclear`."""
    if shape.kind == "structure":
        return read_structure(shape, node)
    if shape.kind == "list":
        name = shape.part("member").wire("member")
        plain(node, shape)
        if any(child.tag not in {name, "member"} for child in node.children):
            raise Unclear(f"a `{shape.name}` in its body holds an element that does not belong there")
        return [read(shape.part("member"), child) for child in node.children]
    if shape.kind == "map":
        plain(node, shape)
        return read_map(shape, node.children)
    if node.children:
        raise Unclear(f"a `{shape.name}` in its body is not a single value")
    foreign_attributes(node, shape, set())
    return typed(shape, node.words() if shape.kind == "string" else node.words().strip(), "xml")


def plain(node: Element, shape: Shape) -> None:
    """Raise `Unclear` when a container holds text or attributes of its own."""
    if node.words().strip():
        raise Unclear(f"a `{shape.name}` in its body holds loose text")
    foreign_attributes(node, shape, set())


def foreign_attributes(node: Element, shape: Shape, known: set[str]) -> None:
    """Raise `Unclear` for an attribute that is neither known nor a namespace."""
    for name in node.attributes:
        if name not in known and name != "xmlns" and not name.startswith("xmlns:"):
            raise Unclear(f"a `{shape.name}` in its body has an attribute `{name[:40]}` that is not known")


def read_structure(shape: Shape, node: Element) -> dict[str, Any]:
    """Return a structure's members: elements, and attributes where the model says so."""
    names = shape.by_wire()
    out: dict[str, Any] = {}
    flat: dict[str, list[Element]] = {}
    if node.words().strip():
        raise Unclear(f"a `{shape.name}` in its body holds loose text")
    known = {wire for wire, name in names.items() if shape.members[name].traits.get("xmlAttribute")}
    foreign_attributes(node, shape, known)
    for wire in known & set(node.attributes):
        out[names[wire]] = node.attributes[wire]
    for child in node.children:
        name = names.get(child.tag)
        if name is None or child.tag in known or shape.members[name].location:
            raise Unclear(f"it has a parameter `{child.tag[:80]}` that its operation does not know")
        member = shape.members[name]
        if member.flattened and member.kind in {"list", "map"}:
            flat.setdefault(name, []).append(child)
        elif name in out:
            raise Unclear(f"its body names `{child.tag[:80]}` twice")
        else:
            out[name] = read(member, child)
    for name, elements in flat.items():
        member = shape.members[name]
        out[name] = (read_map(member, elements) if member.kind == "map"
                     else [read(member.part("member"), e) for e in elements])
    for name in shape.required:
        if name not in out and not shape.members[name].location:
            raise Unclear(f"its parameter `{name}` is missing")
    return out


def read_map(shape: Shape, entries: list[Element]) -> dict[str, Any]:
    """Return a map from its entries."""
    key, value = shape.part("key"), shape.part("value")
    out: dict[str, Any] = {}
    for entry in entries:
        found = {child.tag: child for child in entry.children}
        if len(entry.children) != 2 or set(found) != {key.wire("key"), value.wire("value")}:
            raise Unclear(f"a `{shape.name}` in its body has an entry without key or value")
        name = read(key, found[key.wire("key")])
        if name in out:
            raise Unclear(f"a `{shape.name}` in its body names `{name[:80]}` twice")
        out[name] = read(value, found[value.wire("value")])
    return out


def write(shape: Shape, value: Any, tag: str) -> str:
    """Return a typed value as an element; the inverse of `read`."""
    if shape.kind == "structure":
        attributes, inner = namespace(shape), []
        for name, v in value.items():
            member = shape.members[name]
            if member.location:
                continue
            wire = member.wire(name)
            if member.traits.get("xmlAttribute"):
                attributes += f' {wire}="{escaped(v)}"'
            else:
                inner.append(write(member, v, wire))
        return f"<{tag}{attributes}>{''.join(inner)}</{tag}>"
    if shape.kind == "list":
        member = shape.part("member")
        if shape.flattened:
            return "".join([write(member, v, tag) for v in value])
        inner = [write(member, v, member.wire("member")) for v in value]
        return f"<{tag}{namespace(shape)}>{''.join(inner)}</{tag}>"
    if shape.kind == "map":
        key, item = shape.part("key"), shape.part("value")
        entry = tag if shape.flattened else "entry"
        inner = [f"<{entry}>{write(key, k, key.wire('key'))}{write(item, v, item.wire('value'))}</{entry}>"
                 for k, v in value.items()]
        return "".join(inner) if shape.flattened else f"<{tag}{namespace(shape)}>{''.join(inner)}</{tag}>"
    return f"<{tag}{namespace(shape)}>{escaped(written(shape, value, 'xml'))}</{tag}>"


def namespace(shape: Shape) -> str:
    """Return the namespace attribute that a shape asks for."""
    found = shape.traits.get("xmlNamespace")
    if not found:
        return ""
    uri, prefix = (found, "") if isinstance(found, str) else (found["uri"], found.get("prefix", ""))
    return f' xmlns{":" + prefix if prefix else ""}="{escaped(uri)}"'


ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}
)


def escaped(text: str) -> str:
    """Return text with everything escaped that XML would read otherwise."""
    return text.translate(ESCAPES)
