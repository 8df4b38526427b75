"""The one way in which each target is written: URLs, hosts and ports, mailboxes, ARNs, and patterns of them.

Knows the forms that the judgement compares with. Does not know the stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from valve_aws.model.pattern import FIELD
from valve_aws.model.source import Invalid, Where
from valve_aws.policy.shape import shown

SCHEME = re.compile(r"([a-z][a-z0-9-]*):(\S+)", re.ASCII)
URL = re.compile(r"([^/]*)(.*)", re.DOTALL)
LABEL = re.compile(r"(?:[a-z0-9_-]|\{[^{}]*\})+", re.ASCII)
LITERAL = re.compile(r"[a-z0-9_-]+", re.ASCII)
IPV6 = re.compile(r"\[[0-9a-f:.]+\]", re.ASCII)
PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
UNSETTLED = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)|//|\\|%2f|%5c", re.IGNORECASE)
QUEUE = re.compile(r"https?://sqs\.([a-z0-9-]+)\.amazonaws\.com/([0-9]{12})/([\w.-]+)", re.ASCII)
USUAL = {"http": "80", "https": "443"}
MAILBOX = re.compile(r"to/(\*|[^@\s]+)(?:@([^@\s]+))?", re.ASCII)
PHONE = re.compile(r"(?:sms/)?\+(?:[0-9]|\*|\{[^{}]*\})+", re.ASCII)


def destination(text: str, where: Where, declared: Mapping[str, object]) -> str:
    """Return the canonical form of a destination pattern. `declared` are those that something else names.

    Raises Invalid for what no request could ever match, and for what would match more than it seems to.
    """
    if text in declared:
        return text
    m = SCHEME.fullmatch(text)
    reader = READERS.get(m[1]) if m else None
    if m is None or reader is None:
        raise Invalid(
            where,
            f"{shown(text)} names no place outside that is known here",
            "write such as `https://api.stripe.com/*`, `tcp://db.internal:5432` or `ses:to/ops@example.org`, "
            "or declare it under `operations`",
        )
    return reader(m[1], m[2], where)


def _url(scheme: str, rest: str, where: Where) -> str:
    text = f"{scheme}:{rest}"
    queue = QUEUE.fullmatch(text)
    if queue:
        raise Invalid(
            where,
            f"{shown(text)} is the URL of a queue, and calls to it are known by its ARN",
            f"write `arn:aws:sqs:{queue[1]}:{queue[2]}:{queue[3]}`",
        )
    m = URL.fullmatch(rest.removeprefix("//"))
    if not rest.startswith("//") or m is None or not m[1]:
        raise Invalid(where, f"{shown(text)} names no host", f"write `{scheme}://host/*`")
    host = _host(m[1], where, USUAL.get(scheme, ""))
    path = m[2]
    if not path:
        raise Invalid(
            where, f"{shown(text)} names no path", f"write `{scheme}://{host}/*` for all of the host"
        )
    if "?" in path or "#" in path:
        raise Invalid(
            where,
            f"{shown(text)} goes on after the path",
            "a request is judged by its path alone: end it there",
        )
    if UNSETTLED.search(path):
        raise Invalid(
            where,
            f"{shown(path)} may be read in more than one way",
            "write the path without `.`, `..`, `//` and `%2f`",
        )
    fields(path, where)
    return f"{scheme}://{host}{path}"


def _host(authority: str, where: Where, usual: str) -> str:
    """Return a host and its port, lower case but for fields, without the port that its scheme has anyway."""
    if "@" in authority:
        raise Invalid(where, f"{shown(authority)} holds a user's name", "name the host alone")
    text = "".join(
        part if part.startswith("{") else part.lower() for part in re.split(r"(\{[^{}]*\})", authority)
    )
    host, colon, port = text.rpartition(":") if re.search(r":[^\]}]*$", text) else (text, "", "")
    if colon and not (PORT.fullmatch(port) and 0 < int(port) < 65536):
        raise Invalid(
            where,
            f"{shown(authority)} has no port that there is",
            "write a number from 1 to 65535 after the `:`",
        )
    if not IPV6.fullmatch(host) and host != "*":
        _labels(host.removesuffix("."), where)
    host = host if IPV6.fullmatch(host) else host.removesuffix(".")
    return host if not colon or port.lstrip("0") == usual else f"{host}:{int(port)}"


def _labels(host: str, where: Where) -> None:
    labels = host.split(".")
    first, rest = labels[0], labels[1:]
    if not LITERAL.fullmatch(labels[-1]):
        raise Invalid(
            where,
            f"the end of the host {shown(host)} is left open, so it may be anybody's",
            "write its end out: `*.example.com`",
        )
    if not all(LABEL.fullmatch(label) for label in rest) or not (first == "*" or LABEL.fullmatch(first)):
        remedy = (
            "a `*` stands alone at its beginning: `*.example.com`"
            if "*" in host
            else "write it in ASCII, as it is looked up"
        )
        raise Invalid(where, f"{shown(host)} is no host", remedy)
    fields(host, where)


def _tcp(scheme: str, rest: str, where: Where) -> str:
    host = _host(rest.removeprefix("//"), where, "")
    if not rest.startswith("//") or ":" not in host.rpartition("]")[2] or "/" in rest.removeprefix("//"):
        raise Invalid(
            where, f"{shown(f'{scheme}:{rest}')} names no host and port", "write `tcp://db.internal:5432`"
        )
    return f"{scheme}://{host}"


def _mail(scheme: str, rest: str, where: Where) -> str:
    m = MAILBOX.fullmatch(rest)
    if m is None or (m[2] is None and m[1] != "*" and not FIELD.fullmatch(m[1])):
        raise Invalid(
            where,
            f"{shown(f'{scheme}:{rest}')} names no mailbox",
            "write `ses:to/ops@example.org` or `ses:to/{email}`",
        )
    fields(rest, where)
    # Why: the domain of a mailbox is compared in lower case, what stands before it as it is.
    domain = m[2] if not m[2] or FIELD.fullmatch(m[2]) else _host(m[2], where, "")
    return f"{scheme}:to/{m[1]}" + (f"@{domain}" if domain else "")


def _phone(scheme: str, rest: str, where: Where) -> str:
    if not PHONE.fullmatch(rest):
        raise Invalid(
            where, f"{shown(f'{scheme}:{rest}')} names no telephone number", "write `sns:sms/+15550100`"
        )
    fields(rest, where)
    # Why one form: by it a text is known, whether a function sends it or a topic's subscription.
    return f"sns:sms/{rest.removeprefix('sms/')}"


READERS: Mapping[str, Callable[[str, str, Where], str]] = {
    "https": _url,
    "http": _url,
    "tcp": _tcp,
    "ses": _mail,
    "sns": _phone,
    "sms": _phone,
}
"""Scheme → how the rest is read. What is not here is a place only if a line of `operations` says so."""

ARN = re.compile(r"arn:(aws[a-z-]*|\*):([a-z0-9-]+):([^:\s]*):([^:\s]*):(\S+)", re.ASCII)
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]|\*|\{[^{}]*\}", re.ASCII)
ACCOUNT = re.compile(r"[0-9]{12}|\*|\{[^{}]*\}", re.ASCII)
GLOBAL = frozenset({"s3", "iam", "cloudfront", "route53"})
PARTS = (
    (re.compile(r"(arn:[^:]+:s3:::[^/]+)/.*"), "the objects in a bucket", "`objects` below it"),
    (re.compile(r"(arn:[^:]+:dynamodb:[^/]+:table/[^/]+)/.*"), "a part of a table", "the table"),
    (re.compile(r"(arn:[^:]+:kinesis:[^/]+:stream/[^/]+)/consumer/.*"), "a stream's consumer", "the stream"),
    (
        re.compile(r"(arn:[^:]+:lambda:[^:]*:[^:]*:function:[^:]+):.*"),
        "a version of a function",
        "the function",
    ),
    (re.compile(r"(arn:[^:]+:sns:[^:]*:[^:]*:[^:]+):.*"), "a subscription", "the topic"),
)
"""ARNs of a part of a store: (the store's own, what it is, what is named instead)."""

ROOM = re.compile(r"(arn:[^:]+:logs:.*?):\*")
SECRET = re.compile(r"(arn:[^:]+:secretsmanager:.*)-[A-Za-z0-9]{6}", re.ASCII)
"""A complete ARN of a secret; AWS appends the last seven characters, and calls are known without them."""


def arn(text: str, where: Where, owned: Mapping[str, object]) -> str:
    """Return the ARN by which calls know a store; `owned` are the stack's own."""
    if text in owned:
        return text
    m = ARN.fullmatch(text)
    if m is None:
        raise Invalid(
            where, f"{shown(text)} is no whole ARN", "it has six parts: `arn:aws:sqs:region:account:name`"
        )
    for pattern, what, remedy in PARTS:
        part = pattern.fullmatch(text)
        if part:
            raise Invalid(
                where,
                f"{shown(text)} is {what}, and labels are kept by store",
                f"name `{part[1]}` and use {remedy}",
            )
    if m[2] not in GLOBAL and not (REGION.fullmatch(m[3]) and ACCOUNT.fullmatch(m[4])):
        raise Invalid(
            where,
            f"{shown(text)} says no region and account, and none of their stores is called so",
            f"write `arn:{m[1]}:{m[2]}:us-east-1:123456789012:{m[5][:SHORT]}`",
        )
    fields(text, where)
    found = ROOM.sub(r"\1", text) if ROOM.fullmatch(text) else text
    secret = SECRET.fullmatch(found)
    return secret[1] if secret else found


SHORT = 60


def fields(pattern: str, where: Where) -> tuple[str, ...]:
    """Return the names of a pattern's fields. Raises Invalid where it could be matched in several ways."""
    names: list[str] = []
    before, at, starred = "", 0, False
    for kind, text, start, end in _tokens(pattern, where):
        touching = start == at and before
        if kind == "field" and starred:
            raise Invalid(
                where,
                f"in {shown(pattern)} nobody can tell what `{text}` is, since it follows a `*`",
                "name what stands before it: `{any}`",
            )
        if touching and "field" in (kind, before):
            raise Invalid(
                where,
                f"in {shown(pattern)} nobody can tell where one part ends and `{text}` begins",
                "put a letter between them, as in `{tenant}/*`",
            )
        starred = starred or kind == "star"
        names += [text[1:-1]] if kind == "field" else []
        before, at = kind, end
    return tuple(names)


def _tokens(pattern: str, where: Where) -> Iterator[tuple[str, str, int, int]]:
    at = 0
    for m in FIELD.finditer(pattern):
        yield from _stars(pattern, at, m.start(), where)
        yield "field", m.group(), m.start(), m.end()
        at = m.end()
    yield from _stars(pattern, at, len(pattern), where)


def _stars(pattern: str, at: int, end: int, where: Where) -> Iterator[tuple[str, str, int, int]]:
    between = pattern[at:end]
    if "{" in between or "}" in between:
        raise Invalid(
            where, f"{shown(pattern)} has a brace that encloses no name", "a field is written `{name}`"
        )
    for m in re.finditer(r"\*", between):
        yield "star", "*", at + m.start(), at + m.end()
