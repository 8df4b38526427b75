"""Names of one run made into patterns that are the same in every run of the same code.

Knows which parts of a name look like data. Does not know what is named.

Invariant: what says whose a thing is (a host, an account, a bucket outside the template) stays as it is, so
that no line made here stands for another owner's.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,23}|[vV][0-9]{1,2}", re.ASCII)
"""A part of a path that a programmer wrote. Why nothing with digits but `v1`: ids and dates have them; why no
`@`, `=` or longer: what is data is not to be kept in git."""

RANDOM = re.compile(
    r"(?<![0-9A-Za-z])(?:"
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # RFC 9562
    r"|(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{8,}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|[0-9]{6,}"
    r"|[0-9A-Za-z_]{40,}"
    r")(?![0-9A-Za-z])",
    re.ASCII,
)
"""A run of characters within a name that differs each time: an id, a hash, a date, a number of six digits."""

ENDING = re.compile(r"\.[a-z]{1,5}", re.ASCII)
"""What a file's name ends in when that says its kind."""

ADDRESS = re.compile(r"[^/:@]+@")
"""Whom mail is for: a person. The domain is the place it goes to."""

LOOPBACK = re.compile(r"(127(?:\.[0-9]{1,3}){3}|\[::1\]|localhost):[0-9]+", re.ASCII)

SAFE = "!\"$&'()+,-./:;<=>?@[\\]^_`|~"
"""What stands in a line as it is, beside letters and digits. Everything else is `%` and two digits: a line's
fields end at a blank, bytes of a stranger are not to act on what shows them, and `*` and `{x}` are patterns
where a line has them."""

NAME = SAFE.translate(dict.fromkeys(map(ord, "<=>|")))
"""The same at the beginning of a line, where seven of one of these are what a merge leaves."""

DEEPEST = 4
"""Parts of a path that are kept at most; more of them say more of the data than of the code."""


def literal(text: str) -> str:
    """Return text that stands for itself: nothing in it is a wildcard, a blank or a control."""
    return quote(text, safe=SAFE, errors="replace")


def name(text: str) -> str:
    """Return text that stands for itself and may begin a line."""
    return quote(text, safe=NAME, errors="replace")


def pattern(text: str) -> str:
    """Return a pattern of the policy's as a line has it."""
    return quote(text, safe=SAFE + "*{}", errors="replace")


def key(text: str) -> str:
    """Return the pattern of an object's key: its leading words, and for its last part the file's ending."""
    *folders, last = text.split("/")
    ending = ENDING.fullmatch(last[last.rfind(".") :]) if "." in last else None
    kept = _words(folders)
    return "/".join([*kept, "*"]) + (ending.group() if ending else "")


def path(text: str) -> str:
    """Return the pattern of a URL's path: its words, in their places; what is no word is `*`."""
    parts = text.removeprefix("/").split("/")
    shown: list[str] = []
    for part in parts:
        # Why decoded: `%61dmin` and `admin` are one path to most servers, and are to be one line.
        word = unquote_to_bytes(part).decode("utf-8", "replace")
        star = bool(part) and not WORD.fullmatch(word)
        if star and shown and shown[-1] == "*":
            continue
        shown.append("*" if star else word)
    return "/" + "/".join(shown if len(shown) <= DEEPEST + 1 else [*shown[:DEEPEST], "*"])


def _words(folders: list[str]) -> list[str]:
    kept = []
    for folder in folders[:DEEPEST]:
        if not WORD.fullmatch(folder):
            break
        kept.append(folder)
    return kept


def host(text: str, region: str) -> str:
    """Return a destination (`https://host:port`, `tcp://host:port`) without the own region, and without the
    port of a test's own server."""
    scheme, mark, authority = text.partition("://")
    if here := LOOPBACK.fullmatch(authority):
        return f"{literal(scheme)}{mark}{here.group(1)}:*"
    labels = ["<region>" if label == region else literal(label) for label in authority.split(".")]
    return literal(scheme) + mark + ".".join(labels)


def steady(text: str) -> str:
    """Return a name with its random runs as `*`."""
    pieces, at = [], 0
    for found in RANDOM.finditer(text):
        pieces += [literal(text[at : found.start()]), "*"]
        at = found.end()
    return "".join([*pieces, literal(text[at:])])


def arn(text: str, account: str, region: str) -> str:
    """Return an ARN, or another name, of no resource of the template: the own account and region have no
    number."""
    parts = text.split(":", 5)
    if len(parts) < 6:
        head, mark, rest = text.partition(":")  # Why the head as it is: it says what the rest is a name of
        return literal(head) + mark + ADDRESS.sub("*@", steady(rest))
    head, partition, service, where, owner, rest = parts
    where = "<region>" if where and where == region else literal(where)
    owner = "<account>" if owner and owner == account else literal(owner)
    within = steady if owner else literal
    pieces = [piece if piece in "/:" else within(piece) for piece in re.split("([/:])", rest)]
    return ":".join([literal(head), literal(partition), literal(service), where, owner, "".join(pieces)])
