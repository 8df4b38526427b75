"""The few words of each reason, and the smallest changes that would let a call pass.

Knows how to say it to people. Does not decide.
"""

from __future__ import annotations

from collections.abc import Iterable

from valve_aws.model.label import ANY, Label
from valve_aws.model.policy import TagRule
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Reason, Rule, Way


def tags(label: Iterable[str], most: int = 4) -> str:
    """Return a label in words."""
    names = sorted(label)
    if not names:
        return "nothing"
    if ANY in names:
        return "everything"
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def listed(label: Iterable[str]) -> str:
    """Return a label as YAML's short list; a tag that YAML would not read as one text is quoted."""
    return "[" + ", ".join(t if not set(t) & set("{}*%@") else f'"{t}"' for t in sorted(label)) + "]"


def key(written: str) -> str:
    """Return a store's name as a key of `valve.yaml`."""
    return f'"{written}"' if set(written) & set(":*{}/") else written


def too_much(label: Label, title: str, ceiling: Label) -> str:
    """Say that a store does not take a label; the report puts `carries` before it."""
    return f"{tags(label)}; {title} accepts {tags(ceiling)}"


def confined(label: Label, rule: TagRule, title: str) -> str:
    """Say that a tag has a ceiling of its own."""
    return f"{tags(label)} may not go to {title}, only to {', '.join(rule.only_to or ()) or 'nowhere'}"


def accept(title: str, label: Label, opened: Iterable[str] = ()) -> str:
    """The line that lets a store take a label, and who else it lets in."""
    others = ", ".join(sorted(opened))
    return f"{key(title)}: {{accepts: {listed(label)}}}" + (f"  also opens {others}" if others else "")


def leave_out(ways: Iterable[Way], excess: Label, stack: Stack, keys: tuple[str, ...]) -> str:
    """The reading that would not have brought the tags along, "" when they did not come out of declared
    attributes.
    """
    came = [w.cell for w in ways if w.tag in excess and w.cell is not None]
    named = sorted({c.attribute for c in came if c.attribute})
    if not named or any(not c.attribute for c in came):
        return ""
    stores = ", ".join(sorted({stack.title(c.store) for c in came}))
    shown = ", ".join([k for k in keys if k not in named] + ["…"])
    return f'read {stores} without {", ".join(named)}: ProjectionExpression="{shown}"'


def statement(action: str, resource: str) -> str:
    """The statement that would let a role do something."""
    return f"Policies: [{{Statement: {{Effect: Allow, Action: '{action}', Resource: '{resource}'}}}}]"


def clear(function: str, label: Label) -> str:
    """The line that lets a function learn a label."""
    return f"functions: {{{function}: {{clearance: {listed(label)}}}}}"


def withheld(what: str) -> Reason:
    """The reason against anything that carries a credential out."""
    return Reason(Rule.HELD, f"{what} stands in it", fixes=("leave credentials out of what is sent",))


def explain(reason: Reason) -> tuple[str, ...]:
    """Return one reason as lines: what it is, where it is decided, what would change it."""
    place = f"  {reason.where}" if reason.where.file else ""
    return (
        f"{reason.rule}: {reason.text}{place}",
        *(f"fix {letter}: {fix}" for letter, fix in zip("abcdef", reason.fixes, strict=False)),
    )
