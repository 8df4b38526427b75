"""Every credential of one run: which environment holds which, and where one of them stands in what leaves.

Knows keys, sessions and other secrets that must not leave. Does not know what is done about one that is
found. What is split, encrypted or spelled otherwise is not looked for: outside it is worth as little as plain
(law 17), so this catches mistakes and leaves the hostile nothing to gain.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from valve_aws.aws.keys import MARK, SECRET, SECRET_LENGTH, TOKEN_LENGTH, issue
from valve_aws.model.call import Head, Key
from valve_aws.model.spellings import extent, said, spellings, whole

WAYS = spellings(SECRET.encode())
NEEDLES = tuple(way.needle for way in WAYS)

MASK = b"[credential withheld]"


@dataclass(frozen=True, slots=True)
class Issued:
    """One placeholder key and who holds it."""

    key: Key
    environment: str
    function: str
    session: Key | None = None
    """What it stands for upstream when it is a session of STS; None: the backend's own credential."""


@dataclass(frozen=True, slots=True)
class Found:
    """A credential in a text, and where."""

    start: int
    end: int
    what: str
    """`the session token of an environment of Worker`."""


ENDED = 4096
"""Environments whose keys stay known after their end, some 1 KB each: so that they are recognised in what
another lets go, and so that links made there may be released. Forgetting one opens nothing: what it signed is
taken nowhere, inside or outside."""


class Keyring:
    """The keys of one run. An environment's own key stays known after its end, so that it is recognised:
    until `ENDED` others have ended after it."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._issued: dict[str, Issued] = {}
        self._kept: dict[bytes, tuple[str, Issued]] = {}
        """Secret → what it is, and whose."""
        self._held: dict[str, list[Issued]] = {}
        """Environment → all that it holds or held: its own key first, then its sessions."""
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._others: list[tuple[str, tuple[bytes, ...]]] = []
        self._needles = NEEDLES
        """All that is looked for."""

    def issue(self, environment: str, function: str) -> Key:
        """Return a new key for an environment of `function` (logical id)."""
        return self.take(issue(self._random), environment, function)

    def take(self, key: Key, environment: str, function: str) -> Key:
        """Take in a key that was issued elsewhere."""
        return self._take(Issued(key, environment, function)).key

    def lend(self, to: str, session: Key) -> Key:
        """Return a new key that stands for a session of STS, for the environment that holds the access key
        `to`; it ends with it."""
        holder = self._issued[to]
        return self._take(Issued(issue(self._random), holder.environment, holder.function, session)).key

    def _take(self, issued: Issued) -> Issued:
        key = issued.key
        self._issued[key.access_key] = issued
        self._kept[key.secret_key.encode()] = ("the secret key", issued)
        self._kept[key.token.encode()] = ("the session token", issued)
        self._held.setdefault(issued.environment, []).append(issued)
        return issued

    def keep(self, what: str, secret: bytes, *texts: bytes) -> None:
        """Take in a secret of another kind that must not leave, and texts that hold it spelled otherwise."""
        self._others.append((what, (*whole(secret), *texts)))
        self._needles += self._others[-1][1]

    def end(self, environment: str) -> None:
        """Let an environment's sessions end with it, and forget what ended long before. Idempotent."""
        for issued in self._held.get(environment, ()):
            if issued.session is not None:
                self._issued.pop(issued.key.access_key, None)
        if environment in self._held:
            self._ended[environment] = None
        while len(self._ended) > ENDED:
            for issued in self._held.pop(self._ended.popitem(last=False)[0]):
                self._issued.pop(issued.key.access_key, None)
                self._kept.pop(issued.key.secret_key.encode(), None)
                self._kept.pop(issued.key.token.encode(), None)

    def of(self, access_key: str) -> Issued | None:
        """Return who holds a key; None when it is none of this run's, or has ended."""
        return self._issued.get(access_key)

    def signer(self, head: Head, own: Key) -> Key:
        """Return the key of the environment that holds `own` with which a request says it is signed; `own`
        for any other."""
        said_by = head.header("authorization") or head.target
        if own.access_key in said_by:
            return own
        at = said_by.find(MARK)
        issued = self._issued.get(said_by[at:at + len(own.access_key)]) if at >= 0 else None
        holder = self._issued.get(own.access_key)
        mine = issued is not None and holder is not None and issued.environment == holder.environment
        return issued.key if issued is not None and mine else own

    def upstream(self, access_key: str, backend: Key) -> Key:
        """Return what a call signed with a key of ours is signed with upstream."""
        issued = self._issued.get(access_key)
        return issued.session if issued is not None and issued.session is not None else backend

    def own(self, access_key: str) -> bool:
        """Say whether a key is that of an environment itself, no session of STS."""
        issued = self._issued.get(access_key)
        return issued is not None and issued.session is None

    # Recognition

    def found(self, text: bytes) -> str:
        """Return what credential stands in a text, "" when none does. Some 2 µs where there is none."""
        # Why `find`: `in` tries each needle as a number first, and to fail at that takes as long as to look.
        if max(map(text.find, self._needles)) < 0:
            return ""
        spots = self.spots(text)
        return spots[0].what if spots else ""

    def spots(self, text: bytes) -> list[Found]:
        """Return every credential in a text, in order."""
        out = []
        for way, at, secret in said(text, WAYS, TOKEN_LENGTH):
            if not secret:
                out.append(Found(at, len(text), "more that looks like a credential than is looked at"))
            for known in {secret[:n] for n in (SECRET_LENGTH, TOKEN_LENGTH)} & self._kept.keys():
                out.append(Found(*extent(text, way, at, len(known)), _named(*self._kept[known])))
        for what, needles in self._others:
            out += [Found(at, at + len(n), what) for n in needles if (at := text.find(n)) >= 0]
        return sorted(out, key=lambda found: found.start)

    def masked(self, text: bytes) -> bytes:
        """Return a text with every credential in it masked."""
        for found in reversed(self.spots(text)):
            text = text[: found.start] + MASK + text[found.end :]
        return text


def _named(what: str, issued: Issued) -> str:
    session = "a session of " if issued.session is not None else ""
    return f"{what} of {session}an environment of {issued.function}"
