"""Decoys: values that look like what a thief looks for, and are good for nothing.

Knows their shapes. Does not know where they are put nor how they are found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

DIGITS = "234567"
"""Digits that an access key may have (RFC 4648 §6). Why a mark of digits: neither case nor JSON, URLs or
hexadecimal change them, so that few spellings are to be looked for."""

MARK_LENGTH = 6

BETWEEN = 4
"""Letters between two marks: a piece of 15 bytes has a whole mark in it, wherever it is cut."""

LETTERS = "BCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Why without A: an access key has that before its first mark."""


@dataclass(frozen=True, slots=True)
class Decoy:
    """One value. `body` is the part of it, in lower case, that is looked for."""

    kind: str
    """What a thief takes it for: `access key`, `secret key`, `secret`, `name`, `e-mail`."""
    value: str = field(repr=False)
    body: bytes = field(repr=False)
    marks: tuple[int, ...] = ()
    """Where in the body a mark begins."""


@dataclass(frozen=True, slots=True)
class Flock:
    """The decoys of one run, all with one mark, so that looking for all of them is looking for one word."""

    mark: bytes
    """Digits that read the same backwards, so that what is turned round has it too."""
    access_key: Decoy
    secret_key: Decoy
    secret: Decoy
    name: Decoy
    email: Decoy

    def __iter__(self) -> Iterator[Decoy]:
        return iter((self.access_key, self.secret_key, self.secret, self.name, self.email))

    def variables(self) -> dict[str, str]:
        """Return the key as variables of an environment, as somebody would leave an old one there."""
        key, secret = self.access_key.value, self.secret_key.value
        return {"BACKUP_ACCESS_KEY_ID": key, "BACKUP_SECRET_ACCESS_KEY": secret}

    def record(self) -> dict[str, str]:
        """Return the attributes of a person who is not there."""
        return {"name": self.name.value, "email": self.email.value}


def hatch(random: Callable[[int], bytes]) -> Flock:
    """Return decoys made of `random(n)` bytes."""
    digits = list(DIGITS)
    half = "".join(digits.pop(byte % len(digits)) for byte in random(MARK_LENGTH // 2))
    mark = half + half[::-1]
    groups = _groups(random)

    def made(
        kind: str, marks: int, between: int, shape: str = "{}", start: str = "", lower: bool = True
    ) -> Decoy:
        parts = [mark + (next(groups) if at < between else "") for at in range(marks)]
        body = start + "".join(parts)
        body = body.lower() if lower else body
        where = tuple(len(start) + at * (MARK_LENGTH + BETWEEN) for at in range(marks))
        return Decoy(kind, shape.format(body), body.lower().encode(), where)

    return Flock(
        mark.encode(),
        access_key=made("access key", 2, 1, start="AKIA", lower=False),
        secret_key=made("secret key", 4, 4, lower=False),
        secret=made("secret", 3, 3),
        name=made("name", 2, 2, "Nora {}", lower=False),
        email=made("e-mail", 3, 2, "{}@example.com"),
    )


def _groups(random: Callable[[int], bytes]) -> Iterator[str]:
    """Yield what stands between marks: no two groups have a first or last letter in common.

    Why: a mark with one letter beside it is then of one decoy, one place in it and one direction; that two
    decoys look alike there is no chance.
    """
    left = list(LETTERS)
    ends = [left.pop(byte % len(left)) for byte in random(len(LETTERS) - 1)]
    for first, last in zip(ends[::2], ends[1::2], strict=True):
        yield first + "".join(LETTERS[byte % len(LETTERS)] for byte in random(BETWEEN - 2)) + last
