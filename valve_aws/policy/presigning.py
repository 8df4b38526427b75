"""`may-presign`: which links to a bucket's objects may leave, as the policy writes it.

Knows the words of one section. Does not know what a link is.
"""

from __future__ import annotations

from typing import Final

from valve_aws.model.policy import PRESIGNABLE, PresignRule
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.policy.names import Names
from valve_aws.policy.shape import mapping, members, near, several, shown, word, words
from valve_aws.policy.targets import fields

WORDS: Final = ("operations", "keys", "expires", "into")

RESULTS: Final = "results"

USUAL: Final = 900
"""Seconds that a released link lives where its line says nothing."""

LONGEST: Final = 604800
"""Seconds that a presigned URL may live (SigV4 query parameters, `X-Amz-Expires`)."""


def presigning(node: Node, names: Names) -> tuple[PresignRule, ...]:
    """Return the rules of one function's `may-presign`."""
    return tuple(
        _rule(names.store(Node(key, where), "`may-presign`"), key, value, where, names)
        for key, value, where in mapping(node, "`may-presign`")
    )


def _rule(bucket: str, key: str, node: Node, where: Where, names: Names) -> PresignRule:
    if names.kind(bucket) != "s3":
        raise Invalid(
            where, f"{shown(key)} is no bucket, and only links to objects are released", "name a bucket"
        )
    parts = members(node, f"{shown(key)} of `may-presign`", WORDS)
    if "operations" not in parts or not several(parts["operations"]):
        raise Invalid(
            node.where,
            f"{shown(key)} of `may-presign` says no `operations`",
            "such as `operations: [PutObject]`",
        )
    into, results = _places(parts["into"], names) if "into" in parts else ((), True)
    return PresignRule(
        bucket,
        tuple(dict.fromkeys(_operation(entry) for entry in words(parts["operations"], "`operations`"))),
        _keys(parts["keys"]) if "keys" in parts else "*",
        _seconds(parts["expires"]) if "expires" in parts else USUAL,
        into,
        results,
        where,
    )


def _operation(node: Node) -> str:
    if node.value not in PRESIGNABLE:
        raise Invalid(
            node.where, f"no link to {shown(node.value)} can be released", near(node.value, PRESIGNABLE)
        )
    return str(node.value)


def _keys(node: Node) -> str:
    text = word(node, "`keys`")
    fields(text, node.where)
    return text


def _seconds(node: Node) -> int:
    value = node.value
    if node.tag or type(value) is not int or not 0 < value <= LONGEST:
        raise Invalid(
            node.where,
            f"`expires` is a number of seconds, not {shown(value)}",
            f"write 1 to {LONGEST} (seven days)",
        )
    return value


def _places(node: Node, names: Names) -> tuple[tuple[str, ...], bool]:
    """Return (targets, whether results are among them)."""
    entries = several(node)
    if not entries:
        raise Invalid(node.where, "`into` names no place, so no link could leave", "name `results`, a host …")
    found, results = [], False
    for entry in entries:
        if entry.value == RESULTS and not entry.tag:
            results = True
            continue
        target = names.store(entry, "`into`")
        if names.kind(target) == "s3":
            raise Invalid(
                entry.where,
                "an object's bytes go as they are, so no link in them is released",
                "put it into a message, an item, a mail or a result",
            )
        found.append(target)
    return tuple(dict.fromkeys(found)), results
