"""DNS as bytes: what is asked, what is answered, and which address stands for which name.

Knows RFC 1035 and EDNS's first field (RFC 6891). Does not know sockets, nor which names may be known;
forwards nothing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from valve_aws.proxy.grammar import DNS_NAME

FIRST = (198 << 24) | (18 << 16)
"""198.18.0.0/15 is set aside for tests of network devices (RFC 2544): no real host has such an address."""

TTL = 60
"""Seconds. The answer holds for as long as the environment lives; a short time costs one look-up on
loopback."""

TYPES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 35: "NAPTR",
    64: "SVCB", 65: "HTTPS", 255: "ANY", 257: "CAA",
}

OPT = 41


class Code(IntEnum):
    """RFC 1035 §4.1.1 and RFC 6891 §9."""

    FINE = 0
    FORMAT = 1
    FAILED = 2
    NO_SUCH_NAME = 3
    NOT_IMPLEMENTED = 4
    REFUSED = 5
    VERSION = 16


@dataclass(frozen=True, slots=True)
class Question:
    """One well-formed question. `name` is lower case without the last dot; `raw` is what is echoed (case
    kept)."""

    ident: int
    recursion: bool
    raw: bytes
    name: str
    kind: str
    """`A`, `TXT`, … or `TYPE4711`."""
    edns: bool


@dataclass(frozen=True, slots=True)
class Faulty:
    """A message that gets no further: the answer to send (b"" for none) and what is wrong with it."""

    answer: bytes
    problem: str


class Names:
    """The addresses of one environment's names. Never shared: a name that has an address would tell another
    of it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._addresses: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def address(self, name: str) -> str | None:
        """Return the address that stands for a name, a new one at need; None when the table is full."""
        found = self._addresses.get(name)
        if found is None and len(self._addresses) < self._most:
            number = len(self._addresses)
            value = FIRST + (number // 254) * 256 + number % 254 + 1
            found = ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
            self._addresses[name] = found
            self._names[found] = name
        return found

    def name(self, address: str) -> str:
        """Return the name that an address stands for, "" when none does."""
        return self._names.get(address, "")


def read(message: bytes) -> Question | Faulty:
    """Read a query strictly: one question, no compression, nothing beside it but one EDNS record."""
    if len(message) < 12:
        return Faulty(b"", "a DNS message of less than 12 bytes")
    ident, flags, questions, answers, authorities, extra = struct.unpack_from("!6H", message)
    if flags & 0x8000:
        return Faulty(b"", "a DNS answer in place of a question")
    recursion = bool(flags & 0x0100)

    def faulty(code: Code, problem: str) -> Faulty:
        return Faulty(header(ident, recursion, code, 0), problem)

    if flags & 0x7800:
        return faulty(Code.NOT_IMPLEMENTED, "a DNS operation other than a query")
    if (questions, answers, authorities) != (1, 0, 0) or extra > 1:
        return faulty(Code.FORMAT, "a DNS message that is not one plain question")
    labels, at = read_name(message, 12)
    if labels is None or at + 4 > len(message):
        return faulty(Code.FORMAT, "a DNS question whose name is broken or compressed")
    kind, family = struct.unpack_from("!2H", message, at)
    raw, at = message[12:at + 4], at + 4
    question = Question(ident, recursion, raw, "", TYPES.get(kind, f"TYPE{kind}"), bool(extra))
    if extra:
        version = read_edns(message, at)
        if version is None:
            return faulty(Code.FORMAT, "a DNS message that holds something beside question and EDNS")
        if version:
            return Faulty(answer(question, Code.VERSION), f"EDNS version {version}")
    elif at != len(message):
        return faulty(Code.FORMAT, "a DNS message with bytes after its end")
    if family != 1:
        return Faulty(answer(question, Code.REFUSED), "a DNS class other than IN")
    name = b".".join(labels).decode("latin-1").lower()
    # Why the count: a dot inside a label would make two names look like one.
    if not DNS_NAME.fullmatch(name) or name.count(".") != len(labels) - 1:
        return Faulty(answer(question, Code.NO_SUCH_NAME), "a DNS name that no host can have")
    return Question(ident, recursion, raw, name, question.kind, question.edns)


def read_name(message: bytes, at: int) -> tuple[list[bytes] | None, int]:
    """Return the labels of a name and where it ends; None when it is broken, compressed or over 255 bytes."""
    labels: list[bytes] = []
    start = at
    while at < len(message) and at - start < 255:
        size = message[at]
        at += 1
        if not size:
            return labels, at
        if size > 63 or at + size > len(message):
            break
        labels.append(message[at:at + size])
        at += size
    return None, at


def read_edns(message: bytes, at: int) -> int | None:
    """Return the version of the one OPT record that must fill the rest of the message; None for anything
    else."""
    if len(message) < at + 11 or message[at] != 0:
        return None
    kind, _, _, version, _, size = struct.unpack_from("!HHBBHH", message, at + 1)
    return version if kind == OPT and at + 11 + size == len(message) else None


def header(ident: int, recursion: bool, code: int, questions: int, answers: int = 0, extra: int = 0) -> bytes:
    """Return the header of a response that claims recursion and no authority."""
    flags = 0x8000 | (0x0100 if recursion else 0) | 0x0080 | (code & 15)
    return struct.pack("!6H", ident, flags, questions, answers, 0, extra)


def answer(question: Question, code: Code, address: str | None = None) -> bytes:
    """Return the response: one A record, or nothing under `code` (FINE and nothing says: the name has no
    such record)."""
    record = b""
    if address is not None:
        record = struct.pack("!HHHIH4B", 0xC00C, 1, 1, TTL, 4, *map(int, address.split(".")))
    # Why 1232: what passes every link unfragmented (DNS flag day 2020); our answers are far below it.
    edns = struct.pack("!BHHBBHH", 0, OPT, 1232, code >> 4, 0, 0, 0) if question.edns else b""
    head = header(question.ident, question.recursion, code, 1, bool(record), bool(edns))
    return head + question.raw + record + edns
