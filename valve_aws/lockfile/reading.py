"""The file's text, read with the place of every line kept.

Knows the syntax: one use a line, four words. Does not know which uses there should be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from valve_aws.lockfile.use import Use
from valve_aws.model.source import Invalid, Where

VERSION = "version 1"

FIELDS = ("function", "operation", "resource", "host")

FIELD = re.compile(r"[!-~]+", re.ASCII)

OPERATION = re.compile(r"[^*:]+:[^*]+|visit|connect|presign|unreadable", re.ASCII)
"""Why nearly anything behind the colon: of a request that is unknown it is what the function wrote."""

CONFLICT = ("<<<<<<<", "=======", ">>>>>>>", "|||||||")

LARGEST = 4 << 20
"""Bytes; a line has some 60."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line, with the comment lines that stand above it."""

    use: Use
    where: Where
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """A whole file."""

    entries: tuple[Entry, ...] = ()
    head: tuple[str, ...] = ()
    """Comment lines above the version."""
    foot: tuple[str, ...] = ()
    """Comment lines below the last use."""


def read(text: str, file: str) -> Lock:
    """Return what a file says. Order means nothing, and a line may stand there twice. Raises `Invalid`."""
    if len(text) > LARGEST:
        raise Invalid(Where(file), f"it has more than {LARGEST >> 20} MiB", "that is no lockfile of ours")
    head: tuple[str, ...] = ()
    comments: list[str] = []
    entries: list[Entry] = []
    versioned = False
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r \t")
        if line.startswith(CONFLICT):
            raise Invalid(Where(file, number, 1), "a merge was not finished", "keep the lines of both sides")
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            comments.append(line.strip())
        elif not versioned:
            _version(line, Where(file, number, 1))
            head, comments, versioned = tuple(comments), [], True
        else:
            entries.append(Entry(_use(line, file, number), Where(file, number, 1), tuple(comments)))
            comments = []
    if not versioned:
        problem = f"it does not begin with `{VERSION}`"
        raise Invalid(Where(file, 1, 1), problem, "make it anew with `valve lock update`")
    return Lock(tuple(entries), head, tuple(comments))


def _version(line: str, where: Where) -> None:
    if line.strip() != VERSION:
        raise Invalid(
            where,
            f"`{line.strip()[:40]}`, where `{VERSION}` is expected",
            "it is from another version of this program, or no lockfile",
        )


def _use(line: str, file: str, number: int) -> Use:
    found = [(match.start() + 1, match.group()) for match in re.finditer(r"[^ \t]+", line)]
    for column, word in found:
        if not FIELD.fullmatch(word):
            problem = f"`{word}` has characters that no line has"
            raise Invalid(Where(file, number, column), problem, "write them as %XX of UTF-8")
    if len(found) != len(FIELDS):
        column = found[len(FIELDS)][0] if len(found) > len(FIELDS) else len(line) + 1
        problem = f"{len(found)} words, where a line has {len(FIELDS)}: " + ", ".join(FIELDS)
        raise Invalid(Where(file, number, column), problem, "for example `Worker sqs:SendMessage Jobs aws`")
    (column, function), (at, operation), *_ = found
    if "*" in function:
        problem = f"`{function}` stands for many functions"
        raise Invalid(Where(file, number, column), problem, "write a line for each")
    if not OPERATION.fullmatch(operation):
        raise Invalid(
            Where(file, number, at),
            f"`{operation}` is no operation",
            "write `service:Operation`, `visit` or `connect`; `*` may stand in a resource and a host",
        )
    return Use(*(word for _, word in found))
