"""What the findings stand on: the policy and its stack side by side, and which tags are there at all.

Knows how patterns of tags and targets relate. Does not find anything wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from valve_aws.model.label import ANY
from valve_aws.model.pattern import FIELD, unify
from valve_aws.model.policy import FlowPolicy, StoreRule, TagRule, Tags
from valve_aws.model.source import Where
from valve_aws.model.stack import Stack
from valve_aws.policy.access import Access

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding, with the line it is about.

    `error`: something that was to be kept or let in is not. `warning`: a line never matters, or lets through
    more than it seems to. `note`: worth knowing.
    """

    where: Where
    text: str
    severity: Severity = "warning"


@dataclass(frozen=True, slots=True)
class Ground:
    """A policy beside its stack."""

    policy: FlowPolicy
    stack: Stack
    access: Access
    carried: frozenset[str]
    """Patterns of all tags that some line puts on something."""

    @classmethod
    def of(cls, policy: FlowPolicy, stack: Stack) -> Ground:
        """Lay a policy beside its stack."""
        lists: list[Tags] = [*policy.events.values()]
        for rule in policy.stores:
            lists += held(rule)
        return cls(policy, stack, Access(stack), frozenset(p for tags in lists for p in tags.patterns))

    def title(self, target: str) -> str:
        """Return what the policy calls a target, else its logical id, else the target itself."""
        named = next((r.written for r in self.policy.stores if r.target == target), "")
        return named or self.stack.title(target)

    def owned(self, target: str) -> bool:
        """Say whether a target is a store of this stack."""
        return self.stack.store(target) is not None

    def rule(self, target: str) -> StoreRule | None:
        """Return the line of `stores` that speaks of a target, or of all that a pattern names."""
        exact = next((r for r in self.policy.stores if r.target == target), None)
        return exact or next((r for r in self.policy.stores if spans(r.target, target)), None)

    def confining(self, tag: str) -> Iterator[TagRule]:
        """Yield the `only-to` ceilings that a tag is under."""
        return (r for r in self.policy.tags.values() if r.only_to is not None and inside(tag, r.tag))


def held(rule: StoreRule) -> list[Tags]:
    """Return the lists of tags that a store's content carries by some line."""
    return [rule.holds, *rule.attributes.values(), *(cell.holds for cell in rule.cells)]


def taken(rule: StoreRule) -> list[Tags]:
    """Return the lists of tags that a store takes by some line."""
    return [rule.accepts, *(cell.accepts for cell in rule.cells)]


def _segments(tag: str) -> list[str]:
    return tag.split("/")


def inside(tag: str, bound: str) -> bool:
    """Say whether a tag, whatever fills its fields, may be within `bound`."""
    one, other = _segments(tag), _segments(bound)
    return bound == ANY or (
        len(one) >= len(other)
        and all(a == b or FIELD.fullmatch(a) or FIELD.fullmatch(b) for a, b in zip(one, other, strict=False))
    )


def fitting(tag: str, ceiling: Iterable[str]) -> bool:
    """Say whether some bound of a ceiling may contain a tag."""
    return any(inside(tag, bound) for bound in ceiling)


def spans(wide: str, narrow: str) -> bool:
    """Say whether one pattern names all that another names."""
    if wide == narrow:
        return True
    samples = (FIELD.sub("\1", narrow).replace("*", filling) for filling in ("", "\2", "\2/\2#\2"))
    return ("*" in wide or "{" in wide) and all(unify(wide, sample) is not None for sample in samples)


def listing(names: Iterable[str], most: int = 3) -> str:
    """Return names in back-ticks, the first few of them."""
    found = list(dict.fromkeys(names))
    rest = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(f"`{n}`" for n in found[:most]) + rest
