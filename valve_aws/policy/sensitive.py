"""Which names and values look like something that should carry a label, and with which tag.

Knows words that people use for fields. Does not know where a field stands.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Sown(Protocol):
    """One thing of a seed, as far as it is looked at: an object, item, message, secret or parameter."""

    @property
    def kind(self) -> str: ...
    @property
    def arn(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def item(self) -> Mapping[str, Any]: ...
    @property
    def content(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Guess:
    """A tag, and why."""

    tag: str
    why: str


ENDINGS: dict[tuple[str, str], str] = {
    ("", "nothing"): """
        next token; page token; continuation token; pagination token; idempotency token; request token;
        task token; csrf token; contract address; mac address; memory address""",
    ("pii/email", "an e-mail address"): """
        email; emails; e mail; email address; email addresses; mail address; mailbox""",
    ("pii/phone", "a telephone number"): """
        phone; phones; phone number; phone no; mobile; mobile number; telephone; telephone number; cell phone;
        fax; fax number; msisdn""",
    ("pii/ip", "an IP address"): "ip; ips; ip address; ip addr; ip v; remote addr",
    ("pii/ssn", "an official number of a person"): """
        ssn; social security; social security number; national id; national insurance number; tax id;
        tax number; tax payer id; passport; passport number; passport no; driver license; driving licence;
        license number; nhs number; cpf; aadhaar""",
    ("card", "a payment card"): """
        card; cards; credit card; debit card; card number; card no; card holder; card details; cc number;
        pan; cvv; cvc; card verification code""",
    (
        "pii/iban",
        "a bank account",
    ): "iban; bank account; account number; account no; routing number; sort code",
    ("secret/password", "a password"): """
        password; passwords; password hash; passwd; pwd; passphrase; passcode; pin code""",
    ("secret/token", "a token"): """
        access token; auth token; bearer token; refresh token; session token; id token; api token; bot token;
        security token; device token; reset token; verification token; github token; slack token; jwt; otp""",
    ("secret/key", "a key"): """
        secret; secrets; secret key; private key; api key; api keys; access key; signing key; encryption key;
        license key; webhook key; client key; credential; credentials""",
    ("pii/dob", "a date of birth"): "dob; date of birth; birth date; birth day",
    ("pii/name", "a person's name"): """
        first name; last name; middle name; full name; given name; family name; surname; nick name;
        display name; customer name; user name; client name; patient name; employee name; contact name;
        holder name; owner name; recipient name; sender name; guest name; student name; passenger name""",
    ("pii/address", "a postal address"): """
        address; addresses; address line; street; zip code; postal code; post code; city of residence""",
    ("pii/location", "a position"): "latitude; longitude; lat lng; geo location; gps",
    ("health", "a matter of health"): """
        diagnosis; diagnoses; prescription; prescriptions; medical record; medical history; blood type;
        medication; medications; symptom; symptoms""",
    ("pii/personal", "a personal matter"): "salary; income; gender; religion; ethnicity; nationality",
}
"""(Tag, what it looks like) → words that a name ends with; without a tag: nothing of that kind."""

ALONE: dict[tuple[str, str], str] = {
    ("pii/email", "an e-mail address"): "mail; mails",
    ("pii/name", "a person's name"): "name; names; username",
    ("secret/token", "a token"): "token; tokens",
    ("pii/phone", "a telephone number"): "tel; cell",
}
"""The same for words that say it only when they are the whole name."""


SUBJECTS = {
    "pii": "user customer member employee contact person people profile passenger guest receipt invoice",
    "health": "patient prescription diagnosis",
    "card": "payment card billing",
    "secret": "credential password session token",
}
"""Tag → words, in the singular, of a store whose content is likely to carry it."""


def _index(table: dict[tuple[str, str], str]) -> dict[str, tuple[str, str]]:
    """Return phrase, its words put together → (tag, what it looks like)."""
    return {"".join(phrase.split()): row for row, phrases in table.items() for phrase in phrases.split(";")}


ENDING, WHOLE = _index(ENDINGS), _index(ALONE)

VALUES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"[^@\s:/]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}"),
        "pii/email",
        "an e-mail address",
    ),
    (re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?"), "pii/iban", "a bank account"),
    (re.compile(r"\d(?:[ -]?\d){12,18}"), "card", "a payment card"),
)
BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z0-9]+")
LONGEST = 64
WORDS = 4
"""The most words that a phrase has."""


def by_name(name: str) -> Guess | None:
    """Return what a field of this name looks like."""
    words = [word.lower() for word in BOUNDARY.split(name[:LONGEST]) if word and not word.isdigit()]
    tails = ("".join(words[-n:]) for n in range(min(WORDS, len(words)), 0, -1))
    found = WHOLE.get("".join(words)) or next((ENDING[tail] for tail in tails if tail in ENDING), None)
    return Guess(found[0], f"named like {found[1]}") if found and found[0] else None


def by_subject(name: str) -> tuple[str, str] | None:
    """Return (tag, why) of what a store of this name may well be about."""
    for word in BOUNDARY.split(name[:LONGEST]):
        for tag, words in SUBJECTS.items():
            if word.lower().removesuffix("s") in words.split():
                return tag, f"its name says {word.lower()}"
    return None


def by_value(text: str) -> Guess | None:
    """Return what a value of this form looks like."""
    for pattern, tag, why in VALUES:
        if len(text) <= LONGEST and pattern.fullmatch(text) and (tag != "card" or _luhn(text)):
            return Guess(tag, f"a value in the seed has the form of {why}")
    return None


def _luhn(text: str) -> bool:
    """Say whether the digits of a card number add up (ISO/IEC 7812-1, annex B)."""
    digits = [int(c) for c in text if c.isdigit()][::-1]
    return (sum(digits[::2]) + sum(sum(divmod(2 * d, 10)) for d in digits[1::2])) % 10 == 0


def in_item(item: Mapping[str, Any]) -> Iterator[tuple[str, Guess]]:
    """Yield (top-level attribute, guess) of an item in DynamoDB JSON, by all that lies in the attribute."""
    for attribute, value in item.items():
        found = by_name(attribute) or next(_within(value), None)
        if found is not None:
            yield attribute, found


def _within(value: Any, depth: int = 0) -> Iterator[Guess]:
    """Yield guesses by a value's form, and by the names and values inside it."""
    if depth > 8:
        return
    if isinstance(value, str) and (found := by_value(value)):
        yield found
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if named := by_name(str(name)):
                yield named
            yield from _within(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value[:100]:
            yield from _within(inner, depth + 1)


def in_content(content: bytes) -> tuple[Guess, ...]:
    """Return the guesses by what an object or message holds, if it is JSON or CSV: each tag once."""
    text = content[:65536].decode("utf-8", "replace")
    try:
        found = list(_within(json.loads(text)))
    except (ValueError, RecursionError):
        header = next(csv.reader(text.splitlines()[:1]), []) if "," in text.partition("\n")[0] else []
        found = [guess for name in header if (guess := by_name(name.strip()))]
    return tuple({guess.tag: guess for guess in reversed(found)}.values())[::-1]


def in_key(key: str) -> Guess | None:
    """Return what an object of this key looks like, by the last parts of the key."""
    for part in reversed(key.split("/")):
        stem = part.rpartition(".")[0] or part
        found = by_name(stem) or by_name(stem.removesuffix("s"))
        if found is not None:
            return found
    return None
