"""What code uses, one value a use, taken from records.

Knows records and the names of one stack. Does not know any file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from valve_aws.lockfile import general
from valve_aws.model.call import Evidence
from valve_aws.model.pattern import unify
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.record import Record
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Rule

NONE = "-"
"""The resource of what names none. Why not `*`: that line would stand for any."""

CLOUD = "aws"
"""The host of every AWS call: which machine answers it is the backend's affair."""

FOREIGN = "+foreign-key"
"""Behind `aws`: signed with a key that the valve did not issue, so that it is whatever account's."""

CROSSINGS = {"Visit": "visit", "Connect": "connect", "Presign": "presign", "Unreadable": "unreadable"}
"""Crossings of `valve` by which something is used, as a line has them. The others (an event taken in, a
result, a log line) every function has."""

MANY_NAMES = frozenset({"DeleteObjects"})
"""Operations that name many keys, of which a record has one."""


class Use(NamedTuple):
    """One thing that a function does. Fields have no blank in them; `*` in the last two stands for any
    text."""

    function: str
    """Logical id."""
    operation: str
    """`s3:PutObject`; or `visit`, `connect`, `presign`, `unreadable`."""
    resource: str
    """`Uploads/orders/*`: a logical id where the template has it, else an ARN; for another host the path."""
    host: str
    """`aws`, `aws/eu-west-1` for a region that is not the stack's own, either with `FOREIGN`; else
    `https://api.partner.test`."""

    def __str__(self) -> str:
        return " ".join(self)


class Seen(NamedTuple):
    """Where a use was seen first: the record, and the line of source that the shim told of."""

    record: str
    evidence: Evidence


@dataclass(frozen=True)
class Names:
    """What an application calls its things."""

    titles: Mapping[str, str] = field(default_factory=dict)
    """ARN → logical id."""
    account: str = ""
    region: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """A bucket's ARN → the patterns of keys that the policy has for it."""

    @classmethod
    def of(cls, stack: Stack, policy: FlowPolicy) -> Names:
        """Take the names of a stack, and the patterns that its policy gives keys."""
        keys = {
            rule.target: tuple(cell.key[""] for cell in rule.cells if "" in cell.key)
            for rule in policy.stores
        }
        titles = {arn: owner.logical for arn, owner in stack.by_arn().items()}
        return cls(titles, stack.account, stack.region, keys)

    def resource(self, arn: str) -> str:
        """Return a resource of a template by its logical id, what belongs to one by its owner's."""
        head, tail = arn, ""
        while head not in self.titles:
            cut = max(head.rfind("/"), head.rfind(":"))
            if cut < 0:
                return general.arn(arn, self.account, self.region)
            head, tail = head[:cut], head[cut:] + tail
        return general.literal(self.titles[head]) + (general.path(tail) if tail else "")

    def key(self, bucket: str, key: str) -> str:
        """Return the pattern of an object's key: the policy's own where one fits."""
        for pattern in self.keys.get(bucket, ()):
            if unify(pattern, key) is not None:
                return general.pattern(pattern)
        return general.key(key)


def uses(records: Iterable[Record], names: Names) -> dict[Use, Seen]:
    """Return every use in records, with where it was seen first.

    A refused call counts like another: it was attempted. The operator, who has no environment, does not
    count. Some 5 µs a record.
    """
    resource = lru_cache(4096)(names.resource)
    key = lru_cache(4096)(names.key)
    host = lru_cache(4096)(lambda text: general.host(text, names.region))
    path = lru_cache(4096)(general.path)
    found: dict[Use, Seen] = {}
    for record in records:
        if record.verdict == "settled" or not record.environment:
            continue
        for use in _of(record, names, resource, key, host, path):
            known = found.get(use)
            if known is None or (not known.evidence.file and record.evidence.file):
                found[use] = Seen(record.ident, record.evidence)
    return found


Word = Callable[[str], str]


def _of(
    record: Record, names: Names, resource: Word, key: Callable[[str, str], str], host: Word, path: Word
) -> Iterator[Use]:
    function = general.name(record.function)
    if record.service == "valve":
        if operation := CROSSINGS.get(record.operation):
            for target in record.resources or (NONE,):
                yield _crossing(function, operation, target, resource, host, path)
        return
    operation = f"{general.literal(record.service)}:{general.literal(record.operation)}"
    elsewhere = record.region not in {"", names.region}
    cloud = f"{CLOUD}/{general.literal(record.region)}" if elsewhere else CLOUD
    if any(reason.rule is Rule.CREDENTIAL for reason in record.reasons):
        # Why: it is said of a store of ours, which a foreign key's account has under the same name.
        cloud += FOREIGN
    for arn in record.resources or (NONE,):
        what = NONE if arn in {NONE, "*"} else resource(arn)
        if arn.startswith("arn:aws:s3:::") and (named := record.parameters.get("key")):
            # Why one alone: of a copy a record does not say in which of the two the key is.
            sure = len(record.resources) == 1 and record.operation not in MANY_NAMES
            what += "/" + (key(arn, str(named)) if sure else "*")
        yield Use(function, operation, what, cloud)


def _crossing(function: str, operation: str, target: str, resource: Word, host: Word, path: Word) -> Use:
    scheme, mark, rest = target.partition("://")
    if not mark:
        return Use(function, operation, NONE if target == NONE else resource(target), CLOUD)
    authority, slash, tail = rest.partition("/")
    return Use(function, operation, path(slash + tail) if slash else NONE, host(f"{scheme}{mark}{authority}"))
