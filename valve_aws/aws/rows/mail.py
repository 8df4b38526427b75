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


RECIPIENTS = frozenset({"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"})
BOUNCES = frozenset({"return-path", "errors-to"})
"""Fields of a message: who gets it, and who gets it back with what was in it (SES developer guide, bounces).
"""


def raw(message: bytes, named: frozenset[str] = RECIPIENTS) -> list[str]:
    """Return the mailboxes that a raw message's own header fields of these names hold (RFC 5322).

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
        if m.group(1).lower() in named:
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
    if message is not None:
        # Why also when the request names whom it goes to: the message still says where bounces go.
        found += raw(bytes(message["Data"]), BOUNCES if found else BOUNCES | RECIPIENTS)
    for name in _fields(params):
        if name.lower() in RECIPIENTS or name.lower() in BOUNCES or name.lower().startswith("x-ses-"):
            raise NotCanonical(f"the header field `{name}` may say whom the mail goes to")
    if params.get("EmailAddress"):
        found.append(mailbox(_bare(params["EmailAddress"])))
    found += [
        mailbox(_bare(params[m])) for m in ("ReturnPath", "FeedbackForwardingEmailAddress") if params.get(m)
    ]
    if not found:
        raise NotCanonical("the mail does not say whom it goes to")
    return list(names.unique(found))


IDENTITIES = (
    "SourceArn", "FromArn", "ReturnPathArn", "TemplateArn", "FromEmailAddressIdentityArn",
    "FeedbackForwardingEmailAddressIdentityArn")
"""Members by which a mail is sent as, or out of, something of another account, whose owner is told of it (SES
developer guide, sending authorization).
"""


def others(asked: Asked) -> list[str]:
    """Return the identities and templates of other accounts that a request uses."""
    params = asked.params
    content = [params.get("Content"), params.get("DefaultContent")]
    given = [params.get(member) for member in IDENTITIES]
    given += [((each or {}).get("Template") or {}).get("TemplateArn") for each in content]
    return [text for text in given if text and names.owner(text) != asked.place.account]


def _fields(params: Mapping[str, Any]) -> Iterable[str]:
    """Yield the names of the header fields that a request of SESv2 adds."""
    for content in (params.get("Content"), params.get("DefaultContent")):
        for kind in ("Simple", "Template"):
            for field in ((content or {}).get(kind) or {}).get("Headers") or ():
                yield field["Name"]
    for entry in params.get("BulkEmailEntries") or ():
        for field in entry.get("ReplacementHeaders") or ():
            yield field["Name"]


def _destinations(params: Mapping[str, Any]) -> Iterable[Mapping[str, Any] | None]:
    yield params.get("Destination")
    for entry in (*(params.get("Destinations") or ()), *(params.get("BulkEmailEntries") or ())):
        if isinstance(entry, Mapping):
            yield entry.get("Destination")
