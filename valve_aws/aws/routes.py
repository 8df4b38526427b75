"""Which operation of a REST service a method, a path and a query mean.

Knows the request URIs of the model as a closed world: what no operation knows fits none. Does not read
bodies. """

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from valve_aws.aws.forms import unescaped
from valve_aws.aws.shapes import Operation, Service
from valve_aws.aws.unclear import Unclear
from valve_aws.model.value import value

CHECKSUM_HEADERS = frozenset(f"x-amz-checksum-{name}" for name in (
    "crc32", "crc32c", "crc64nvme", "sha1", "sha256", "sha512", "md5", "xxhash64", "xxhash3", "xxhash128"))
"""Headers that carry a digest of the body; on operations that take one they need not be members."""

LABEL = re.compile(r"\{(\w+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One operation's request URI, compiled."""

    operation: Operation
    segments: tuple[str, ...]
    """Literal segments; a label is `{name}`, a greedy one `{name+}`."""
    literals: Mapping[str, str]
    """Query parameters that must be there as they are (`list-type=2`, `acl`)."""
    names: frozenset[str]
    """Query parameters that its members know."""
    required: frozenset[str]
    """Query parameters that must be there."""
    headers: frozenset[str]
    """Headers that its members know, lower case."""
    needs: frozenset[str]
    """Headers that must be there."""
    prefixes: tuple[str, ...]
    """Header prefixes that its members know (`x-amz-meta-`)."""
    open_query: str
    """The member that takes any further query parameter, else ""."""
    lists: frozenset[str]
    """Query parameters that may be repeated."""

    greedy: int
    """Which segment is greedy, counted from 1; 0 for none."""
    labels: tuple[str, ...]
    """By segment: the label that it is and nothing else, "" for others."""

    @property
    def rank(self) -> tuple[int, int, int]:
        """How exact the route is: the most exact of those that fit is meant."""
        fixed = sum("{" not in s for s in self.segments)
        return fixed, -sum(s.endswith("+}") for s in self.segments), len(self.literals)


def compiled(operation: Operation) -> Route:
    """Return the route of an operation."""
    path, _, query = operation.uri.partition("?")
    literals = {}
    for pair in query.split("&") if query else ():
        name, _, value = pair.partition("=")
        literals[name] = value
    names, required, headers, needs, lists = set(), set(), set(), set(), set()
    prefixes: list[str] = []
    open_query = ""
    must = set(operation.input.required) if operation.input else set()
    for name, shape in operation.members.items():
        wire = shape.wire(name)
        if shape.location == "querystring":
            if shape.kind == "map":
                open_query = name
            else:
                names.add(wire)
                if shape.kind == "list":
                    lists.add(wire)
                if name in must:
                    required.add(wire)
        elif shape.location == "header":
            headers.add(wire.lower())
            if name in must and shape.kind != "list":
                needs.add(wire.lower())
        elif shape.location == "headers":
            prefixes.append(wire.lower())
    if operation.checksum or operation.wants_digest:
        headers |= CHECKSUM_HEADERS
    segments = tuple(path.strip("/").split("/")) if path.strip("/") else ()
    if path.endswith("/") and segments:
        segments = (*segments, "")
    alone = (LABEL.fullmatch(s) for s in segments)
    return Route(operation, segments, literals, frozenset(names), frozenset(required), frozenset(headers),
                 frozenset(needs), tuple(prefixes), open_query, frozenset(lists),
                 next((i for i, s in enumerate(segments, 1) if s.endswith("+}")), 0),
                 tuple(label[1] if label else "" for label in alone))


class Routes:
    """All routes of one service."""

    def __init__(self, service: Service) -> None:
        self.by_method: dict[str, list[Route]] = {}
        for operation in service.operations.values():
            self.by_method.setdefault(operation.method, []).append(compiled(operation))
        self._reachable: dict[tuple[str, int, bool], list[Route]] = {}
        self.by_operation = {r.operation.name: r for listed in self.by_method.values() for r in listed}

    def reachable(self, method: str, count: int, bare: bool) -> list[Route]:
        """Return the routes of a method that a path of `count` segments can fit; `bare`: without a query."""
        found = self._reachable.get((method, count, bare))
        if found is None:
            found = [r for r in self.by_method.get(method, ())
                     if (len(r.segments) == count or (r.greedy and len(r.segments) <= count))
                     and not (bare and (r.literals or r.required))]
            if len(self._reachable) < 512:
                self._reachable[method, count, bare] = found
        return found

    def match(self, asked: Asked) -> list[tuple[Route, dict[str, str]]]:
        """Return the most exact routes that fit, each with its raw labels. More than one: the request is
        ambiguous. A slash at the end that no route has is passed over, as services do: older SDKs send it."""
        fits = []
        for route in self.reachable(asked.method, len(asked.segments), not asked.query):
            if fitting(route, asked):
                labels = path_fits(route, asked.segments)
                if labels is not None:
                    fits.append((route, labels))
        if not fits and len(asked.segments) > 1 and asked.segments[-2] and not asked.segments[-1]:
            return self.match(replace(asked, segments=asked.segments[:-1]))
        if len(fits) > 1:
            best = max(route.rank for route, _ in fits)
            fits = [f for f in fits if f[0].rank == best]
            fits = [f for f in fits if not f[0].operation.deprecated] or fits
        return fits


@value
class Asked:
    """What a REST request asks for, before its operation is known."""

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    repeated: Mapping[str, list[str]]
    """Query parameters that are there more than once."""
    headers: Mapping[str, str]
    amz: Sequence[str]
    """The `x-amz-*` headers among them that only an operation can explain."""


def fitting(route: Route, asked: Asked) -> bool:
    """Say whether a route knows every query parameter and `x-amz-*` header, and has all that it needs."""
    query = asked.query
    for name, text in route.literals.items():
        if query.get(name) != text:
            return False
    if route.required and not route.required <= query.keys():
        return False
    if route.needs and not route.needs <= asked.headers.keys():
        return False
    if not route.open_query:
        for name in query:
            if name not in route.names and name not in route.literals:
                return False
        for name in asked.repeated:
            if name not in route.lists:
                return False
    for name in asked.amz:
        if name not in route.headers and not (route.prefixes and name.startswith(route.prefixes)):
            return False
    return True


def path_fits(route: Route, given: tuple[str, ...]) -> dict[str, str] | None:
    """Return the raw labels when a path fits, else None. A greedy label takes one segment or more."""
    greedy, count = route.greedy, len(route.segments)
    if len(given) == count:
        return labels_of(route, given)
    at = greedy - 1
    end = len(given) - (count - greedy)
    if not greedy or end <= at:
        return None
    return labels_of(route, (*given[:at], "/".join(given[at:end]), *given[end:]))


def labels_of(route: Route, given: tuple[str, ...]) -> dict[str, str] | None:
    """Return label → raw text when every literal part agrees. A label is never empty."""
    out: dict[str, str] = {}
    for pattern, label, text in zip(route.segments, route.labels, given, strict=True):
        if label and text:
            out[label] = text
            continue
        if "{" not in pattern:
            if pattern != text:
                return None
            continue
        expression, names = expression_of(pattern)
        found = expression.fullmatch(text)
        if found is None:
            return None
        out.update(zip(names, found.groups(), strict=True))
    return out


EXPRESSIONS: dict[str, tuple[re.Pattern[str], tuple[str, ...]]] = {}


def expression_of(pattern: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """Return the expression of one segment, which may mix labels and literal text (`{Id}.json`,
    `{a}:{b}`)."""
    found = EXPRESSIONS.get(pattern)
    if found is None:
        parts, at, names = [], 0, []
        for label in LABEL.finditer(pattern):
            parts += [re.escape(pattern[at:label.start()]), "(.+)" if label[2] else "([^/]+)"]
            names.append(label[1])
            at = label.end()
        parts.append(re.escape(pattern[at:]))
        found = EXPRESSIONS[pattern] = re.compile("".join(parts), re.DOTALL), tuple(names)
    return found


def segments_of(path: str) -> tuple[str, ...]:
    """Return the raw segments of a path; an empty path has none. The empty segment after a last slash is
    kept."""
    if not path.startswith("/"):
        raise Unclear("its path does not begin with `/`")
    return tuple(path[1:].split("/")) if path != "/" else ()


def decoded(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels percent-decoded."""
    out = {name: unescaped(text, "path") for name, text in labels.items()}
    for text in out.values():
        if "." in text and any(part in {".", ".."} for part in text.split("/")):
            raise Unclear("its path has a `.` or `..` between slashes, which is not read alike everywhere")
    return out
