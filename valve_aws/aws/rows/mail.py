"""Who a mail goes to, in SES's two APIs.

Knows destinations, raw messages and where bounces go. Does not know any operation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from valve_aws.aws import names
from valve_aws.aws.names import NotCanonical
from valve_aws.aws.rows.row import Asked

MEMBERS = ("ToAddresses", "CcAddresses", "BccAddresses")
FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)", re.ASCII | re.DOTALL)
ADDRESSES = re.compile(r'\s*((?:"(?:[^"\\]|\\.)*"|[^",])*?)\s*(?:,|\Z)', re.DOTALL)


MAILBOX = re.compile(
    r"(?:[^<>@,;:\x00-\x1f]*<)?([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+)"
    r"@([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(>?)",
    re.ASCII,
)


def mailbox(text: str) -> str:
    """Return `ses:to/local@domain` of an address with or without a display name; the domain in lower case."""
    m = MAILBOX.fullmatch(text.strip(" "))
    if m is None or ("<" in text) != bool(m.group(3)) or ".." in text:
        raise names.NotCanonical(f"`{text[:80]}` cannot be read as one mail address")
    return f"ses:to/{m.group(1)}@{m.group(2).lower()}"


def destination(given: Mapping[str, Any] | None) -> list[str]:
    """Return the mailboxes of one Destination."""
    return [mailbox(_bare(text)) for member in MEMBERS for text in (given or {}).get(member) or ()]


def raw(message: bytes) -> list[str]:
    """Return the mailboxes that a raw message's own header fields name (RFC 5322): To, Cc and Bcc.

    Refused: fields that cannot be read with certainty, and `X-SES-*`, which send on somebody else's behalf.
    """
    head = re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0]
    if not head.isascii() or b"\0" in head or re.search(rb"\r(?!\n)", head):
        raise NotCanonical("the raw message's header fields cannot be read with certainty")
    found: list[str] = []
    for line in re.split(r"\r?\n(?![ \t])", head.decode("ascii")):
        m = FIELD.fullmatch(line)
        if m is None or m.group(1).lower().startswith("x-ses-"):
            raise NotCanonical(f"the raw message's header field `{line[:80]}` cannot be read with certainty")
        if m.group(1).lower() in {"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"}:
            found += listed(re.sub(r"\r?\n", "", m.group(2)))
    return found


def listed(text: str) -> list[str]:
    """Return the mailboxes of a list separated by commas."""
    parts = [m.group(1) for m in ADDRESSES.finditer(text) if m.group(1).strip()]
    if len(", ".join(parts)) < len(re.sub(r"\s*,\s*", ", ", text.strip())) - 2:
        raise NotCanonical(f"`{text[:80]}` cannot be read as mail addresses")
    return [mailbox(_bare(part)) for part in parts]


def _bare(text: str) -> str:
    """Drop a quoted display name."""
    return re.sub(r'\A\s*"(?:[^"\\]|\\.)*"\s*(?=<)', "", text)


def to(asked: Asked) -> list[str]:
    """Return every mailbox that one request of SES or SESv2 sends to, and those that bounces go to."""
    params = asked.params
    found = [box for given in _destinations(params) for box in destination(given)]
    found += [mailbox(_bare(text)) for text in params.get("Destinations") or () if isinstance(text, str)]
    message = params.get("RawMessage") or (params.get("Content") or {}).get("Raw")
    if message is not None and not found:
        found += raw(bytes(message["Data"]))
    if params.get("EmailAddress"):
        found.append(mailbox(_bare(params["EmailAddress"])))
    found += [
        mailbox(_bare(params[m])) for m in ("ReturnPath", "FeedbackForwardingEmailAddress") if params.get(m)
    ]
    if not found:
        raise NotCanonical("the mail does not say whom it goes to")
    return list(names.unique(found))


def _destinations(params: Mapping[str, Any]) -> Iterable[Mapping[str, Any] | None]:
    yield params.get("Destination")
    for entry in (*(params.get("Destinations") or ()), *(params.get("BulkEmailEntries") or ())):
        if isinstance(entry, Mapping):
            yield entry.get("Destination")
